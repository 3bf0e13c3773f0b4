#include "server/admin/importer.hpp"

#include <charconv>
#include <set>

#include "crypto/hash.hpp"
#include "server/admin/users.hpp"
#include "server/admin/writing.hpp"
#include "sync/merge/life.hpp"
#include "sync/policy/decide.hpp"

namespace satchel::server {
namespace {

using schema::CollectionDef;
using schema::FieldDef;

constexpr std::size_t kRunsKept = 4;
constexpr std::string_view kIdKey = "id";

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

// A row without a key is its own: the same content is the same record.
std::string content_key(const std::vector<ImportField>& fields, const ImportRow& row) {
  Bytes content;
  for (const ImportValue& value : row.values) {
    content += fields[value.field].path + '\0' + value.text + '\0';
  }
  return to_hex(crypto::sha256(content));
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
class Importer::Pass {
 public:
  Pass(Importer& importer, Run& run, const ImportBatch& batch, const schema::Catalog& catalog)
      : importer_(importer),
        run_(run),
        batch_(batch),
        catalog_(catalog),
        collection_(*catalog.find(batch.collection)) {}

  // An Error is the store's; a row's own trouble is noted.
  Status run(sync::HubTxn& txn) {
    report_ = {};
    prepare();
    for (const ImportRow& row : batch_.rows.rows) {
      complained_ = false;
      SATCHEL_TRY(take(txn, row));
    }
    return {};
  }
  [[nodiscard]] ImportReport& report() { return report_; }

 private:
  void prepare() {
    assignments_.clear();
    references_.clear();
    for (const ImportField& field : batch_.rows.fields) {
      assignments_.push_back({field.path, {}, field.is_json});
      const auto index = run_.indexes.find(field.collection + " " + field.by);
      references_.push_back(index == run_.indexes.end() ? nullptr : &index->second);
    }
    own_index_ = batch_.key.empty() || batch_.key == kIdKey
                     ? nullptr
                     : &run_.indexes.find(batch_.collection + " " + batch_.key)->second;
  }

  // The row is left out; the batch goes on.
  void note(const ImportRow& row, const std::string& field, const Error& error) {
    complained_ = true;
    report_.complaints.push_back({row.line, field, error.message()});
  }
  Status complain(const ImportRow& row, const std::string& field, const Error& error) {
    note(row, field, error);
    return {};
  }

  std::optional<RecordId> id_of(const ImportRow& row, const WorkspaceId& workspace) {
    if (batch_.key == kIdKey) {
      auto id = parse_record_id(row.key);
      if (!id) {
        note(row, batch_.key, id.error());
        return std::nullopt;
      }
      return *id;
    }
    if (batch_.key.empty()) {
      return keyed_record_id(workspace, batch_.collection, "content",
                             content_key(batch_.rows.fields, row));
    }
    if (row.key.empty()) {
      note(row, batch_.key, Error{Errc::kRequiredMissing, "the row has no key"});
      return std::nullopt;
    }
    const auto found = own_index_->find(row.key);
    if (found != own_index_->end()) return found->second;
    return keyed_record_id(workspace, batch_.collection, batch_.key, row.key);
  }

  // What goes into the field: the text as given, or the id of the record that it refers to.
  Result<const Assignment*> resolved(const ImportValue& value) {
    const ImportField& field = batch_.rows.fields[value.field];
    Assignment& assignment = assignments_[value.field];
    assignment.text = value.text;
    if (field.collection.empty() || value.text.empty() || field.by == kIdKey) return &assignment;
    const KeyIndex& index = *references_[value.field];
    const auto found = index.find(value.text);
    if (found == index.end()) {
      return Error{Errc::kNotFound, "no record of " + field.collection + " has this " + field.by};
    }
    assignment.text = to_text(found->second);
    return &assignment;
  }

  bool assign(sync::CommitBuilder& builder, const sync::Record& shown, const ImportRow& row) {
    FieldAssigner assigner{builder, collection_, shown, AssignMode::kUpsert};
    if (!batch_.key.empty() && batch_.key != kIdKey) {
      if (const Status put = assigner.assign({batch_.key, row.key, false}); !put) {
        note(row, batch_.key, put.error());
        return false;
      }
    }
    for (const ImportValue& value : row.values) {
      auto assignment = resolved(value);
      const Status put = assignment ? assigner.assign(**assignment) : Status{assignment.error()};
      if (put) continue;
      note(row, batch_.rows.fields[value.field].path, put.error());
    }
    if (complained_) return false;
    if (const Status flushed = assigner.flush(); !flushed) {
      const std::string& context = flushed.error().context;
      note(row, context.substr(0, context.find(':')), flushed.error());
      return false;
    }
    return true;
  }

  // The record as it is shown, made where there is none; nothing after a complaint.
  Result<std::optional<sync::Record>> open(sync::CommitBuilder& builder, const ImportRow& row,
                                           const RecordId& id, bool& creates) {
    // Most rows are as the one before: new, or there already. Each saves a look-up then.
    if (creates) {
      const Status created = builder.create(batch_.collection, id);
      if (created) return builder.shown(collection_, id);
      creates = false;
    }
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
    const auto id = id_of(row, txn.state().workspace);
    if (!id) return {};
    auto builder = txn.builder();
    bool creates = last_created_;
    auto shown = open(builder, row, *id, creates);
    if (!shown) return shown.error();
    if (!*shown) return {};
    last_created_ = creates;
    // Before the row's own fields, which may say it otherwise.
    if (creates) {
      SATCHEL_TRY(fill_created(builder, collection_, *id, importer_.hub_.clock().wall_us()));
    }
    if (!assign(builder, **shown, row)) return {};
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
    if (const Status owned = check_owners(txn, catalog_, builder.peek()); !owned) {
      if (is_store_error(owned.error().code)) return owned.error();
      return complain(row, "owner", owned.error());
    }
    auto written = write_all(txn, builder, batch_.purpose);
    if (!written) {
      if (is_store_error(written.error().code)) return written.error();
      return complain(row, "", written.error());
    }
    if (user && *written) SATCHEL_TRY(txn.put_user(*user));
    if (own_index_ != nullptr) own_index_->insert_or_assign(row.key, id);
    ++(creates ? report_.created : *written ? report_.updated : report_.unchanged);
    return {};
  }

  Importer& importer_;
  Run& run_;
  const ImportBatch& batch_;
  const schema::Catalog& catalog_;
  const CollectionDef& collection_;
  ImportReport report_;
  std::vector<Assignment> assignments_;      // By field; the text is the row's at hand.
  std::vector<const KeyIndex*> references_;  // The same; null where nothing is looked up.
  KeyIndex* own_index_ = nullptr;
  bool complained_ = false;
  bool last_created_ = true;
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
  if (!batch.key.empty() && batch.key != kIdKey) needed.emplace(batch.collection, batch.key);
  for (const ImportField& field : batch.rows.fields) {
    if (!field.collection.empty() && field.by != kIdKey) needed.emplace(field.collection, field.by);
  }
  for (const auto& [collection, key] : needed) {
    auto index = index_of(run, collection, key);
    if (!index) return index.error();
  }
  Pass pass{*this, run, batch, *catalog};
  const Status durable = writer_.run([&](sync::HubTxn& txn) -> Status {
    SATCHEL_TRY(pass.run(txn));
    if (batch.dry_run) return Error{Errc::kCancelled, "a dry run"};  // Rolls back.
    return {};
  });
  if (durable || (batch.dry_run && durable.error().code == Errc::kCancelled)) return pass.report();
  // What was looked up may name records that are not there now.
  std::erase_if(runs_, [&](const Run& each) { return each.name == batch.run; });
  return durable.error();
}

}  // namespace satchel::server
