#include "sdk/engine/core.hpp"

#include <filesystem>

#include "schema/catalog/built_in.hpp"
#include "schema/model/varint.hpp"
#include "schema/wire/sealed_commit.hpp"
#include "sync/store/schema_row.hpp"
#include "sync/store/way_out.hpp"

namespace satchel::sdk {
namespace {

constexpr std::string_view kServerKey = "sdk.server";
constexpr std::string_view kBootKey = "sdk.boot";
constexpr std::string_view kInstallKey = "sdk.install";
constexpr std::string_view kSignerKey = "sdk.signer";      // The public key that was enrolled.
constexpr std::string_view kLostSchemaKey = "sdk.schema";  // Its hash, until it is there again.

// server  url | pin | access token, each with its length
Bytes encode_server(const ServerRow& row) {
  Bytes out;
  append_sized(out, row.url);
  append_sized(out, row.pin);
  append_sized(out, row.access_token);
  return out;
}

// Of what every answer needs: a page of the file, a table as a whole, the state of the replica.
Error beyond_healing(Error error) {
  return sync::with_way_out(std::move(error),
                            "; heal cannot mend this: enrol again in another home, and keep this "
                            "one: what was not sent is in it alone");
}

Result<ServerRow> decode_server(ByteView bytes) {
  ByteReader in{bytes};
  ServerRow row;
  row.url = in.sized();
  row.pin = in.sized();
  row.access_token = in.sized();
  if (in.failed()) return Error{Errc::kStoreCorrupt, "the row of the server"};
  return row;
}

}  // namespace

Result<std::optional<Bytes>> find_meta(sync::Store& store, std::string_view key) {
  auto txn = store.begin_read();
  if (!txn) return txn.error();
  return (*txn)->find(sync::Table::kMeta, key);
}

Status put_meta(sync::Store& store, std::string_view key, ByteView value) {
  auto txn = store.begin_write();
  if (!txn) return txn.error();
  SATCHEL_TRY((*txn)->put(sync::Table::kMeta, key, value));
  return (*txn)->commit();
}

Status destroy_home(const Config& config, const HomePaths& paths) {
  if (path_exists(paths.store)) SATCHEL_TRY(write_private_file(paths.wiping_file, "wiping\n"));
  if (config.key_provider) {
    auto generations = config.key_provider->list();
    if (!generations) return generations.error();
    for (const crypto::RootGeneration each : *generations) {
      SATCHEL_TRY(config.key_provider->destroy(each));
    }
  }
  return wipe_home(paths);
}

Status Core::take_home(const Config& config) {
  paths = home_paths(config.path, config.key_file, config.install_file);
  auto taken = HomeLock::take(paths.lock_file, config.lock_wait);
  if (!taken) return taken.error();
  lock = std::move(*taken);
  if (path_exists(paths.wiping_file)) {
    SATCHEL_TRY(destroy_home(config, paths));
    return Error{Errc::kDeviceWiped,
                 "a wipe that was cut is done now: enrol again to use the folder"};
  }
  keys = config.key_provider ? config.key_provider
                             : std::make_shared<crypto::FileKeyProvider>(paths.key_file);
  return {};
}

Status Core::open_store(const Config& config) {
  sync::LmdbOptions options;
  if (config.quota_bytes != 0) options.map_bytes_max = config.quota_bytes;
  auto opened = sync::LmdbStore::open(paths.store, options, *keys, entropy);
  if (opened) {
    store = std::move(*opened);
    return {};
  }
  const std::string sealed_keys = paths.store + "/keys/data.mdb";
  std::error_code none;
  if (opened.error().code == Errc::kKeyLost &&
      (!path_exists(sealed_keys) || std::filesystem::file_size(sealed_keys, none) == 0)) {
    return Error{Errc::kKeyLost,
                 "replica/keys/data.mdb is missing: put the folder replica/keys back from a copy, "
                 "or enrol again in another home; unsent work cannot be read without it"};
  }
  // Keys are there, of other generations: they belong to another store, or to this one's past.
  if (opened.error().code == Errc::kKeyLost) {
    auto held = keys->list();
    if (held && !held->empty()) return Error{Errc::kKeyWrong, opened.error().context};
  }
  return beyond_healing(opened.error());
}

// The signing key is made by enrolment; a replica whose key is gone must enrol anew.
Status Core::find_signer() {
  if (signer) return {};
  if (!path_exists(paths.signer_file)) {
    return Error{Errc::kKeyLost,
                 "the signing key " + paths.signer_file +
                     " is gone: put it back from a copy, or enrol again in another home"};
  }
  auto opened = crypto::FileSigner::open(paths.signer_file, entropy);
  if (!opened) return opened.error();
  signer = std::move(*opened);
  return {};
}

Status Core::open_edge() {
  SATCHEL_TRY(find_signer());
  auto opened = sync::Edge::open(parts());
  if (!opened) return beyond_healing(opened.error());
  edge = std::move(*opened);
  if (listener_) edge->on_change(listener_);
  const auto visit = [this](CollectionId collection, std::string_view purpose,
                            const sync::FieldSelection* selection,
                            const sync::Edge::VisitRecord& each,
                            std::vector<sync::UnreadableRecord>& unreadable) {
    return edge->visit_readable(collection, purpose, selection, each, unreadable);
  };
  indexes = std::make_unique<Indexes>(visit);
  return {};
}

sync::Edge::Parts Core::parts() {
  return {*store, clock, entropy, [this](ByteView commit) { return seal_to_server(commit); }};
}

// So that unsent work can still be delivered when its privacy class has been locked.
Result<Bytes> Core::seal_to_server(ByteView commit) {
  if (!to_server) {
    auto sender = crypto::BoxSender::open(edge->identity().server_box_key, entropy);
    if (!sender) return sender.error();
    to_server.emplace(std::move(*sender));
  }
  Bytes sealed;
  const Bytes binding = wire::sealed_commit_binding(edge->identity().workspace);
  SATCHEL_TRY(to_server->seal(nonces, binding, commit, sealed));
  return sealed;
}

// Readings of the boot clock before and after a restart are never compared (SystemClock).
Status Core::settle_boot(const Config& config) {
  auto boot = read_boot_id(config.boot_id_file);
  if (!boot) return boot.error();
  auto row = find_meta(*store, kBootKey);
  if (!row) return row.error();
  std::int64_t offset = 0;
  if (*row) {
    ByteReader in{**row};
    offset = unzigzag(in.varint());
    const ByteView known = in.sized();
    if (in.failed()) return Error{Errc::kStoreCorrupt, "the row of the boot"};
    if (known == *boot) {
      clock.set_boot_range(offset);
      return {};
    }
    offset -= SystemClock::kBootRangeUs;
  }
  Bytes value;
  append_varint(value, zigzag(offset));
  append_sized(value, *boot);
  clock.set_boot_range(offset);
  return put_meta(*store, kBootKey, value);
}

Status Core::find_lost_schema() {
  auto lost = find_meta(*store, kLostSchemaKey);
  if (!lost) return lost.error();
  if (*lost) lost_schema = std::move(**lost);
  return {};
}

// A schema that rotted is the one thing in a replica that others have too: this program, or the
// server.
Status Core::settle_schema() {
  SATCHEL_TRY(find_lost_schema());
  auto hash = sync::damaged_schema(*store, sync::kEdgeSchemaKey);
  if (!hash) return hash.error();
  if (!*hash) return {};
  auto built_in = schema::built_in_crm();
  if (!built_in) return built_in.error();
  const bool same = (*built_in)->hash() == **hash;
  {
    auto txn = store->begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY(sync::put_schema_row(**txn, sync::kEdgeSchemaKey, **built_in));
    SATCHEL_TRY(sync::drop_other_schemas(**txn, (*built_in)->hash()));
    if (!same) SATCHEL_TRY((*txn)->put(sync::Table::kMeta, kLostSchemaKey, **hash));
    SATCHEL_TRY((*txn)->commit());
  }
  if (same) store->note_mended("the stored schema was damaged; the built-in one is the same");
  if (!same) lost_schema = std::move(**hash);
  return {};
}

Status Core::restore_schema(const schema::Catalog& catalog) {
  {
    auto txn = store->begin_write();
    if (!txn) return txn.error();
    SATCHEL_TRY(sync::put_schema_row(**txn, sync::kEdgeSchemaKey, catalog));
    SATCHEL_TRY(sync::drop_other_schemas(**txn, catalog.hash()));
    SATCHEL_TRY((*txn)->erase(sync::Table::kMeta, kLostSchemaKey));
    SATCHEL_TRY((*txn)->commit());
  }
  SATCHEL_TRY(open_edge());
  lost_schema.clear();
  return {};
}

Status Core::check_signer() {
  auto enrolled = find_meta(*store, kSignerKey);
  if (!enrolled) return enrolled.error();
  // A replica of an earlier version remembers none: the server tells.
  if (!*enrolled || **enrolled == signer->public_key()) return {};
  return Error{Errc::kKeyWrong,
               "the signing key (file signer) is not this replica's: put its own "
               "back, or enrol again in another home"};
}

Status Core::readable() const {
  if (lost_schema.empty()) return {};
  const std::string name = "the stored schema " + to_hex(ByteView{lost_schema}.substr(0, 4));
  return Error{Errc::kStoreCorrupt, name + "; `sync` fetches it from the server again"};
}

void Core::listen(sync::ChangeListener listener) {
  listener_ = std::move(listener);
  edge->on_change(listener_);
}

Status Core::settle_install() {
  auto known = find_meta(*store, kInstallKey);
  if (!known) return known.error();
  auto mark = check_install(paths.install_file, *known ? ByteView{**known} : ByteView{}, entropy);
  if (!mark) return mark.error();
  // Without an edge the replica is only being made: what a cut enrolment left has no id to lose.
  moved = mark->moved && edge != nullptr;
  // Before the mark is taken for known: a crash in between only gives one more id.
  if (moved) SATCHEL_TRY(edge->reidentify());
  if (!*known || **known != mark->value) return put_meta(*store, kInstallKey, mark->value);
  return {};
}

Result<std::unique_ptr<Core>> Core::open(const Config& config) {
  auto core = std::make_unique<Core>();
  SATCHEL_TRY(core->take_home(config));
  if (!path_exists(core->paths.store)) {
    return Error{Errc::kStoreMissing, config.path + " holds no replica: enrol first"};
  }
  core->signer = config.signer;
  SATCHEL_TRY(core->open_store(config));
  SATCHEL_TRY(core->settle_boot(config));
  auto row = find_meta(*core->store, kServerKey);
  if (!row) return row.error();
  if (!*row) return Error{Errc::kStoreMissing, config.path + ": enrolment was cut; enrol again"};
  auto server = decode_server(**row);
  if (!server) return server.error();
  core->server = std::move(*server);
  SATCHEL_TRY(core->settle_schema());
  SATCHEL_TRY(core->open_edge());
  SATCHEL_TRY(core->settle_install());
  return core;
}

Result<std::unique_ptr<Core>> Core::open_store_alone(const Config& config) {
  auto core = std::make_unique<Core>();
  SATCHEL_TRY(core->take_home(config));
  if (!path_exists(core->paths.store)) {
    return Error{Errc::kStoreMissing, config.path + " holds no replica: enrol first"};
  }
  core->signer = config.signer;
  SATCHEL_TRY(core->open_store(config));
  return core;
}

Result<std::unique_ptr<Core>> Core::prepare(const Config& config) {
  SATCHEL_TRY(make_folder(config.path));
  auto core = std::make_unique<Core>();
  SATCHEL_TRY(core->take_home(config));
  core->signer = config.signer;
  if (!core->signer) {
    auto signer = crypto::FileSigner::open(core->paths.signer_file, core->entropy);
    if (!signer) return signer.error();
    core->signer = std::move(*signer);
  }
  sync::LmdbOptions options;
  if (config.quota_bytes != 0) options.map_bytes_max = config.quota_bytes;
  auto made = sync::LmdbStore::create(core->paths.store, options, *core->keys, core->entropy);
  if (made) {
    core->store = std::move(*made);
  } else if (made.error().code == Errc::kAlreadyExists) {
    SATCHEL_TRY(core->open_store(config));
    auto row = find_meta(*core->store, kServerKey);
    if (!row) return row.error();
    if (*row) return Error{Errc::kAlreadyExists, config.path + " holds a replica already"};
  } else {
    return made.error();
  }
  SATCHEL_TRY(core->settle_boot(config));
  return core;
}

// The server's row comes last: with it the folder counts as enrolled.
Status Core::found(const sync::EdgeIdentity& identity, ServerRow row,
                   std::shared_ptr<const schema::Catalog> catalog) {
  auto made = sync::Edge::create(parts(), identity, std::move(catalog));
  if (!made) return made.error();
  made->reset();
  SATCHEL_TRY(settle_install());
  server = std::move(row);
  SATCHEL_TRY(put_meta(*store, kSignerKey, signer->public_key()));
  SATCHEL_TRY(put_meta(*store, kServerKey, encode_server(server)));
  return open_edge();
}

Result<Endpoint> Core::endpoint(const Config& config) const {
  auto endpoint = parse_endpoint(server.url);
  if (!endpoint) return endpoint;
  endpoint->pin = server.pin;
  if (!config.connect.empty()) SATCHEL_TRY(set_dial(*endpoint, config.connect));
  // Before the server's first word there is no time by which validity could be judged.
  if (edge && edge->state().server_time_us != 0)
    endpoint->now_s = edge->trusted_now_us() / 1'000'000;
  return endpoint;
}

}  // namespace satchel::sdk
