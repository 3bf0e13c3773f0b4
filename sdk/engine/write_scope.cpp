#include "sdk/engine/write_scope.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schema/catalog/json.hpp"
#include "sdk/engine/render.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::sdk {
namespace {

using schema::FieldDef;
using schema::Rule;

bool is_set(const FieldDef& field) {
  return field.rule == Rule::kSet || field.rule == Rule::kAccessSet;
}

Result<boost::json::value> parse_json(std::string_view text) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  if (error) return Error{Errc::kInvalidArgument, "JSON: " + error.message()};
  return value;
}

std::string json_text(const boost::json::value& value) { return boost::json::serialize(value); }

// Some readers name the field themselves.
Error at_field(std::string_view field, const Error& error) {
  const std::string name = std::string{field} + ": ";
  return error.context.starts_with(name) ? error : Error{error.code, name + error.context};
}

const schema::Type& key_type(const FieldDef& field) {
  static const schema::Type kText;
  return field.type.key ? *field.type.key : kText;
}

}  // namespace

Result<std::unique_ptr<WriteScope>> Replica::begin_write(std::string_view purpose,
                                                         milliseconds deadline) {
  if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
  const auto until =
      deadline.count() == 0 ? Gate::Deadline::max() : std::chrono::steady_clock::now() + deadline;
  if (!gate_.lock_until(until)) return Error{Errc::kTimeout, "another write is open"};
  Result<Core*> core = open_core();
  if (!core) {
    gate_.unlock();
    return core.error();
  }
  auto write = (*core)->edge->begin_write(purpose);
  if (!write) {
    gate_.unlock();
    return write.error();
  }
  return std::unique_ptr<WriteScope>{new WriteScope(*this, std::move(*write))};
}

WriteScope::~WriteScope() {
  write_.reset();
  replica_.gate_.unlock();
}

Result<std::uint64_t> WriteScope::commit() {
  if (!is_mine()) return Error{Errc::kUsage, "a write is bound to the thread that began it"};
  auto number = write_->commit();
  write_.reset();
  if (!number) return number.error();
  if (*number != 0) replica_.loop_.post([replica = &replica_] { replica->driver_.poke(); });
  return *number;
}

Result<WriteScope::Target> WriteScope::find_target(std::string_view collection, std::string_view id,
                                                   std::string_view path) const {
  if (!is_mine()) return Error{Errc::kUsage, "a write is bound to the thread that began it"};
  if (!write_) return Error{Errc::kUsage, "this write was committed"};
  Target target;
  target.collection = replica_.core_->edge->catalog().find(collection);
  if (target.collection == nullptr) {
    return Error{Errc::kCollectionUnknown, '"' + std::string{collection} + '"'};
  }
  auto record = parse_record_id(id);
  if (!record) return record.error();
  target.id = *record;
  if (path.empty()) return target;
  const std::size_t dot = path.find('.');
  target.field = target.collection->find(path.substr(0, dot));
  if (target.field == nullptr) {
    return Error{Errc::kFieldUnknown, target.collection->name + " has no field \"" +
                                          std::string{path.substr(0, dot)} + '"'};
  }
  if (dot != std::string_view::npos) target.rest = path.substr(dot + 1);
  return target;
}

Result<Value> WriteScope::parse(const FieldDef& field, const schema::Type& type,
                                std::string_view text, Form form) const {
  if (form == Form::kTyped) return schema::value_from_text(field, type, text);
  if (text == "null") return Value{};
  return schema::value_from_json(type, text);
}

// What the scope shows of a plain field, or of one entry of a map; null where there is nothing.
Result<Value> WriteScope::shown_value(const Target& target, const Bytes* key) {
  auto record = write_->builder().shown(*target.collection, target.id);
  if (!record) return record.error();
  if (!*record) return Value{};
  const sync::FieldReading reading =
      sync::read_field(*target.field, (*record)->of_field(target.field->id));
  if (key == nullptr) return reading.present ? decode_value(reading.value) : Value{};
  for (const sync::ShownItem& item : reading.items) {
    if (item.key == *key) return decode_value(item.value);
  }
  return Value{};
}

// ---- Records ------------------------------------------------------------------------------------

Result<std::string> WriteScope::create(std::string_view collection) {
  if (!is_mine()) return Error{Errc::kUsage, "a write is bound to the thread that began it"};
  auto id = write_->create(collection);
  if (!id) return id.error();
  return to_text(*id);
}

Status WriteScope::create_as(std::string_view collection, std::string_view id) {
  auto target = find_target(collection, id, {});
  if (!target) return target.error();
  return write_->create(collection, target->id);
}

