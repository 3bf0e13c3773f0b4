// What a replica answers: records, queries, searches, conflicts, explanations, dumps, outbox,
// inbox.
#include <algorithm>

#include "sdk/engine/people.hpp"
#include "sdk/engine/render.hpp"
#include "sdk/engine/replica.hpp"
#include "sdk/query/evaluate.hpp"
#include "sync/commit/gate.hpp"
#include "sync/merge/explain.hpp"
#include "sync/merge/life.hpp"
#include "sync/record/canonical.hpp"

namespace satchel::sdk {
namespace {

using schema::CollectionDef;
using sync::Record;

Result<const CollectionDef*> find_collection(const sync::Edge& edge, std::string_view name) {
  const CollectionDef* collection = edge.catalog().find(name);
  if (collection == nullptr) {
    return Error{Errc::kCollectionUnknown, '"' + std::string{name} + '"'};
  }
  return collection;
}

// What of an answer could not be read. One record may be met twice.
class Missing {
 public:
  explicit Missing(const sync::Edge& edge) : edge_(edge) {}
  [[nodiscard]] std::vector<sync::UnreadableRecord>& records() { return records_; }
  // A whole table may not add up: the rows stand, but nobody vouches that they are all.
  Status note(const Status& read) {
    if (read || !sync::is_damage(read.error().code)) return read;
    of_table_ = read.error();
    return {};
  }
  // Of one record that was asked for by its id.
  Status note(const CollectionDef& collection, const RecordId& id, const Error& error) {
    if (!sync::is_damage(error.code)) return error;
    records_.push_back({0, collection.id, id});
    return {};
  }
  // Of all that there is: what a damaged commit wrote may be missing under any of the rows.
  void note_unsent() {
    for (const sync::DamagedCommit& each : edge_.damaged()) {
      if (each.state == sync::DamagedCommit::State::kAnswered) continue;
      of_table_ = Error{Errc::kStoreCorrupt, "pending commit " + std::to_string(each.place) +
                                                 ", whose writes are not in it; `pending` names "
                                                 "its records"};
    }
  }
  void tell(Rows& rows) {
    std::vector<sync::UnreadableRecord> once;
    for (const sync::UnreadableRecord& each : records_) {
      if (each.id == RecordId{} || rows.unreadable.insert(each.id).second) once.push_back(each);
    }
    if (!once.empty()) rows.damage = edge_.unreadable_error(once);
    if (once.empty() && of_table_) rows.damage = *of_table_;
  }

