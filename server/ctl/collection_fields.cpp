#include "server/ctl/collection_fields.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace satchel::server {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& from, const char* name) {
  const auto* const value = from.if_contains(name);
  return value == nullptr || !value->is_string() ? std::string{}
                                                 : std::string(value->get_string().c_str());
}

const json::array* list_of(const json::object& from, const char* name) {
  const auto* const value = from.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

}  // namespace

Result<CollectionFields> CollectionFields::read(ByteView answer, const std::string& collection) {
  const Error odd{Errc::kFrameMalformed, "the server's answer is no schema"};
  boost::system::error_code error;
  const json::value parsed = json::parse(answer, error);
  const auto* const schema = parsed.if_object();
  const auto* const collections =
      error || schema == nullptr ? nullptr : list_of(*schema, "collections");
  if (collections == nullptr) return odd;
  CollectionFields out;
  out.collection_ = collection;
  for (const json::value& each : *collections) {
    const auto* const fields = each.is_object() ? list_of(each.get_object(), "fields") : nullptr;
    if (fields == nullptr) return odd;
    Fields& known = out.collections_[text_of(each.get_object(), "name")];
    for (const json::value& one : *fields) {
      if (!one.is_object()) return odd;
      const json::object& field = one.get_object();
      const std::string rule = text_of(field, "rule");
      Field& made = known[text_of(field, "name")];
      made.map = rule == "map";
      made.entries = made.map || rule == "set" || rule == "accessSet" || rule == "log";
      if (const auto* const members = list_of(field, "members")) {
        for (const json::value& member : *members) {
          if (member.is_string()) made.members.emplace_back(member.get_string().c_str());
        }
      }
      made.plain =
          !made.entries && made.members.empty() && !text_of(field, "type").starts_with("list of ");
    }
  }
  if (!out.collections_.contains(collection)) return Error{Errc::kCollectionUnknown, collection};
  return out;
}

bool CollectionFields::has(std::string_view field) const {
  return collections_.find(collection_)->second.contains(field);
}

bool CollectionFields::takes_json(std::string_view path) const {
  const Fields& fields = collections_.find(collection_)->second;
  const auto field = fields.find(path);
  return field != fields.end() && !field->second.plain;
}

std::string CollectionFields::complaint(std::string_view path) const {
  const std::size_t dot = path.find('.');
  const Fields& fields = collections_.find(collection_)->second;
  const auto field = fields.find(path.substr(0, dot));
  if (field == fields.end()) return collection_ + " has no such field";
  if (dot == std::string_view::npos || field->second.map) return {};
  const auto& members = field->second.members;
  const std::string_view rest = path.substr(dot + 1);
  const std::string_view member = rest.substr(0, rest.find('.'));
  if (!field->second.entries && std::ranges::find(members, member) != members.end()) return {};
  return members.empty() || field->second.entries ? "the field has no members"
                                                  : "the field has no such member";
}

bool CollectionFields::has_key(std::string_view collection, std::string_view key) const {
  const auto fields = collections_.find(collection);
  if (fields == collections_.end()) return false;
  return key == "id" || fields->second.contains(key.substr(0, key.find('.')));
}

}  // namespace satchel::server
