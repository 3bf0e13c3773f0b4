#include "sync/commit/check.hpp"

#include "schema/model/limits.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sync {
namespace {

using schema::Kind;
using schema::Rule;

Error mismatch(const schema::FieldDef& field, std::string_view expected) {
  return Error{Errc::kTypeMismatch, field.name + ": expected " + std::string{expected}};
}

Status check_struct(const schema::FieldDef& field, const schema::Type& type, const Value& value) {
  const auto* members = value.as<StructMembers>();
  if (members == nullptr) return mismatch(field, "a struct " + type.structure->name);
  for (const auto& [ordinal, member] : *members) {
    for (const schema::StructMember& known : type.structure->members) {
      if (known.ordinal != ordinal) continue;
      SATCHEL_TRY(check_type(field, known.type, member));
    }
  }
  return {};
}

Error no_such_op(const schema::FieldDef& field) {
  return Error{Errc::kRuleMismatch, field.name + ": a field of rule " +
                                        std::string{name_of(field.rule)} +
                                        " does not take this operation"};
}

WriteOp op_of(Rule rule) {
  switch (rule) {
    case Rule::kCounter: return WriteOp::kIncrement;
    case Rule::kMax: return WriteOp::kMaximum;
    case Rule::kMin: return WriteOp::kMinimum;
    case Rule::kLog: return WriteOp::kAppend;
    default: return WriteOp::kState;
  }
}

}  // namespace

Status check_type(const schema::FieldDef& field, const schema::Type& type, const Value& value) {
  if (value.is_null()) return {};
  switch (type.kind) {
    case Kind::kBool:
      return value.as<bool>() != nullptr ? Status{} : mismatch(field, "true or false");
    case Kind::kInteger: {
      const auto* number = value.as<std::int64_t>();
      if (number == nullptr) return mismatch(field, "an integer");
      if (*number < type.min || *number > type.max) {
        return mismatch(field, "an integer in the type's range");
      }
      return {};
    }
    case Kind::kFloat:
      return value.as<double>() != nullptr ? Status{} : mismatch(field, "a number");
    case Kind::kText:
      return value.as<std::string>() != nullptr ? Status{} : mismatch(field, "text");
    case Kind::kData: return value.as<Data>() != nullptr ? Status{} : mismatch(field, "data");
    case Kind::kStruct:
    case Kind::kAttachment: return check_struct(field, type, value);
    case Kind::kList: {
      const auto* elements = value.as<ListElements>();
      if (elements == nullptr) return mismatch(field, "a list");
      for (const Value& element : *elements) SATCHEL_TRY(check_type(field, *type.element, element));
      return {};
    }
    case Kind::kMap: return mismatch(field, "one entry of the map at a time");
  }
  return mismatch(field, "a known kind of value");
}

std::optional<std::uint8_t> stage_index(const schema::StageTable& table, const Value& value) {
  const Value* name = &value;
  if (const auto* members = value.as<StructMembers>()) {
    if (members->empty() || members->front().first != 0) return std::nullopt;
    name = &members->front().second;
  }
  const auto* text = name->as<std::string>();
  return text != nullptr ? table.find(*text) : std::nullopt;
}

namespace {

// The value, if it is within bounds.
Result<Value> bounded_value(const RegisterWrite& write) {
  if (write.value.size() > limits::kValueBytesMax) {
    return Error{Errc::kLimitExceeded,
                 "a value has at most " + std::to_string(limits::kValueBytesMax) + " bytes"};
  }
  if (write.key.size() > limits::kKeyBytesMax) {
    return Error{Errc::kLimitExceeded,
                 "a key has at most " + std::to_string(limits::kKeyBytesMax) + " bytes"};
  }
  return decode_value(write.value);
}

}  // namespace

Status check_bounds(const RegisterWrite& write) {
  const auto value = bounded_value(write);
  return value ? Status{} : Status{value.error()};
}

Status check_write(const schema::FieldDef& field, const RegisterWrite& write) {
  const auto value = bounded_value(write);
  if (!value) return value.error();
  const Rule rule = rule_in_force(field.rule);
  if (write.op != op_of(rule)) return no_such_op(field);
  const bool keyed =
      rule == Rule::kSet || rule == Rule::kAccessSet || rule == Rule::kMap || rule == Rule::kLog;
  if (field.reopening && write.key == kReopenKey) {
    const bool known = value->is_null() || value->as<bool>() != nullptr;
    return known ? Status{} : mismatch(field, "true, or nothing");
  }
  if (keyed == write.key.empty()) return no_such_op(field);
  if (rule == Rule::kLog) {
    if (write.key.size() != 2) return no_such_op(field);
    return check_type(field, field.value_type(), *value);
  }
  if (rule == Rule::kSet || rule == Rule::kAccessSet) {
    auto element = decode_value(write.key);
    if (!element) return element.error();
    if (!value->is_null() && value->as<bool>() == nullptr) {
      return mismatch(field, "presence or absence of an element");
    }
    return check_type(field, field.value_type(), *element);
  }
  if (rule == Rule::kMap) {
    auto key = decode_value(write.key);
    if (!key) return key.error();
    if (field.type.key) SATCHEL_TRY(check_type(field, *field.type.key, *key));
    return check_type(field, field.value_type(), *value);
  }
  if (write.op != WriteOp::kState && value->is_null()) return mismatch(field, "a number, not null");
  return check_type(field, field.value_type(), *value);
}

}  // namespace satchel::sync
