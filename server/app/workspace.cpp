#include "server/app/workspace.hpp"

#include <filesystem>

#include "crypto/hash.hpp"
#include "schema/model/varint.hpp"
#include "schema/catalog/built_in.hpp"
#include "schema/compiler/compile.hpp"
#include "schema/wire/sealed_commit.hpp"
#include "server/app/files.hpp"
#include "server/app/log.hpp"
#include "sync/store/schema_row.hpp"
#include "sync/store/way_out.hpp"

namespace satchel::server {
namespace {

namespace fs = std::filesystem;

fs::path workspace_folder(const Layout& layout) {
  return fs::path(layout.folder) / "workspaces" / layout.workspace;
}

sync::LmdbOptions store_options(const Layout& layout, const Config& config) {
  sync::LmdbOptions options;
  options.map_bytes_max = config.map_size_bytes;
  options.key_folder = (fs::path(layout.keys()) / "store").string();
  return options;
}

}  // namespace

std::string Layout::data() const { return (workspace_folder(*this) / "data").string(); }
std::string Layout::keys() const { return (workspace_folder(*this) / "keys").string(); }
std::string Layout::root_key() const { return (fs::path(keys()) / "root.key").string(); }
std::string Layout::server_keys() const { return (fs::path(keys()) / "server.keys").string(); }
namespace {

constexpr std::string_view kKeysMark = "server.keys";  // In the store's kMeta.

}  // namespace

Bytes fingerprint_of(const ServerKeys& keys) {
  Bytes text{"satchel server keys v1 "};
  text += keys.box.public_key;
  text += crypto::sha256(keys.token.bytes());
  return crypto::hmac_sha256(keys.receipt.bytes(), text);
}

Result<Bytes> keys_mark(sync::Store& store) {
  auto txn = store.begin_read();
  if (!txn) return txn.error();
  auto known = (*txn)->find(sync::Table::kMeta, kKeysMark);
  if (!known) return known.error();
  if (!*known) return Error{Errc::kKeyWrong, "the store knows no server's keys"};
  return std::move(**known);
}

namespace {

// The store remembers with which keys it was made: with another server's, devices' sealed copies,
// receipts and tokens would all be strangers'.
Status check_keys(sync::Store& store, const ServerKeys& keys, const std::string& path) {
  const Bytes mark = fingerprint_of(keys);
  {
    auto txn = store.begin_read();
    if (!txn) return txn.error();
    auto known = (*txn)->find(sync::Table::kMeta, kKeysMark);
    if (!known) return known.error();
    if (*known && crypto::constant_time_equal(**known, mark)) return {};
    if (*known) return Error{Errc::kKeyWrong, path + ": the keys of another server"};
  }
  auto txn = store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->put(sync::Table::kMeta, kKeysMark, mark));
  return (*txn)->commit();
}

// Of what every answer needs: a page of the file, a table as a whole, the state of the hub.
Error beyond_repair(Error error) {
  return sync::with_way_out(std::move(error),
                            "; put a whole copy of the workspace's folder back and keep this one: "
                            "devices offer again what they had sent since");
}

// A schema that rotted is not lost where this program, or a file, has the same one.
Result<std::shared_ptr<const schema::Catalog>> find_elsewhere(ByteView hash, const Config& config) {
  auto built_in = schema::built_in_crm();
  if (built_in && (*built_in)->hash() == hash) return built_in;
  std::string of_file = "name its file as store.schema_file in satcheld.toml";
  if (!config.schema_file.empty()) {
    auto compiled = schema::compile_file(config.schema_file);
    if (compiled && (*compiled)->hash() == hash) return compiled;
    const std::string why = compiled ? " is another schema" : " does not compile";
    of_file = "store.schema_file, " + config.schema_file + "," + why +
              ": name the file of the one that was applied last";
  }
  return Error{Errc::kStoreCorrupt, "the stored schema " + to_hex(hash.substr(0, 4)) +
                                        " is damaged and is not the built-in one; " + of_file +
                                        ", or restore a backup"};
}

}  // namespace