Status WriteScope::erase(std::string_view collection, std::string_view id) {
  auto target = find_target(collection, id, {});
  if (!target) return target.error();
  return write_->builder().erase(collection, target->id);
}

Status WriteScope::restore(std::string_view collection, std::string_view id) {
  auto target = find_target(collection, id, {});
  if (!target) return target.error();
  return write_->builder().restore(collection, target->id);
}

Result<std::string> WriteScope::get(std::string_view collection, std::string_view id) {
  auto target = find_target(collection, id, {});
  if (!target) return target.error();
  auto record = write_->builder().shown(*target->collection, target->id);
  if (!record) return record.error();
  const std::string name = target->collection->name + ' ' + to_text(target->id);
  if (!*record) return Error{Errc::kRecordUnknown, name};
  if (!sync::is_alive(**record, target->collection->life)) return Error{Errc::kRecordDeleted, name};
  return record_json(*target->collection, **record);
}

// ---- Fields -------------------------------------------------------------------------------------

Status WriteScope::set(std::string_view collection, std::string_view id, std::string_view path,
                       std::string_view text, Form form) {
  auto target = find_target(collection, id, path);
  if (!target) return target.error();
  if (target->field == nullptr) return Error{Errc::kInvalidArgument, "no field was named"};
  const bool clears = form == Form::kTyped ? text.empty() : text == "null";
  if (target->field->rule == Rule::kMap) {
    if (!target->rest.empty()) return write_entry(*target, text, form);
    return clears ? clear_all(*target) : write_entries(*target, text);
  }
  if (is_set(*target->field))
    return clears ? clear_all(*target) : write_elements(*target, text, form);
  return write_plain(*target, text, form, false);
}

Status WriteScope::resolve(std::string_view collection, std::string_view id, std::string_view path,
                           std::string_view text, Form form) {
  auto target = find_target(collection, id, path);
  if (!target) return target.error();
  if (target->field == nullptr) return Error{Errc::kInvalidArgument, "no field was named"};
  if (target->field->rule == Rule::kMap) return write_entry(*target, text, form);
  return write_plain(*target, text, form, true);
}

Status WriteScope::write_plain(const Target& target, std::string_view text, Form form,
                               bool resolves) {
  const FieldDef& field = *target.field;
  Result<Value> value{Value{}};
  if (target.rest.empty()) {
    value = parse(field, field.value_type(), text, form);
  } else {
    auto whole = shown_value(target, nullptr);
    if (!whole) return whole.error();
    value = schema::with_member(field.value_type(), *whole, target.rest, text, form == Form::kJson);
  }
  if (!value) return at_field(field.name, value.error());
  auto& builder = write_->builder();
  const std::string& collection = target.collection->name;
  return resolves ? builder.resolve(collection, target.id, field.name, *value)
                  : builder.set(collection, target.id, field.name, *value);
}

// FIELD.KEY, or FIELD.KEY.MEMBER where the map's values are structs.
Status WriteScope::write_entry(const Target& target, std::string_view text, Form form) {
  const FieldDef& field = *target.field;
  if (target.rest.empty())
    return Error{Errc::kInvalidArgument, field.name + ": name an entry of the map"};
  const std::size_t dot = target.rest.find('.');
  FieldDef key_field;
  key_field.type = key_type(field);
  auto key = schema::value_from_text(key_field, key_field.type, target.rest.substr(0, dot));
  if (!key) return at_field(field.name, key.error());
  Result<Value> value{Value{}};
  if (dot == std::string_view::npos) {
    value = parse(field, field.value_type(), text, form);
  } else {
    const Bytes encoded = encode_value(*key);
    auto whole = shown_value(target, &encoded);
    if (!whole) return whole.error();
    value = schema::with_member(field.value_type(), *whole, target.rest.substr(dot + 1), text,
                                form == Form::kJson);
  }
  if (!value) return at_field(field.name, value.error());
  return write_->builder().set_entry(target.collection->name, target.id, field.name, *key, *value);
}

Status WriteScope::write_entries(const Target& target, std::string_view text) {
  auto json = parse_json(text);
  if (!json) return json.error();
  if (!json->is_object()) {
    return Error{Errc::kTypeMismatch, target.field->name + " takes an object of its entries"};
  }
  for (const auto& [key, value] : json->get_object()) {
    Target entry = target;
    const std::string name{key};
    entry.rest = name;
    SATCHEL_TRY(write_entry(entry, json_text(value), Form::kJson));
  }
  return {};
}