 private:
  const sync::Edge& edge_;
  std::vector<sync::UnreadableRecord> records_;
  std::optional<Error> of_table_;
};

struct Match {
  SortKey key;
  std::string row;  // Empty where it is read again once it is known to be among the first.
};

void keep_first(std::vector<Match>& matched, const std::vector<OrderBy>& order, std::size_t limit) {
  const auto before = [&](const Match& a, const Match& b) {
    return comes_before(order, a.key, b.key);
  };
  if (limit == 0 || matched.size() <= limit) {
    std::sort(matched.begin(), matched.end(), before);
    return;
  }
  const auto end = matched.begin() + static_cast<std::ptrdiff_t>(limit);
  std::partial_sort(matched.begin(), end, matched.end(), before);
  matched.erase(end, matched.end());
}

std::string plan_json(const std::optional<IndexQuestion>& question, std::size_t scanned,
                      std::size_t matched) {
  std::string index = "null";
  std::string kind = "\"scan\"";
  if (question) {
    index = text_json(question->path.field->name);
    kind = question->kind == IndexKind::kEquality ? "\"equality\"" : "\"ordered\"";
  }
  return "{\"index\":" + index + ",\"kind\":" + kind + ",\"matched\":" + std::to_string(matched) +
         ",\"scanned\":" + std::to_string(scanned) + '}';
}

bool has_words(const CollectionDef& collection) {
  return std::any_of(collection.fields.begin(), collection.fields.end(),
                     [](const schema::FieldDef& field) { return field.searchable; });
}

// Whether each asked word begins one of the record's.
bool answers(const std::vector<std::string>& held, const std::vector<std::string>& asked) {
  return std::all_of(asked.begin(), asked.end(), [&](const std::string& word) {
    const auto at = std::lower_bound(held.begin(), held.end(), word);
    return at != held.end() && at->starts_with(word);
  });
}

}  // namespace

Result<std::string> Replica::get(std::string_view purpose, std::string_view collection,
                                 std::string_view id) {
  auto record_id = parse_record_id(id);
  if (!record_id) return record_id.error();
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto def = find_collection(*(*core)->edge, collection);
  if (!def) return def.error();
  auto record = (*core)->edge->shown(*record_id, purpose);
  if (!record) return record.error();
  const std::string name = (*def)->name + ' ' + to_text(*record_id);
  if (!*record || (*record)->collection != (*def)->id) return Error{Errc::kRecordUnknown, name};
  if (!sync::is_alive(**record, (*def)->life)) return Error{Errc::kRecordDeleted, name};
  return record_json(**def, **record);
}

Result<Rows> Replica::query(std::string_view purpose, std::string_view collection,
                            std::string_view expression, const QueryOptions& options) {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto def = find_collection(*(*core)->edge, collection);
  if (!def) return def.error();
  return run_query(**core, purpose, **def, expression, options);
}

Result<Rows> Replica::run_query(Core& core, std::string_view purpose,
                                const CollectionDef& collection, std::string_view expression,
                                const QueryOptions& options) {
  auto node = parse_expression(collection, expression);
  if (!node) return node.error();
  auto order = parse_order(collection, options.order);
  if (!order) return order.error();
  std::vector<Match> matched;
  std::size_t scanned = 0;
  const auto consider = [&](const Record& record) {
    if (record.collection != collection.id || !sync::is_alive(record, collection.life)) return true;
    ++scanned;
    if (!matches(*node, record)) return true;
    matched.push_back({sort_key(*order, record),
                       options.limit == 0 ? record_json(collection, record) : std::string{}});
    return true;
  };
  const auto question = choose_index(collection, *node);
  Missing missing{*core.edge};
  if (question) {
    auto ids = core.indexes->candidates(*question, purpose, missing.records());
    if (!ids) return ids.error();
    // Candidates come sorted by id, as rows do where no order is asked for: the first are enough.
    const std::size_t enough = order->empty() && options.limit != 0 ? options.limit : SIZE_MAX;
    for (const RecordId& id : *ids) {
      if (matched.size() >= enough) break;
      auto record = core.edge->shown(id, purpose);
      if (!record) SATCHEL_TRY(missing.note(collection, id, record.error()));
      if (record && *record) consider(**record);
    }
  } else {
    SATCHEL_TRY(missing.note(
        core.edge->visit_readable(collection.id, purpose, nullptr, consider, missing.records())));
  }
  Rows rows;
  rows.plan = plan_json(question, scanned, matched.size());
  keep_first(matched, *order, options.limit);
  for (Match& match : matched) {
    if (match.row.empty()) {
      auto record = core.edge->shown(match.key.id, purpose);
      if (!record) SATCHEL_TRY(missing.note(collection, match.key.id, record.error()));
      if (!record) continue;
      if (*record) match.row = record_json(collection, **record);
    }
    rows.rows.push_back(std::move(match.row));
  }
  missing.tell(rows);
  return rows;
}

Result<Rows> Replica::search(std::string_view purpose, std::string_view text,
                             std::string_view collection, std::size_t limit) {
  const std::vector<std::string> asked = fold_words(text);
  if (asked.empty()) return Error{Errc::kQueryInvalid, "there is no word to search for"};
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  if (!collection.empty()) {
    if (auto def = find_collection(*(*core)->edge, collection); !def) return def.error();
  }
  Rows rows;
  Missing missing{*(*core)->edge};
  const auto find = [&](const CollectionDef& def, const std::vector<RecordId>& ids) -> Status {
    for (const RecordId& id : ids) {
      if (limit != 0 && rows.rows.size() >= limit) return {};
      auto record = (*core)->edge->shown(id, purpose);
      if (!record) SATCHEL_TRY(missing.note(def, id, record.error()));
      if (!record || !*record || (*record)->collection != def.id) continue;
      if (!sync::is_alive(**record, def.life) || !answers(words_of(def, **record), asked)) continue;
      rows.rows.push_back(record_json(def, **record));
    }
    return {};
  };
  for (const CollectionDef& def : (*core)->edge->catalog().collections()) {
    if ((!collection.empty() && def.name != collection) || !has_words(def)) continue;
    // The longest word tells most.
    const std::string& longest = *std::max_element(
        asked.begin(), asked.end(),
        [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
    auto ids =
        (*core)->indexes->candidates(word_question(def, longest), purpose, missing.records());
    if (!ids) return ids.error();
    SATCHEL_TRY(find(def, *ids));
    if (limit != 0 && rows.rows.size() >= limit) break;
  }
  missing.tell(rows);
  return rows;
}

Result<Rows> Replica::conflicts(std::string_view purpose, std::string_view collection) {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  CollectionId only = 0;
  if (!collection.empty()) {
    auto def = find_collection(*(*core)->edge, collection);
    if (!def) return def.error();
    only = (*def)->id;
  }
  Missing missing{*(*core)->edge};
  SATCHEL_TRY(missing.note(find_conflicts(**core)));
  missing.records() = conflicts_unread_;
  if (!conflicted_) conflicted_.emplace();
  std::vector<RecordId> ids{conflicted_->begin(), conflicted_->end()};
  std::sort(ids.begin(), ids.end());
  const sync::NameOfReplica names = names_of_people(*(*core)->edge);
  Rows rows;
  for (const RecordId& id : ids) {
    auto record = (*core)->edge->shown(id, purpose);
    if (!record && sync::is_damage(record.error().code)) {
      missing.records().push_back({0, only, id});
      continue;
    }
    if (!record) return record.error();
    if (!*record || (only != 0 && (*record)->collection != only)) continue;
    const CollectionDef* def = (*core)->edge->catalog().find((*record)->collection);
    if (def != nullptr) append_conflicts(*def, **record, names, rows.rows);
  }
  missing.tell(rows);
  return rows;
}

Result<Rows> Replica::explain(std::string_view purpose, std::string_view collection,
                              std::string_view id, std::string_view field) {
  auto record_id = parse_record_id(id);
  if (!record_id) return record_id.error();
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto def = find_collection(*(*core)->edge, collection);
  if (!def) return def.error();
  const schema::FieldDef* only = field.empty() ? nullptr : (*def)->find(field);
  if (!field.empty() && only == nullptr) {
    return Error{Errc::kFieldUnknown, (*def)->name + " has no field \"" + std::string{field} + '"'};
  }
  auto record = (*core)->edge->shown(*record_id, purpose);
  if (!record) return record.error();
  if (!*record || (*record)->collection != (*def)->id) {
    return Error{Errc::kRecordUnknown, (*def)->name + ' ' + to_text(*record_id)};
  }
  const sync::NameOfReplica names = names_of_people(*(*core)->edge);
  sync::Edge& edge = *(*core)->edge;
  const auto find = [&](const CollectionDef&, const RecordId& other) {
    return edge.shown(other, purpose);
  };
  const sync::Gates gates{edge.catalog(), find};
  Rows rows;
  for (const schema::FieldDef& each : (*def)->fields) {
    if (only != nullptr && only != &each) continue;
    const auto entries = (*record)->of_field(each.id);
    if (entries.empty() && only == nullptr) continue;
    auto explanation = sync::explain_field(**def, *record_id, each, entries, names);
    SATCHEL_TRY(gates.tell(**def, each, **record, explanation));
    rows.rows.push_back(sync::to_json(explanation));
  }
  return rows;
}

Result<Rows> Replica::dump(std::string_view purpose, bool clocks) {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  struct Row {
    std::string_view collection;
    RecordId id;
    std::string json;
  };
  std::vector<Row> found;
  const auto add = [&](const Record& record) {
    const CollectionDef* def = (*core)->edge->catalog().find(record.collection);
    if (def == nullptr || !sync::is_alive(record, def->life)) return true;
    found.push_back({def->name, record.id, sync::canonical_record(*def, record, {clocks})});
    return true;
  };
  Missing missing{*(*core)->edge};
  SATCHEL_TRY(
      missing.note((*core)->edge->visit_readable(0, purpose, nullptr, add, missing.records())));
  missing.note_unsent();
  std::sort(found.begin(), found.end(), [](const Row& a, const Row& b) {
    return std::tie(a.collection, a.id) < std::tie(b.collection, b.id);
  });
  Rows rows;
  missing.tell(rows);
  rows.rows.reserve(found.size());
  for (Row& row : found) rows.rows.push_back(std::move(row.json));
  return rows;
}

// ---- Outbox and inbox ---------------------------------------------------------------------------

Result<Rows> Replica::pending() {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto commits = (*core)->edge->pending();
  if (!commits) return commits.error();
  Rows rows;
  for (const sync::PendingCommit& commit : *commits) {
    rows.rows.push_back(pending_json((*core)->edge->catalog(), commit, false));
  }
  for (const sync::DamagedCommit& each : (*core)->edge->damaged()) {
    const std::string list = damaged_json((*core)->edge->catalog(), {each});
    rows.rows.push_back(list.substr(1, list.size() - 2));
  }
  return rows;
}

Result<std::string> Replica::pending_item(std::uint64_t commit) {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto found = (*core)->edge->find_pending(commit);
  if (!found) return found.error();
  if (!*found) return Error{Errc::kNotFound, "pending commit " + std::to_string(commit)};
  return pending_json((*core)->edge->catalog(), **found, true);
}

Result<Rows> Replica::inbox() {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto items = (*core)->edge->inbox();
  if (!items) return items.error();
  Rows rows;
  for (const sync::InboxItem& item : *items) {
    rows.rows.push_back(inbox_json((*core)->edge->catalog(), item, false));
  }
  return rows;
}

Result<std::string> Replica::inbox_item(std::uint64_t item) {
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  auto found = (*core)->edge->find_inbox(item);
  if (!found) return found.error();
  if (!*found) return Error{Errc::kNotFound, "inbox item " + std::to_string(item)};
  return inbox_json((*core)->edge->catalog(), **found, true);
}

Result<std::uint64_t> Replica::inbox_retry(std::uint64_t item) {
  Result<std::uint64_t> number{Error{Errc::kInternal}};
  {
    if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
    const Gate::Hold hold{gate_};
    auto core = open_core();
    if (!core) return core.error();
    number = (*core)->edge->retry(item);
  }
  if (number) loop_.post([this] { driver_.poke(); });
  return number;
}

Status Replica::inbox_discard(std::uint64_t item) {
  if (gate_.is_mine()) return Error{Errc::kUsage, "this thread has a write open"};
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  return (*core)->edge->discard(item);
}

}  // namespace satchel::sdk