Status Workspace::settle_schema(const Config& config) {
  auto hash = sync::damaged_schema(*store_, sync::kHubSchemaKey);
  if (!hash) return hash.error();
  if (!*hash) return {};
  auto catalog = find_elsewhere(**hash, config);
  if (!catalog) return catalog.error();
  {
    auto txn = store_->begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY(sync::put_schema_row(**txn, sync::kHubSchemaKey, **catalog));
    SATCHEL_TRY((*txn)->commit());
  }
  log(LogLevel::kWarning, "schema_restored", {{"hash", to_hex(**hash)}});
  store_->note_mended("schema " + to_hex(**hash) + " was damaged, and is written anew");
  return {};
}

// The one in force being whole: nothing is lost with another that rotted.
Status Workspace::drop_damaged_schemas() {
  std::vector<Bytes> damaged;
  {
    auto txn = store_->begin_write();
    if (!txn) return txn.error();
    std::vector<Bytes> hashes;
    SATCHEL_TRY((*txn)->scan_keys(sync::Table::kSchemas, {}, [&](ByteView key) {
      hashes.emplace_back(key);
      return true;
    }));
    for (Bytes& hash : hashes) {
      const auto stored = sync::find_schema(**txn, hash);
      if (stored || !sync::is_damage(stored.error().code)) continue;
      SATCHEL_TRY((*txn)->erase(sync::Table::kSchemas, hash));
      damaged.push_back(std::move(hash));
    }
    if (damaged.empty()) return {};
    SATCHEL_TRY((*txn)->commit());
  }
  for (const Bytes& hash : damaged) {
    log(LogLevel::kWarning, "schema_dropped", {{"hash", to_hex(hash)}});
    store_->note_mended("schema " + to_hex(hash) + " was damaged; not in force, it is dropped");
  }
  return {};
}

// One that is gone although the store had heard of it is begun anew, from what the store knows, and
// says so from then on.
Status Workspace::open_ledger(const ServerKeys& keys, const Config& config) {
  auto state = sync::Hub::read_state(*store_);
  if (!state) return beyond_repair(state.error());
  auto place = sync::Hub::read_ledger_place(*store_);
  if (!place) return beyond_repair(place.error());
  ledger_place_ = std::move(*place);
  const ByteView key = keys.receipt.bytes();
  const std::string usual = (fs::path(layout_.folder) / default_ledger(layout_.workspace)).string();
  const std::string& path = config.ledger_file.empty() ? usual : config.ledger_file;
  auto ledger = LedgerFile::open(path, key, state->workspace);
  if (!ledger && ledger.error().code == Errc::kNotFound) {
    ledger_made_ = true;
    SATCHEL_TRY(LedgerFile::make(path, key, state->workspace, !ledger_place_.empty(), entropy_));
    ledger = LedgerFile::open(path, key, state->workspace);
  }
  if (!ledger) return ledger.error();
  ledger_ = std::move(*ledger);
  return {};
}

Status Workspace::replay_ledger() {
  if (ledger_made_) {
    auto known = hub_->ledger_of_store();
    if (!known) return known.error();
    if (!known->empty()) SATCHEL_TRY(ledger_->append(*known));
  }
  if (const std::uint64_t gone = entries_gone(ledger_place_, *ledger_); gone > 0) {
    sync::LedgerEntry loss{sync::LedgerKind::kEntriesLost, 0, clock_.wall_us(), {}};
    append_u64(loss.subject, gone);
    SATCHEL_TRY(ledger_->append(std::span{&loss, 1}));
  }
  auto news = hub_->replay(ledger_->entries());
  if (!news) return news.error();
  if (*news > 0) log(LogLevel::kWarning, "ledger_replayed", {{"news", std::to_string(*news)}});
  if (ledger_->damaged() > 0) {
    log(LogLevel::kError, "ledger_damaged",
        {{"entries", std::to_string(ledger_->damaged())}, {"file", ledger_->path()}});
  }
  if (ledger_->after_loss()) {
    log(LogLevel::kError, "ledger_lost",
        {{"detail",
          "devices that were revoked after the last backup may be let in again: look over all of "
          "them"},
         {"file", ledger_->path()}});
  }
  return {};
}

std::string Layout::admin_token() const { return (fs::path(folder) / "admin.token").string(); }

Status check_workspace_name(const std::string& name) {
  bool good = !name.empty() && name.size() <= 64 && name.front() != '-';
  for (const char c : name) good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  if (good) return {};
  return Error{Errc::kInvalidArgument, "a workspace's name is 1 to 64 of a-z, 0-9 and -"};
}

Workspace::Workspace(Layout layout) : layout_(std::move(layout)), provider_(layout_.root_key()) {}