// A list adds each of its elements; anything else is one element.
Status WriteScope::write_elements(const Target& target, std::string_view text, Form form) {
  const FieldDef& field = *target.field;
  const std::string id = to_text(target.id);
  if (form == Form::kTyped) return set_add(target.collection->name, id, field.name, text, form);
  auto json = parse_json(text);
  if (!json) return json.error();
  if (!json->is_array()) return set_add(target.collection->name, id, field.name, text, form);
  for (const auto& element : json->get_array()) {
    SATCHEL_TRY(set_add(target.collection->name, id, field.name, json_text(element), form));
  }
  return {};
}

Status WriteScope::clear_all(const Target& target) {
  auto record = write_->builder().shown(*target.collection, target.id);
  if (!record) return record.error();
  if (!*record)
    return Error{Errc::kRecordUnknown, target.collection->name + ' ' + to_text(target.id)};
  const sync::FieldReading reading =
      sync::read_field(*target.field, (*record)->of_field(target.field->id));
  for (const sync::ShownItem& item : reading.items) {
    auto key = decode_value(item.key);
    if (!key) return key.error();
    const std::string& collection = target.collection->name;
    SATCHEL_TRY(is_set(*target.field)
                    ? write_->builder().set_remove(collection, target.id, target.field->name, *key)
                    : write_->builder().set_entry(collection, target.id, target.field->name, *key,
                                                  Value{}));
  }
  return {};
}

Status WriteScope::put(std::string_view collection, std::string_view id,
                       std::string_view fields_json) {
  auto json = parse_json(fields_json);
  if (!json) return json.error();
  if (!json->is_object()) return Error{Errc::kTypeMismatch, "an object of fields is needed"};
  for (const auto& [name, value] : json->get_object()) {
    SATCHEL_TRY(set(collection, id, std::string_view{name.data(), name.size()}, json_text(value),
                    Form::kJson));
  }
  return {};
}

// ---- Counters, sets, logs -----------------------------------------------------------------------

Status WriteScope::add(std::string_view collection, std::string_view id, std::string_view field,
                       std::int64_t increment) {
  auto target = find_target(collection, id, field);
  if (!target) return target.error();
  return write_->builder().add(collection, target->id, field, increment);
}

Status WriteScope::set_add(std::string_view collection, std::string_view id, std::string_view field,
                           std::string_view text, Form form) {
  auto target = find_target(collection, id, field);
  if (!target) return target.error();
  auto element = parse(*target->field, target->field->value_type(), text, form);
  if (!element) return at_field(field, element.error());
  return write_->builder().set_add(collection, target->id, field, *element);
}

Status WriteScope::set_remove(std::string_view collection, std::string_view id,
                              std::string_view field, std::string_view text, Form form) {
  auto target = find_target(collection, id, field);
  if (!target) return target.error();
  auto element = parse(*target->field, target->field->value_type(), text, form);
  if (!element) return at_field(field, element.error());
  return write_->builder().set_remove(collection, target->id, field, *element);
}

Status WriteScope::log_append(std::string_view collection, std::string_view id,
                              std::string_view field, std::string_view json) {
  auto target = find_target(collection, id, field);
  if (!target) return target.error();
  auto entry = parse(*target->field, target->field->value_type(), json, Form::kJson);
  if (!entry) return Error{entry.error().code, std::string{field} + ": " + entry.error().context};
  return write_->builder().log_append(collection, target->id, field, *entry);
}

Status WriteScope::restore_value(std::string_view collection, std::string_view id,
                                 std::string_view field, std::string_view dot) {
  auto target = find_target(collection, id, field);
  if (!target) return target.error();
  auto wanted = sync::parse_dot(dot);
  if (!wanted) return wanted.error();
  auto record = write_->builder().shown(*target->collection, target->id);
  if (!record) return record.error();
  const auto entries =
      *record ? (*record)->of_field(target->field->id) : std::span<const sync::Entry>{};
  for (const sync::Entry& entry : entries) {
    for (const sync::Sibling& sibling : entry.state.siblings) {
      if (sibling.dot != *wanted) continue;
      auto value = decode_value(sibling.value);
      if (!value) return value.error();
      auto& builder = write_->builder();
      if (!schema::is_map_rule(target->field->rule)) {
        return builder.resolve(collection, target->id, field, *value);
      }
      auto key = decode_value(entry.key);
      if (target->field->rule == Rule::kMap && key) {
        return builder.set_entry(collection, target->id, field, *key, *value);
      }
      if (is_set(*target->field) && key) {
        return value->is_null() ? builder.set_remove(collection, target->id, field, *key)
                                : builder.set_add(collection, target->id, field, *key);
      }
      return Error{Errc::kRuleMismatch, target->field->name + " never loses a value"};
    }
  }
  return Error{Errc::kNotFound, std::string{field} + " holds no such write"};
}

}  // namespace satchel::sdk
