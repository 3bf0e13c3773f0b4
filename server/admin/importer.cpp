#include "server/admin/importer.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "server/admin/rows_ahead.hpp"
#include "server/admin/users.hpp"
#include "server/admin/writing.hpp"
#include "sync/merge/life.hpp"
#include "sync/policy/decide.hpp"

namespace satchel::server {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

constexpr std::size_t kRunsKept = 4;

// A value that may serve as a key, as text; nothing for other kinds.
std::optional<std::string> key_text_of(ByteView encoded) {
  const auto value = decode_value(encoded);
  if (!value) return std::nullopt;
  if (const auto* text = value->as<std::string>()) return *text;
  if (const auto* number = value->as<std::int64_t>()) return std::to_string(*number);
  return std::nullopt;
}

// The field of a key path, and the map entry's name where it has one.
struct KeyPath {
  const FieldDef* field = nullptr;
  Bytes entry;  // Encoded; empty for a plain field.
};

Result<KeyPath> key_path(const CollectionDef& collection, const std::string& key) {
  const std::size_t dot = key.find('.');
  const FieldDef* const field = collection.find(std::string_view{key}.substr(0, dot));
  if (field == nullptr) return Error{Errc::kFieldUnknown, collection.name + "." + key};
  const bool is_map = field->rule == schema::Rule::kMap;
  if (is_map != (dot != std::string::npos) || (schema::is_map_rule(field->rule) && !is_map)) {
    return Error{Errc::kInvalidArgument, key + ": a key is a plain field or an entry of a map"};
  }
  return KeyPath{field, is_map ? encode_value(Value{key.substr(dot + 1)}) : Bytes{}};
}

std::optional<std::string> key_of(const KeyPath& path, const sync::Record& record) {
  const auto reading = sync::read_field(*path.field, record.of_field(path.field->id));
  if (path.entry.empty()) return reading.present ? key_text_of(reading.value) : std::nullopt;
  for (const sync::ShownItem& item : reading.items) {
    if (item.key == path.entry) return key_text_of(item.value);
  }
  return std::nullopt;
}

// The directory's row of a record of "users".
Result<sync::User> user_of(const CollectionDef& collection, const sync::Record& record) {
  sync::User user;
  user.record = record.id;
  const auto read = [&](std::string_view name) -> Value {
    const FieldDef* const field = collection.find(name);
    if (field == nullptr) return {};
    const auto reading = sync::read_field(*field, record.of_field(field->id));
    auto value = reading.present ? decode_value(reading.value) : Result<Value>{Value{}};
    return value ? std::move(*value) : Value{};
  };
  const Value name = read("name");
  const Value role = read("role");
  const Value territories = read("territories");
  const Value active = read("active");
  user.name = name.as<std::string>() != nullptr ? *name.as<std::string>() : std::string{};
  SATCHEL_TRY(check_user_name(user.name));
  auto parsed = sync::parse_role(role.as<std::string>() != nullptr ? *role.as<std::string>() : "");
  if (!parsed) return parsed.error();
  user.role = *parsed;
  user.active = active.as<bool>() == nullptr || *active.as<bool>();
  if (const auto* list = territories.as<ListElements>()) {
    for (const Value& each : *list) {
      if (const auto* text = each.as<std::string>()) user.territories.push_back(*text);
    }
  }
  return user;
}

}  // namespace

// One batch inside the writer's transaction.
//
// Rows whose whole record has been made ready ahead go into commits of many records; the others are
// a commit each, made here on top of what is shown.
class Importer::Pass {
 public:
  Pass(Importer& importer, const Run& run, const ImportBatch& batch, const schema::Catalog& catalog)
      : importer_(importer),
        batch_(batch),
        catalog_(catalog),
        collection_(*catalog.find(batch.collection)),
        reader_(batch, collection_, run.indexes, &fresh_),
        ahead_(importer.hub_, batch, catalog, run.indexes) {}

