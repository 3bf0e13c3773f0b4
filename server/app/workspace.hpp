// One workspace on disk: DIR/workspaces/NAME/{data,keys}, its store, keys and hub.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "crypto/entropy.hpp"
#include "crypto/key_provider.hpp"
#include "server/app/config.hpp"
#include "server/app/ledger_file.hpp"
#include "server/app/server_keys.hpp"
#include "server/app/system_clock.hpp"
#include "sync/hub/hub.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"

namespace satchel::server {

// Where things lie below a server's folder.
struct Layout {
  std::string folder;                             // DIR, absolute
  std::string workspace;                          // "main"
  [[nodiscard]] std::string data() const;         // workspaces/main/data
  [[nodiscard]] std::string keys() const;         // workspaces/main/keys
  [[nodiscard]] std::string root_key() const;     // workspaces/main/keys/root.key
  [[nodiscard]] std::string server_keys() const;  // workspaces/main/keys/server.keys
  [[nodiscard]] std::string admin_token() const;  // admin.token
};
// kInvalidArgument unless 1 to 64 of a-z 0-9 and -, not first.
Status check_workspace_name(const std::string& name);

// By which a store knows the keys of its server; and what it has of that: kKeyWrong where none.
Bytes fingerprint_of(const ServerKeys& keys);
Result<Bytes> keys_mark(sync::Store& store);

// An opened workspace. Thread-safe where its hub is. Invariant: the only one open on its folder.
class Workspace {
 public:
  // Makes store and keys, or what a creation that was cut has not made of them: what is there
  // stays. Those of the store and of the files.
  static Status create(const Layout& layout, const Config& config,
                       std::shared_ptr<const schema::Catalog> catalog);
  // kStoreMissing, kStoreBusy (a server runs on it) and the others of the store.
  static Result<std::unique_ptr<Workspace>> open(const Layout& layout, const Config& config);
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  [[nodiscard]] sync::Hub& hub() { return *hub_; }
  [[nodiscard]] sync::LmdbStore& store() { return *store_; }
  [[nodiscard]] sync::Clock& clock() { return clock_; }
  [[nodiscard]] crypto::Entropy& entropy() { return entropy_; }
  [[nodiscard]] const AccessTokens& tokens() const { return *tokens_; }
  [[nodiscard]] const Bytes& box_public_key() const { return box_public_key_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const LedgerFile& ledger() const { return *ledger_; }
  [[nodiscard]] std::int64_t replica_expiry_us() const { return replica_expiry_us_; }

 private:
  explicit Workspace(Layout layout);
  [[nodiscard]] sync::Hub::Parts parts(const ServerKeys& keys);
  Status settle_schema(const Config& config);
  Status drop_damaged_schemas();
  Status open_ledger(const ServerKeys& keys, const Config& config);
  Status replay_ledger();

  Layout layout_;
  crypto::SystemEntropy entropy_;
  SystemClock clock_;
  crypto::FileKeyProvider provider_;
  std::unique_ptr<sync::LmdbStore> store_;
  std::mutex box_mutex_;
  std::unique_ptr<crypto::BoxReceiver> box_;  // Under box_mutex_.
  Bytes box_public_key_;
  std::unique_ptr<AccessTokens> tokens_;
  Bytes ledger_place_;  // Where the store last knew it to be.
  bool ledger_made_ = false;
  std::int64_t replica_expiry_us_ = 0;
  std::unique_ptr<LedgerFile> ledger_;
  std::unique_ptr<sync::Hub> hub_;
};

}  // namespace satchel::server
