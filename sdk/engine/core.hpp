// An opened replica: everything between the folder's lock and the edge.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "crypto/entropy.hpp"
#include "crypto/sealed_box.hpp"
#include "sdk/engine/config.hpp"
#include "sdk/engine/home.hpp"
#include "sdk/engine/system_clock.hpp"
#include "sdk/net/transport.hpp"
#include "sdk/query/index.hpp"
#include "sync/edge/edge.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"

namespace satchel::sdk {

// How the server is reached, kept sealed in the store.
struct ServerRow {
  std::string url;
  Bytes pin;
  Bytes access_token;
};

// Made by enrolment or from a folder; goes when the replica is suspended. Thread-compatible:
// callers hold the replica's gate. Members are destroyed from the last to the first.
struct Core {
  HomePaths paths;
  std::unique_ptr<HomeLock> lock;
  crypto::SystemEntropy entropy;
  SystemClock clock;
  std::shared_ptr<crypto::KeyProvider> keys;
  std::shared_ptr<crypto::Signer> signer;
  crypto::NonceSource nonces{entropy};
  std::optional<crypto::BoxSender> to_server;  // Made at the first write.
  std::unique_ptr<sync::LmdbStore> store;
  std::unique_ptr<sync::Edge> edge;
  std::unique_ptr<Indexes> indexes;
  ServerRow server;
  bool moved = false;  // The folder was copied or restored since it was last opened.
  // Hash of the schema in force where the stored one is damaged and is not the built-in one. The
  // edge has the built-in one in its place until restore_schema(): nothing is read or written.
  Bytes lost_schema;

  // kStoreMissing, kStoreBusy, and those of LmdbStore::open and Edge::open.
  static Result<std::unique_ptr<Core>> open(const Config& config);
  // Only the store, to look it over: nothing else of the folder needs to be sound.
  static Result<std::unique_ptr<Core>> open_store_alone(const Config& config);
  // A folder with a store that is not enrolled yet; one that a cut enrolment left is taken over.
  // kAlreadyExists: the folder holds a replica.
  static Result<std::unique_ptr<Core>> prepare(const Config& config);
  // Makes the replica of a prepared core.
  Status found(const sync::EdgeIdentity& identity, ServerRow row,
               std::shared_ptr<const schema::Catalog> catalog);

  // After a sync has brought it: in force from now on, whatever stood in its place.
  Status restore_schema(const schema::Catalog& catalog);
  // The two below are part of open(); also for who has the store alone.
  // kKeyLost: nothing at hand signs for this replica. Those of FileSigner::open.
  Status find_signer();
  Status find_lost_schema();
  // kKeyWrong: the signing key is another replica's, and the server would not know it.
  Status check_signer();
  // kStoreCorrupt while the schema is lost: with the way out.
  [[nodiscard]] Status readable() const;
  // Of every edge that this core opens.
  void listen(sync::ChangeListener listener);

  sync::Edge::Parts parts();
  // Where to dial, and what to expect there.
  Result<Endpoint> endpoint(const Config& config) const;

 private:
  Status take_home(const Config& config);
  Status open_store(const Config& config);
  Status settle_boot(const Config& config);
  Status settle_install();
  Status settle_schema();
  Status open_edge();
  Result<Bytes> seal_to_server(ByteView commit);

  sync::ChangeListener listener_;
};

// Keys first: without them the rest is noise. One that is cut goes on when the folder is next
// opened. kFileWrite, those of the key provider.
Status destroy_home(const Config& config, const HomePaths& paths);

// One row of ours among the store's single values. Keys begin with "sdk.".
Result<std::optional<Bytes>> find_meta(sync::Store& store, std::string_view key);
Status put_meta(sync::Store& store, std::string_view key, ByteView value);

}  // namespace satchel::sdk
