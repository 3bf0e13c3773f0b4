#include "sync/merge/local_write.hpp"

#include <algorithm>
#include <utility>

#include "sync/merge/compare.hpp"
#include "sync/merge/total.hpp"

namespace satchel::sync {
namespace {

using schema::FieldDef;
using schema::Rule;
using schema::StageTable;

// Of two values, the one that the rule keeps.
bool beats(Rule rule, ByteView candidate, ByteView held) {
  const std::strong_ordering order = compare_encoded(candidate, held);
  return rule == Rule::kMin ? order < 0 : order > 0;
}

const Sibling* own_sibling(const Register* own) {
  if (own == nullptr) return nullptr;
  return read_register(Rule::kLww, FieldDef{}, *own).shown;
}

bool has_reason(const FieldDef& field, ByteView value) {
  const auto& structure = field.value_type().structure;
  if (!structure || structure->members.size() < 3) return true;
  const Result<Value> decoded = decode_value(value);
  const auto* members = decoded ? decoded->as<StructMembers>() : nullptr;
  if (members == nullptr) return false;
  return std::any_of(members->begin(), members->end(), [&](const auto& member) {
    const auto* text = member.second.template as<std::string>();
    return member.first == structure->members[2].ordinal && (text == nullptr || !text->empty());
  });
}

std::string name_in(const StageTable& table, std::uint8_t stage) {
  return stage < table.stages.size() ? table.stages[stage] : std::to_string(stage);
}

}  // namespace

Register local_write(const Register* shown, const Dot& dot, Stamp stamp, Bytes value) {
  return written(dot, stamp, std::move(value), shown != nullptr ? shown->context : Context{});
}

Bytes value_over(const FieldDef& field, const Register* shown, Bytes value) {
  const Rule rule = register_rule(field);
  const bool extreme = rule == Rule::kMax || rule == Rule::kMin;
  if (shown == nullptr || !extreme || is_null_bytes(value)) return value;
  const RegisterReading reading = read_register(rule, field, *shown);
  if (reading.present && beats(rule, reading.shown->value, value)) return reading.shown->value;
  return value;
}

Result<Register> apply_increment(const Register* own, ByteView increment, const Dot& dot,
                                 Stamp stamp) {
  Result<Value> added = decode_value(increment);
  if (!added) return added.error();
  if (added->as<std::int64_t>() == nullptr && added->as<double>() == nullptr) {
    return Error{Errc::kTypeMismatch, "an increment is a number"};
  }
  Value total = std::move(*added);
  const Sibling* before = own_sibling(own);
  if (before != nullptr && !is_null_bytes(before->value)) {
    const Result<Value> counted = decode_value(before->value);
    if (!counted) return counted.error();
    std::optional<Value> sum = checked_sum(*counted, total);
    if (!sum) return Error{Errc::kLimitExceeded, "a counter leaves the range of its type"};
    total = std::move(*sum);
  }
  return local_write(own, dot, stamp, encode_value(total));
}

Result<Register> apply_candidate(Rule rule, const Register* own, ByteView candidate, const Dot& dot,
                                 Stamp stamp) {
  if (is_null_bytes(candidate)) return Error{Errc::kTypeMismatch, "a candidate is not null"};
  if (Result<Value> decoded = decode_value(candidate); !decoded) return decoded.error();
  const Sibling* before = own_sibling(own);
  const bool stays = before != nullptr && !is_null_bytes(before->value) &&
                     !beats(rule, candidate, before->value);
  return local_write(own, dot, stamp, stays ? before->value : Bytes{candidate});
}

bool is_reached(const FieldDef& field, std::span<const Entry> base, ByteView candidate) {
  const FieldReading reading = read_field(field, base);
  return reading.present && !beats(register_rule(field), candidate, reading.value);
}

Status may_write_stage(const StageTable& table, std::optional<std::uint8_t> shown,
                       std::uint8_t next) {
  const std::uint8_t from = shown.value_or(0);
  if (from == next || table.may_move(from, next)) return {};
  return Error{Errc::kRuleMismatch,
               "no move from " + name_in(table, from) + " to " + name_in(table, next)};
}

Status may_write_stage(const FieldDef& field, const Register* shown, ByteView value) {
  const StageTable& table = *field.stages;
  const std::optional<std::string> stage = stage_of(field, value);
  const std::optional<std::uint8_t> next = stage ? table.find(*stage) : std::nullopt;
  if (!next) return Error{Errc::kTypeMismatch, field.name + ": not one of its stages"};
  const auto& asking = table.needs_reason;
  if (std::find(asking.begin(), asking.end(), *next) != asking.end() && !has_reason(field, value)) {
    return Error{Errc::kRequiredMissing, field.name + ": " + *stage + " needs a reason"};
  }
  const RegisterReading reading =
      shown != nullptr ? read_register(Rule::kStage, field, *shown) : RegisterReading{};
  if (!reading.present) return may_write_stage(table, std::nullopt, *next);
  Status refusal;
  for (const Sibling& sibling : shown->siblings) {
    if (&sibling != reading.shown && !reading.contested) continue;
    const std::optional<std::string> from = stage_of(field, sibling.value);
    const std::optional<std::uint8_t> index = from ? table.find(*from) : std::nullopt;
    if (!index) return {};  // A stage of a newer schema: its table decides, not ours.
    Status allowed = may_write_stage(table, *index, *next);
    if (allowed) return allowed;
    if (&sibling == reading.shown) refusal = std::move(allowed);
  }
  return refusal;
}

}  // namespace satchel::sync