sync::Hub::Parts Workspace::parts(const ServerKeys& keys) {
  auto unseal = [this](ByteView sealed) -> Result<Bytes> {
    const std::lock_guard lock{box_mutex_};
    const Bytes binding = wire::sealed_commit_binding(hub_->state().workspace);
    Bytes plain;
    if (const Status opened = box_->open(binding, sealed, plain); !opened) {
      return Error{Errc::kCommitInvalid, "a sealed copy does not open"};
    }
    return plain;
  };
  auto on_damaged = [this](const sync::DamagedRecord& damaged) {
    log(LogLevel::kError, "record_damaged", {{"record", hub_->name_of(damaged)}});
  };
  return sync::Hub::Parts{.store = *store_,
                          .clock = clock_,
                          .entropy = entropy_,
                          .unseal = std::move(unseal),
                          .receipt_key = Bytes{keys.receipt.bytes()},
                          .on_damaged = std::move(on_damaged),
                          .ledger = ledger_.get()};
}

Status Workspace::create(const Layout& layout, const Config& config,
                         std::shared_ptr<const schema::Catalog> catalog) {
  SATCHEL_TRY(check_workspace_name(layout.workspace));
  SATCHEL_TRY(make_folder(layout.keys()));
  std::unique_ptr<Workspace> workspace{new Workspace(layout)};
  std::error_code unknown;
  auto keys = fs::exists(layout.server_keys(), unknown)
                  ? read_server_keys(layout.server_keys())
                  : make_server_keys(layout.server_keys(), workspace->entropy_);
  if (!keys) return keys.error();
  workspace->box_ = std::make_unique<crypto::BoxReceiver>(keys->box);
  auto store = sync::LmdbStore::create(layout.data(), store_options(layout, config),
                                       workspace->provider_, workspace->entropy_);
  if (!store && store.error().code == Errc::kAlreadyExists) {
    store = sync::LmdbStore::open(layout.data(), store_options(layout, config),
                                  workspace->provider_, workspace->entropy_);
  }
  if (!store) return store.error();
  workspace->store_ = std::move(*store);
  SATCHEL_TRY(check_keys(*workspace->store_, *keys, layout.server_keys()));
  auto hub = sync::Hub::open(workspace->parts(*keys));
  if (!hub && hub.error().code == Errc::kStoreMissing) {
    auto id = crypto::random_id<WorkspaceId>(workspace->entropy_);
    if (!id) return id.error();
    hub = sync::Hub::create(workspace->parts(*keys), *id, std::move(catalog));
  }
  if (!hub) return hub.error();
  workspace->hub_ = std::move(*hub);
  return {};
}

Result<std::unique_ptr<Workspace>> Workspace::open(const Layout& layout, const Config& config) {
  std::unique_ptr<Workspace> workspace{new Workspace(layout)};
  workspace->replica_expiry_us_ = std::chrono::microseconds{config.replica_expiry}.count();
  std::error_code missing;
  if (!fs::exists(layout.data(), missing)) {
    return Error{Errc::kStoreMissing, layout.data() + ": run `satcheld init`"};
  }
  auto keys = read_server_keys(layout.server_keys());
  if (!keys) return keys.error();
  workspace->box_ = std::make_unique<crypto::BoxReceiver>(keys->box);
  workspace->box_public_key_ = keys->box.public_key;
  auto store = sync::LmdbStore::open(layout.data(), store_options(layout, config),
                                     workspace->provider_, workspace->entropy_);
  if (!store) return beyond_repair(store.error());
  workspace->store_ = std::move(*store);
  for (const std::string& row : workspace->store_->mended())
    log(LogLevel::kWarning, "row_mended", {{"row", row}});
  SATCHEL_TRY(check_keys(*workspace->store_, *keys, layout.server_keys()));
  SATCHEL_TRY(workspace->settle_schema(config));
  SATCHEL_TRY(workspace->drop_damaged_schemas());
  SATCHEL_TRY(workspace->open_ledger(*keys, config));
  auto hub = sync::Hub::open(workspace->parts(*keys));
  if (!hub) return beyond_repair(hub.error());
  workspace->hub_ = std::move(*hub);
  SATCHEL_TRY(workspace->replay_ledger());
  workspace->tokens_ =
      std::make_unique<AccessTokens>(keys->token, workspace->hub_->state().workspace);
  return workspace;
}

}  // namespace satchel::server