  // An Error is the store's; a row's own trouble is noted.
  Status run(sync::HubTxn& txn) {
    const auto& rows = batch_.rows.rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto record = ahead_.take(txn, i);
      if (!record) {
        SATCHEL_TRY(write_together(txn));
        SATCHEL_TRY(take(txn, rows[i]));
        continue;
      }
      if (!together_ids_.insert(record->id).second) {
        SATCHEL_TRY(write_together(txn));
        together_ids_.insert(record->id);
      }
      together_bytes_ += bytes_of(*record);
      together_.records.push_back(std::move(*record));
      together_rows_.push_back(&rows[i]);
      if (together_rows_.size() == kRowsTogether || together_bytes_ > kBytesTogether) {
        SATCHEL_TRY(write_together(txn));
      }
    }
    return write_together(txn);
  }
  [[nodiscard]] ImportReport& report() { return report_; }
  // Keys of the records that it wrote.
  [[nodiscard]] KeyIndex& fresh() { return fresh_; }

 private:
  // More would save little; and a commit comes to a device in one piece.
  static constexpr std::size_t kRowsTogether = 64;
  static constexpr std::size_t kBytesTogether = 256 * 1024;

  static std::size_t bytes_of(const sync::RecordWrite& record) {
    std::size_t bytes = 0;
    for (const sync::RegisterWrite& each : record.writes) bytes += each.value.size();
    return bytes;
  }

  // The row is left out; the batch goes on.
  void note(const ImportRow& row, const std::string& field, const Error& error) {
    report_.complaints.push_back({row.line, field, error.message()});
  }
  Status complain(const ImportRow& row, const std::string& field, const Error& error) {
    note(row, field, error);
    return {};
  }
  RowReader::Complain complainer(const ImportRow& row) {
    return [this, &row](const std::string& field, const Error& error) { note(row, field, error); };
  }

  // One commit of what has come together. Where that may not be, each row is taken by itself: its
  // record came meanwhile, or one of them is refused.
  Status write_together(sync::HubTxn& txn) {
    sync::CommitBody body = std::exchange(together_, {});
    std::vector<RecordId> ids;
    for (const sync::RecordWrite& record : body.records) ids.push_back(record.id);
    const std::vector<const ImportRow*> rows = std::exchange(together_rows_, {});
    together_ids_.clear();
    together_bytes_ = 0;
    if (rows.empty()) return {};
    auto written = try_write(txn, ids, std::move(body));
    if (!written) return written.error();
    if (!*written) {
      for (const ImportRow* row : rows) SATCHEL_TRY(take(txn, *row));
      return {};
    }
    report_.created += rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) note_key(*rows[i], ids[i]);
    return {};
  }

  // Whether it was written; an Error is the store's.
  Result<bool> try_write(sync::HubTxn& txn, std::span<const RecordId> ids, sync::CommitBody body) {
    const auto known = txn.are_known(ids);
    if (!known) return known.error();
    if (std::find(known->begin(), known->end(), true) != known->end()) return false;
    Status done = owners_.check(txn, catalog_, body);
    if (done) {
      auto result = txn.write(std::move(body), std::string(kAdminActor), batch_.purpose);
      if (!result) done = result.error();
    }
    if (done) return true;
    if (is_store_error(done.error().code)) return done.error();
    return false;
  }

  // The record as it is shown, made where there is none; nothing after a complaint.
  Result<std::optional<sync::Record>> open(sync::CommitBuilder& builder, const ImportRow& row,
                                           const RecordId& id, bool& creates) {
    auto shown = builder.shown(collection_, id);
    if (!shown) return shown.error();
    if (*shown && sync::is_alive(**shown, collection_.life)) return shown;
    if (*shown) {
      note(row, "id", Error{Errc::kRecordDeleted, to_text(id)});
      return std::optional<sync::Record>{};
    }
    creates = true;
    if (const Status created = builder.create(batch_.collection, id); !created) {
      note(row, "id", created.error());
      return std::optional<sync::Record>{};
    }
    return builder.shown(collection_, id);
  }

  Status take(sync::HubTxn& txn, const ImportRow& row) {
    const auto complain = complainer(row);
    const auto id = reader_.id_of(row, txn.state().workspace, complain);
    if (!id) return {};
    auto builder = txn.builder();
    bool creates = false;
    auto shown = open(builder, row, *id, creates);
    if (!shown) return shown.error();
    if (!*shown) return {};
    // Before the row's own fields, which may say it otherwise.
    if (creates) {
      SATCHEL_TRY(fill_created(builder, collection_, *id, importer_.hub_.clock().wall_us()));
    }
    if (!reader_.assign(builder, **shown, row, complain)) return {};
    return write(txn, builder, row, *id, creates);
  }

  Status write(sync::HubTxn& txn, sync::CommitBuilder& builder, const ImportRow& row,
               const RecordId& id, bool creates) {
    std::optional<sync::User> user;
    if (batch_.collection == "users") {
      auto record = builder.shown(collection_, id);
      if (!record) return record.error();
      auto made = user_of(collection_, **record);
      if (!made) return complain(row, "name", made.error());
      user = std::move(*made);
    }
    if (const Status owned = owners_.check(txn, catalog_, builder.peek()); !owned) {
      if (is_store_error(owned.error().code)) return owned.error();
      return complain(row, "owner", owned.error());
    }
    auto written = write_all(txn, builder, batch_.purpose);
    if (!written) {
      if (is_store_error(written.error().code)) return written.error();
      return complain(row, "", written.error());
    }
    if (user && *written) SATCHEL_TRY(txn.put_user(*user));
    note_key(row, id);
    ++(creates ? report_.created : *written ? report_.updated : report_.unchanged);
    return {};
  }

  void note_key(const ImportRow& row, const RecordId& id) {
    if (!batch_.key.empty() && batch_.key != kIdKey) fresh_.insert_or_assign(row.key, id);
  }

  Importer& importer_;
  const ImportBatch& batch_;
  const schema::Catalog& catalog_;
  const CollectionDef& collection_;
  ImportReport report_;
  KeyIndex fresh_;
  OwnerCheck owners_;
  RowReader reader_;
  sync::CommitBody together_;
  std::vector<const ImportRow*> together_rows_;  // Of its records, by place.
  std::set<RecordId> together_ids_;
  std::size_t together_bytes_ = 0;
  RowsAhead ahead_;
};

