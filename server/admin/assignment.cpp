#include "server/admin/assignment.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema/catalog/json.hpp"

namespace satchel::server {
namespace {

using schema::FieldDef;
using schema::Rule;

Error named(const FieldDef& field, Error error) {
  if (!error.context.starts_with(field.name)) error.context = field.name + ": " + error.context;
  return error;
}

Result<Value> typed(const FieldDef& field, const schema::Type& type, const Assignment& assignment) {
  auto value = assignment.is_json ? schema::value_from_json(type, assignment.text)
                                  : schema::value_from_text(field, type, assignment.text);
  if (!value) return named(field, value.error());
  return value;
}

// The elements of a list given as JSON, or the one element given as text.
Result<ListElements> elements_of(const FieldDef& field, const Assignment& assignment) {
  if (assignment.text.empty()) return ListElements{};
  const bool is_list = assignment.is_json && assignment.text.front() == '[';
  auto value = typed(field, is_list ? field.type : field.value_type(), assignment);
  if (!value) return value.error();
  if (!is_list) return ListElements{std::move(*value)};
  return *value->as<ListElements>();
}

Status prefixed(const FieldDef& field, const Status& status) {
  if (status) return {};
  return named(field, status.error());
}

}  // namespace

sync::FieldReading FieldAssigner::reading_of(const FieldDef& field) const {
  return sync::read_field(field, shown_.of_field(field.id));
}

Value FieldAssigner::shown_value(const FieldDef& field) const {
  const auto reading = reading_of(field);
  if (!reading.present) return Value{};
  auto value = decode_value(reading.value);
  return value ? std::move(*value) : Value{};
}

Status FieldAssigner::assign(const Assignment& assignment) {
  const std::string_view path = assignment.path;
  const std::string_view name = path.substr(0, path.find('.'));
  const std::string_view rest =
      name.size() == path.size() ? std::string_view{} : path.substr(name.size() + 1);
  const FieldDef* const field = collection_.find(name);
  if (field == nullptr) {
    return Error{Errc::kFieldUnknown, collection_.name + "." + std::string(name)};
  }
  const Rule rule = schema::rule_in_force(field->rule);
  if (rule == Rule::kMap) return prefixed(*field, assign_map(*field, rest, assignment));
  if (!rest.empty() && schema::is_map_rule(rule) && rule != Rule::kMax && rule != Rule::kMin) {
    return Error{Errc::kFieldUnknown, std::string(path) + ": the field has no members"};
  }
  if (rule == Rule::kSet || rule == Rule::kAccessSet) {
    return prefixed(*field, assign_set(*field, assignment));
  }
  if (rule == Rule::kLog) return prefixed(*field, assign_log(*field, assignment));
  if (rule == Rule::kCounter && mode_ == AssignMode::kUpsert) {
    return prefixed(*field, assign_counter(*field, assignment));
  }
  return prefixed(*field, assign_plain(*field, rest, assignment));
}

Status FieldAssigner::assign_set(const FieldDef& field, const Assignment& assignment) {
  auto elements = elements_of(field, assignment);
  if (!elements) return elements.error();
  const auto reading = reading_of(field);
  for (const Value& element : *elements) {
    const Bytes key = encode_value(element);
    const bool held = std::any_of(reading.items.begin(), reading.items.end(),
                                  [&](const sync::ShownItem& item) { return item.key == key; });
    if (held && mode_ == AssignMode::kUpsert) continue;
    SATCHEL_TRY(builder_.set_add(collection_.name, shown_.id, field.name, element));
  }
  return {};
}

Status FieldAssigner::assign_log(const FieldDef& field, const Assignment& assignment) {
  auto elements = elements_of(field, assignment);
  if (!elements) return elements.error();
  const auto reading = reading_of(field);
  for (const Value& element : *elements) {
    const Bytes value = encode_value(element);
    const bool held = std::any_of(reading.items.begin(), reading.items.end(),
                                  [&](const sync::ShownItem& item) { return item.value == value; });
    if (held && mode_ == AssignMode::kUpsert) continue;
    SATCHEL_TRY(builder_.log_append(collection_.name, shown_.id, field.name, element));
  }
  return {};
}

Status FieldAssigner::assign_counter(const FieldDef& field, const Assignment& assignment) {
  auto wanted = typed(field, field.value_type(), assignment);
  if (!wanted) return wanted.error();
  const auto* const total = wanted->as<std::int64_t>();
  if (total == nullptr) return {};  // Nothing given.
  const Value shown = shown_value(field);
  const auto* const held = shown.as<std::int64_t>();
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(*total, held == nullptr ? 0 : *held, &difference)) {
    return Error{Errc::kTypeMismatch, "the difference to what is held is out of range"};
  }
  if (difference == 0) return {};
  return builder_.add(collection_.name, shown_.id, field.name, difference);
}

