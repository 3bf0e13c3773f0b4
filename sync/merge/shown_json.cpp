#include "sync/merge/shown_json.hpp"

#include <algorithm>

#include "schema/catalog/json.hpp"
#include "schema/model/varint.hpp"
#include "sync/merge/compare.hpp"
#include "sync/merge/dot_text.hpp"

namespace satchel::sync {
namespace {

using schema::FieldDef;
using schema::Rule;
using schema::Type;

const Type& element_type(const FieldDef& field) {
  return field.type.element ? *field.type.element : field.type;
}

// Of a map; text stands for itself, everything else is its canonical JSON.
std::string text_of_key(const FieldDef& field, ByteView key) {
  const Result<Value> decoded = decode_value(key);
  if (!decoded) return "@" + to_hex(key);
  if (const auto* text = decoded->as<std::string>()) return *text;
  return schema::canonical_json(field.type.key ? *field.type.key : field.type, *decoded);
}

void append_list(std::string& out, const FieldDef& field, const std::vector<ByteView>& values) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_encoded_json(out, element_type(field), values[i]);
  }
  out += ']';
}

void append_object(std::string& out, const FieldDef& field, const std::vector<ShownItem>& items) {
  std::vector<std::pair<std::string, ByteView>> members;
  for (const ShownItem& item : items) {
    members.emplace_back(text_of_key(field, item.key), item.value);
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    return schema::json_name_less(a.first, b.first);
  });
  out += '{';
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i > 0) out += ',';
    schema::append_json_string(out, members[i].first);
    out += ':';
    append_encoded_json(out, element_type(field), members[i].second);
  }
  out += '}';
}

}  // namespace

void append_encoded_json(std::string& out, const Type& type, ByteView encoded) {
  if (const Result<Value> value = decode_value(encoded)) {
    schema::append_canonical_json(out, type, *value);
  } else {
    schema::append_json_string(out, "@" + to_hex(encoded));
  }
}

void append_shown_json(std::string& out, const FieldDef& field, const FieldReading& reading) {
  if (!reading.present) {
    out += "null";
    return;
  }
  std::vector<ByteView> values;
  switch (schema::rule_in_force(field.rule)) {
    case Rule::kSet:
    case Rule::kAccessSet:
      for (const ShownItem& item : reading.items) values.push_back(item.key);
      std::sort(values.begin(), values.end(),
                [](ByteView a, ByteView b) { return compare_encoded(a, b) < 0; });
      return append_list(out, field, values);
    case Rule::kLog:
      for (const ShownItem& item : reading.items) values.push_back(item.value);
      return append_list(out, field, values);
    case Rule::kMap: return append_object(out, field, reading.items);
    default: return append_encoded_json(out, field.type, reading.value);
  }
}

std::string shown_json(const FieldDef& field, const FieldReading& reading) {
  std::string out;
  append_shown_json(out, field, reading);
  return out;
}

std::string key_text(const FieldDef& field, ByteView key) {
  if (key.empty()) return {};
  switch (schema::rule_in_force(field.rule)) {
    case Rule::kMap: return text_of_key(field, key);
    case Rule::kSet:
    case Rule::kAccessSet: {
      const Result<Value> element = decode_value(key);
      if (!element) break;
      if (const auto* text = element->as<std::string>()) return *text;
      return schema::canonical_json(element_type(field), *element);
    }
    case Rule::kLog: {
      ByteReader in{key};
      const Result<ReplicaId> replica = ReplicaId::from_bytes(in.take(16));
      const CommitNumber commit = in.u64_big();
      const auto place = static_cast<unsigned>(in.u8()) << 8;
      const unsigned low = in.u8();
      if (!in.finished() || !replica) break;
      return to_text(Dot{*replica, commit}) + ':' + std::to_string(place | low);
    }
    case Rule::kStage: return key == kReopenKey ? std::string{key} : "@" + to_hex(key);
    default:
      if (key.size() == 16) return to_hex(key);
  }
  return "@" + to_hex(key);
}

}  // namespace satchel::sync