Importer::Run& Importer::run_of(const std::string& name) {
  for (Run& run : runs_) {
    if (run.name == name) return run;
  }
  if (runs_.size() == kRunsKept) runs_.pop_front();
  return runs_.emplace_back(Run{name, {}});
}

Result<KeyIndex*> Importer::index_of(Run& run, const std::string& name, const std::string& key) {
  const std::string slot = name + " " + key;
  const auto held = run.indexes.find(slot);
  if (held != run.indexes.end()) return &held->second;
  const auto catalog = hub_.catalog();
  const CollectionDef* const collection = catalog->find(name);
  if (collection == nullptr) return Error{Errc::kCollectionUnknown, name};
  auto path = key_path(*collection, key);
  if (!path) return path.error();
  KeyIndex index;
  SATCHEL_TRY(hub_.visit_records(nullptr, [&](const sync::Record& record) {
    if (record.collection != collection->id || !sync::is_alive(record, collection->life))
      return true;
    if (auto value = key_of(*path, record)) index.emplace(std::move(*value), record.id);
    return true;
  }));
  return &run.indexes.emplace(slot, std::move(index)).first->second;
}

Result<ImportReport> Importer::run(const ImportBatch& batch) {
  const std::lock_guard lock{mutex_};
  const auto catalog = hub_.catalog();
  if (catalog->find(batch.collection) == nullptr) {
    return Error{Errc::kCollectionUnknown, batch.collection};
  }
  if (!sync::is_known_purpose(batch.purpose)) return Error{Errc::kPolicyDenied, "unknown purpose"};
  Run& run = run_of(batch.run);
  // Look-ups are made before the writer is asked: it must not wait for a scan.
  std::set<std::pair<std::string, std::string>> needed;
  KeyIndex* own = nullptr;
  if (!batch.key.empty() && batch.key != kIdKey) needed.emplace(batch.collection, batch.key);
  for (const ImportField& field : batch.rows.fields) {
    if (!field.collection.empty() && field.by != kIdKey) needed.emplace(field.collection, field.by);
  }
  for (const auto& [collection, key] : needed) {
    auto index = index_of(run, collection, key);
    if (!index) return index.error();
    if (collection == batch.collection && key == batch.key) own = *index;
  }
  auto report = run_batch(run, batch, *catalog, own);
  // What was looked up may name records that are not there now.
  if (!report) std::erase_if(runs_, [&](const Run& each) { return each.name == batch.run; });
  return report;
}

Result<ImportReport> Importer::run_batch(const Run& run, const ImportBatch& batch,
                                         const schema::Catalog& catalog, KeyIndex* own) {
  Pass pass{*this, run, batch, catalog};
  const Status durable = writer_.run([&](sync::HubTxn& txn) -> Status {
    SATCHEL_TRY(pass.run(txn));
    if (batch.dry_run) return Error{Errc::kCancelled, "a dry run"};  // Rolls back.
    return {};
  });
  if (durable || (batch.dry_run && durable.error().code == Errc::kCancelled)) {
    if (own != nullptr) own->merge(pass.fresh());
    return pass.report();
  }
  return durable.error();
}

}  // namespace satchel::server
