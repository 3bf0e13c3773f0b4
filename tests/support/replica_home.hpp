// An enrolled replica in a temporary folder, made without a server: for tests of the SDK alone.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "schema/catalog/built_in.hpp"
#include "schema/catalog/catalog.hpp"
#include "sdk/engine/core.hpp"
#include "sdk/engine/replica.hpp"
#include "sdk/engine/write_scope.hpp"
#include "tests/support/temporary_folder.hpp"

namespace satchel::test {

class ReplicaHome {
 public:
  ReplicaHome() {
    config.path = folder.path() + "/home";
    auto catalog = schema::built_in_crm();
    SATCHEL_ASSERT(catalog.has_value());
    auto core = sdk::Core::prepare(config);
    SATCHEL_ASSERT(core.has_value());
    sync::EdgeIdentity identity;
    identity.workspace.octets[0] = 1;
    identity.device.octets[0] = 2;
    identity.user = "ann";
    identity.territories = {"north"};
    crypto::SystemEntropy entropy;
    auto pair = crypto::BoxKeyPair::generate(entropy);
    SATCHEL_ASSERT(pair.has_value());
    server_keys = std::move(*pair);
    identity.server_box_key = server_keys.public_key;
    // Nothing listens there.
    sdk::ServerRow server{"https://127.0.0.1:1", Bytes(32, 'p'), "token"};
    const Status made = (*core)->found(identity, server, *catalog);
    SATCHEL_ASSERT(made.has_value());
  }
  std::unique_ptr<sdk::Replica> open() {
    auto replica = sdk::Replica::open(config);
    if (!replica) ADD_FAILURE() << replica.error().message();
    return replica ? std::move(*replica) : nullptr;
  }

  TemporaryFolder folder;
  sdk::Config config;
  crypto::BoxKeyPair server_keys;
};

inline constexpr std::string_view kCare = "CustomerRelationshipManagement";

// Runs `work` in a write scope and commits it.
template <class Work>
Result<std::uint64_t> write(sdk::Replica& replica, Work&& work) {
  auto scope = replica.begin_write(kCare, sdk::milliseconds{0});
  if (!scope) return scope.error();
  if (Status done = work(**scope); !done) return done.error();
  return (*scope)->commit();
}

// What such a write ends with; 0 where it is taken.
template <class Work>
Errc code_of_write(sdk::Replica& replica, Work&& work) {
  const auto done = write(replica, std::forward<Work>(work));
  return done ? static_cast<Errc>(0) : done.error().code;
}

// A new record of these fields; its id.
inline std::string make_record(sdk::Replica& replica, std::string_view collection,
                               std::string_view fields_json) {
  std::string id;
  const auto made = write(replica, [&](sdk::WriteScope& scope) -> Status {
    auto created = scope.create(collection);
    if (!created) return created.error();
    id = *created;
    return scope.put(collection, id, fields_json);
  });
  if (!made) ADD_FAILURE() << made.error().message();
  return id;
}

}  // namespace satchel::test
