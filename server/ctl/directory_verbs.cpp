// user, territory and device.
#include <iostream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/ctl/verbs.hpp"

namespace satchel::server {
namespace {

namespace json = boost::json;

const std::string kRoot = "/admin/v1";

json::array texts(const std::vector<std::string>& all) {
  json::array list;
  for (const std::string& each : all) list.emplace_back(each);
  return list;
}

Status get(CtlSession& session, const std::string& path) {
  auto client = session.client();
  if (!client) return client.error();
  auto body = (*client)->get(kRoot + path);
  if (!body) return body.error();
  return print_body(session, *body);
}

Status post(CtlSession& session, const std::string& path, const json::object& object) {
  auto client = session.client();
  if (!client) return client.error();
  auto body = (*client)->post(kRoot + path, json::serialize(object));
  if (!body) return body.error();
  return print_body(session, *body);
}

Status put(CtlSession& session, const std::string& path, const json::object& object) {
  auto client = session.client();
  if (!client) return client.error();
  auto body = (*client)->put(kRoot + path, json::serialize(object));
  if (!body) return body.error();
  return print_body(session, *body);
}

}  // namespace

Status user_create(CtlSession& session, const UserVerb& verb) {
  return post(session, "/users",
              {{"name", verb.name}, {"role", verb.role}, {"territories", texts(verb.territories)}});
}

Status user_list(CtlSession& session) { return get(session, "/users"); }

Status user_show(CtlSession& session, const std::string& name) {
  return get(session, "/users/" + escape(name));
}

Status user_disable(CtlSession& session, const std::string& name) {
  return post(session, "/users/" + escape(name) + ":disable", {});
}

Status user_set_role(CtlSession& session, const std::string& name, const std::string& role) {
  return put(session, "/users/" + escape(name) + "/role", {{"role", role}});
}

Status territory_set(CtlSession& session, const UserVerb& verb) {
  return put(session, "/users/" + escape(verb.name) + "/territories",
             {{"territories", texts(verb.territories)}});
}

Status territory_create(CtlSession& session, const std::string& name, const std::string& parent) {
  json::object body{{"name", name}};
  if (!parent.empty()) body["parent"] = parent;
  return post(session, "/territories", body);
}

Status territory_list(CtlSession& session) { return get(session, "/territories"); }

Status device_enroll(CtlSession& session, const std::string& user) {
  auto client = session.client();
  if (!client) return client.error();
  auto body =
      (*client)->post(kRoot + "/enrollments", json::serialize(json::object{{"user", user}}));
  if (!body) return body.error();
  if (session.is_json()) return print_body(session, *body);
  // The code alone, so that a script can hand it on as it is.
  boost::system::error_code error;
  const json::value answer = json::parse(*body, error);
  const auto* const object = answer.if_object();
  const auto* const code = object == nullptr ? nullptr : object->if_contains("code");
  if (code == nullptr || !code->is_string()) {
    return Error{Errc::kFrameMalformed, "the server's answer has no code"};
  }
  return print_raw(std::string(code->get_string().data(), code->get_string().size()) + "\n");
}

Status device_list(CtlSession& session) { return get(session, "/devices"); }

Status device_show(CtlSession& session, const std::string& id) {
  return get(session, "/devices/" + escape(id));
}

Status device_revoke(CtlSession& session, const std::string& id) {
  return post(session, "/devices/" + escape(id) + ":revoke", {});
}

Status device_wipe(CtlSession& session, const std::string& id) {
  return post(session, "/devices/" + escape(id) + ":wipe", {});
}

}  // namespace satchel::server
