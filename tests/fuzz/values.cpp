// A field's values as bytes, as JSON and as what a person types: what is taken is of the field's
// type, has one byte form and one text, and comes back from that text.
#include "schema/catalog/built_in.hpp"
#include "schema/catalog/json.hpp"
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {
namespace {

using schema::FieldDef;

enum Kind : std::uint8_t { kBytes, kJson, kText, kMember, kKinds };

const std::vector<const FieldDef*>& fields() {
  static const auto catalog = *schema::built_in_crm();
  static const auto all = [] {
    std::vector<const FieldDef*> found;
    for (const auto& collection : catalog->collections()) {
      for (const FieldDef& field : collection.fields) found.push_back(&field);
    }
    return found;
  }();
  return all;
}

void check(const schema::Type& type, const Value& value) {
  if (value.is_null()) return;
  must(schema::check_value(type, value), "a value that was read is not of its type");
  const Bytes bytes = encode_value(value);
  const auto decoded = decode_value(bytes);
  must(decoded, "a value that was read is not one as bytes");
  law(*decoded == value, "a value comes back from its bytes as another");
  const std::string json = schema::canonical_json(type, value);
  const auto again = schema::value_from_json(type, json);
  // Members of a newer schema have a text but no way back.
  if (json.find("\"@") != std::string::npos) return;
  must(again, "a value is not read from its own text");
  law(*again == value, "a value comes back from its text as another");
}

void try_bytes(const schema::Type& type, ByteView bytes) {
  const auto value = decode_value(bytes);
  if (!value) return;
  law(encode_value(*value) == bytes, "two byte forms of one value");
  if (schema::check_value(type, *value)) check(type, *value);
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  const auto kind = in.octet() % kKinds;
  const FieldDef& field = *fields()[in.octet() % fields().size()];
  const schema::Type& type = field.value_type();
  if (kind == kBytes) return try_bytes(type, in.rest());
  if (kind == kMember) {
    const ByteView path = in.until('=');
    const bool json = in.octet() % 2 == 1;
    const auto value = schema::with_member(type, Value{}, path, in.rest(), json);
    if (value) check(type, *value);
    return;
  }
  const auto value = kind == kJson ? schema::value_from_json(type, in.rest())
                                   : schema::value_from_text(field, type, in.rest());
  if (value) check(type, *value);
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> made;
  const auto add = [&](Kind kind, std::size_t field, const Bytes& bytes) {
    made.push_back(Bytes{static_cast<char>(kind), static_cast<char>(field)} + bytes);
  };
  for (std::size_t i = 0; i < fields().size(); ++i) {
    const FieldDef& field = *fields()[i];
    switch (field.value_type().kind) {
      case schema::Kind::kText: add(kText, i, "Nordwind"); break;
      case schema::Kind::kBool: add(kText, i, "true"); break;
      case schema::Kind::kInteger:
        add(kText, i, field.value_type().time ? "2024-05-01T08:30:00.25+02:00" : "-42");
        break;
      case schema::Kind::kFloat: add(kJson, i, "6.25e-3"); break;
      case schema::Kind::kList: add(kJson, i, R"([{"at":7},"a",1])"); break;
      case schema::Kind::kStruct:
        for (const auto& member : field.value_type().structure->members) {
          add(kJson, i, "{\"" + member.name + "\":\"7\"}");
          add(kMember, i, member.name + "=" + Bytes(1, '\0') + "7");
        }
        break;
      default: add(kJson, i, R"({"hash":"","size":1})");
    }
    add(kBytes, i,
        encode_value(Value{StructMembers{{1, Value{"x"}}, {3, Value{std::int64_t{9}}}}}));
  }
  add(kBytes, 0, encode_value(Value{ListElements{Value{true}, Value{2.5}, Value{Data{"x"}}}}));
  return made;
}

}  // namespace satchel::fuzz