Status FieldAssigner::assign_entry(const FieldDef& field, const Value& key, const Value& value) {
  const auto reading = reading_of(field);
  const Bytes name = encode_value(key);
  const auto held = std::find_if(reading.items.begin(), reading.items.end(),
                                 [&](const sync::ShownItem& item) { return item.key == name; });
  const bool same =
      held == reading.items.end() ? value.is_null() : held->value == encode_value(value);
  if (same && mode_ == AssignMode::kUpsert) return {};
  return builder_.set_entry(collection_.name, shown_.id, field.name, key, value);
}

Status FieldAssigner::assign_map(const FieldDef& field, std::string_view key,
                                 const Assignment& assignment) {
  if (!key.empty()) {
    auto name = schema::value_from_text(field, *field.type.key, key);
    if (!name) return name.error();
    auto value = typed(field, field.value_type(), assignment);
    if (!value) return value.error();
    return assign_entry(field, *name, *value);
  }
  if (assignment.text.empty()) return {};
  boost::system::error_code error;
  const auto parsed = boost::json::parse(assignment.text, error);
  if (error || !assignment.is_json || !parsed.is_object()) {
    return Error{Errc::kTypeMismatch, "a map is a JSON object, or one entry as FIELD.KEY"};
  }
  for (const auto& member : parsed.get_object()) {
    auto name =
        schema::value_from_text(field, *field.type.key, {member.key().data(), member.key().size()});
    if (!name) return name.error();
    auto value =
        schema::value_from_json(field.value_type(), boost::json::serialize(member.value()));
    if (!value) return value.error();
    SATCHEL_TRY(assign_entry(field, *name, *value));
  }
  return {};
}

Status FieldAssigner::assign_plain(const FieldDef& field, std::string_view member,
                                   const Assignment& assignment) {
  if (member.empty()) {
    auto value = typed(field, field.value_type(), assignment);
    if (!value) return value.error();
    plain_[field.id] = std::move(*value);
    return {};
  }
  const auto pending = plain_.find(field.id);
  const Value whole = pending != plain_.end() ? pending->second : shown_value(field);
  auto value = schema::with_member(field.type, whole, member, assignment.text, assignment.is_json);
  if (!value) return value.error();
  plain_[field.id] = std::move(*value);
  return {};
}

Status FieldAssigner::flush() {
  for (const auto& [id, value] : plain_) {
    const FieldDef& field = *collection_.find(id);
    if (mode_ == AssignMode::kUpsert) {
      const auto reading = reading_of(field);
      if (reading.present ? reading.value == encode_value(value) : value.is_null()) continue;
      if (field.rule == Rule::kOnce && reading.present) {
        return Error{Errc::kRuleMismatch, field.name + ": is written once and holds another value"};
      }
    }
    SATCHEL_TRY(prefixed(field, builder_.set(collection_.name, shown_.id, field.name, value)));
  }
  plain_.clear();
  return {};
}

}  // namespace satchel::server
