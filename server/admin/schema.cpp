#include "server/admin/schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "schema/model/limits.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

std::string type_name(const schema::Type& type) {
  using schema::Kind;
  switch (type.kind) {
    case Kind::kBool: return "bool";
    case Kind::kInteger: return type.time ? "time" : "integer";
    case Kind::kFloat: return "float";
    case Kind::kText: return "text";
    case Kind::kData: return "data";
    case Kind::kStruct:
    case Kind::kAttachment: return type.structure ? type.structure->name : "struct";
    case Kind::kList: return "list of " + type_name(*type.element);
    case Kind::kMap: return "map of " + type_name(*type.key) + " to " + type_name(*type.element);
  }
  return "unknown";
}

json::object field_json(const schema::FieldDef& field) {
  json::array members;  // Of a struct, as paths name them.
  if (field.type.structure) {
    for (const auto& member : field.type.structure->members) members.emplace_back(member.name);
  }
  return json::object{{"name", field.name},
                      {"rule", std::string(schema::name_of(field.rule))},
                      {"class", std::string(name_of(field.privacy))},
                      {"type", type_name(field.type)},
                      {"required", field.required},
                      {"members", std::move(members)}};
}

Result<std::shared_ptr<const schema::Catalog>> load(ByteView nodes) {
  if (nodes.size() > limits::kSchemaBytesMax) {
    return Error{Errc::kLimitExceeded, "a compiled schema has at most 4 MiB"};
  }
  return schema::Catalog::load(nodes);
}

}  // namespace

Bytes schema_json(const schema::Catalog& catalog) {
  json::array collections;
  for (const schema::CollectionDef& collection : catalog.collections()) {
    json::array fields;
    for (const schema::FieldDef& field : collection.fields) fields.push_back(field_json(field));
    json::array scopes;
    for (const std::string& scope : collection.scopes) scopes.emplace_back(scope);
    const bool edit_wins = collection.life == schema::LifeRule::kEditWins;
    collections.push_back(json::object{{"name", collection.name},
                                       {"type", collection.type_name},
                                       {"life", edit_wins ? "editWins" : "deleteWins"},
                                       {"scopes", std::move(scopes)},
                                       {"fields", std::move(fields)}});
  }
  return json::serialize(json::object{{"hash", to_hex(catalog.hash())},
                                      {"collections", std::move(collections)}}) +
         "\n";
}

Result<std::shared_ptr<const schema::Catalog>> apply_schema(sync::Hub& hub, Writer& writer,
                                                            ByteView nodes) {
  auto catalog = load(nodes);
  if (!catalog) return catalog.error();
  if ((*catalog)->hash() == hub.catalog()->hash()) return catalog;
  SATCHEL_TRY(writer.run([&](sync::HubTxn& txn) { return txn.put_schema(*catalog); }));
  return catalog;
}

Status check_schema(sync::Hub& hub, ByteView nodes) {
  auto catalog = load(nodes);
  if (!catalog) return catalog.error();
  return (*catalog)->accepts_successor_of(*hub.catalog());
}

}  // namespace satchel::server
