#include "sync/hub/ingestion.hpp"

#include <algorithm>
#include <set>

#include "schema/model/limits.hpp"
#include "sync/commit/check.hpp"
#include "sync/commit/gate.hpp"
#include "sync/hub/agenda.hpp"
#include "sync/hub/scopes.hpp"
#include "sync/merge/life.hpp"
#include "sync/merge/reading.hpp"
#include "sync/merge/total.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using schema::Rule;
using wire::Outcome;

// What sealing may add to a segment: padding to 32 bytes, nonce and tag.
constexpr std::size_t kSealRoom = 64;
// And to a header, which also lists the segments.
constexpr std::size_t kHeaderRoom = 512;

constexpr std::string_view kFrozenRule = "frozen";
constexpr std::string_view kRetainedRule = "retained";

// Of a commit that `rule` took something out of.
Errc code_of(std::string_view rule) {
  if (rule == kFrozenRule) return Errc::kFieldFrozen;
  return rule == kRetainedRule ? Errc::kRecordRetained : Errc::kPolicyDenied;
}

bool touches_class(const RecordWrite& write, PrivacyClass privacy) {
  return std::any_of(write.writes.begin(), write.writes.end(),
                     [&](const RegisterWrite& each) { return each.privacy == privacy; });
}

// What says where a record belongs may be of several classes: where some of it is written, all is
// needed.
bool needs_class_for_scopes(const CollectionDef& collection, const RecordWrite& write,
                            PrivacyClass privacy) {
  const bool moves =
      std::any_of(write.writes.begin(), write.writes.end(), [&](const RegisterWrite& each) {
        const FieldDef* field = collection.find(each.field);
        return field != nullptr && field->scoping;
      });
  if (!moves) return false;
  const FieldDef* maker = collection.find("createdBy");
  if (maker != nullptr && maker->privacy == privacy) return true;
  return std::any_of(collection.scope_paths.begin(), collection.scope_paths.end(),
                     [&](const schema::ScopePath& path) {
                       const auto& first = path.steps.empty() ? path.end : path.steps.front();
                       return collection.find(first.field)->privacy == privacy;
                     });
}

// Owner and time of a record's agenda may be of two classes: where one is written, both are needed.
bool needs_class(const CollectionDef& collection, const RecordWrite& write, PrivacyClass privacy) {
  if (touches_class(write, privacy)) return true;
  if (needs_class_for_scopes(collection, write, privacy)) return true;
  if (!collection.agenda) return false;
  const bool read_for_agenda = collection.find("owner")->privacy == privacy ||
                               collection.find(collection.agenda->at)->privacy == privacy;
  return read_for_agenda &&
         std::any_of(write.writes.begin(), write.writes.end(), [&](const RegisterWrite& each) {
           return moves_in_agenda(collection, each.field);
         });
}

bool is_true(const Entry* entry) {
  if (entry == nullptr) return false;
  return std::any_of(entry->state.siblings.begin(), entry->state.siblings.end(),
                     [](const Sibling& sibling) {
                       const auto value = decode_value(sibling.value);
                       return value && value->as<bool>() != nullptr && *value->as<bool>();
                     });
}

}  // namespace

Ingestion::Ingestion(HubTxn& txn, Author author, const wire::CommitHeader& header)
    : txn_(txn), author_(std::move(author)), header_(header), dot_{author_.replica, header.number} {
  const auto now_ms = static_cast<std::uint64_t>(txn_.hub_.clock().wall_us() / 1000);
  stamp_ = canonical_stamp(Stamp{header.stamp}, now_ms);
  exact_ = stamp_ == Stamp{header.stamp} && !author_.sealed && !author_.renamed;
}

std::optional<Ingestion::Refusal> Ingestion::check_record(const RecordWrite& write) const {
  const CollectionDef* collection = txn_.catalog_->find(write.collection);
  if (collection == nullptr) return Refusal{Outcome::kInvalid, Errc::kCollectionUnknown, {}};
  for (const RegisterWrite& each : write.writes) {
    if (each.shown.observed(author_.replica) >= header_.number) {
      return Refusal{Outcome::kInvalid, Errc::kForeignDot, "context"};
    }
    if (each.field == kLifeField) {
      if (each.op != WriteOp::kState || !decode_life(each.value)) {
        return Refusal{Outcome::kInvalid, Errc::kCommitInvalid, "life"};
      }
      continue;
    }
    const FieldDef* field = collection->find(each.field);
    // Of a newer schema: passes through untouched, in the class that its author knows.
    const Status checked = field == nullptr ? check_bounds(each) : check_write(*field, each);
    if (!checked)
      return Refusal{Outcome::kInvalid, checked.error().code,
                     field != nullptr ? field->name : "field"};
    if (field != nullptr && field->privacy != each.privacy) {
      return Refusal{Outcome::kInvalid, Errc::kSchemaIncompatible, field->name};
    }
  }
  return std::nullopt;
}

std::optional<Ingestion::Refusal> Ingestion::check(const CommitBody& body) const {
  for (const RecordWrite& write : body.records) {
    if (auto refusal = check_record(write)) return refusal;
  }
  return std::nullopt;
}

Status Ingestion::load_target(const RecordWrite& write, Target& target) {
  ReplicaNumbers& numbers = txn_.hub_.store().numbers();
  auto header = decode_header(target.stored.header, numbers);
  if (!header) return header.error();
  target.record = Record{header->collection, header->id, {}, std::move(header->extras)};
  for (Segment& segment : target.stored.segments) {
    // Scopes may hang on any field, so a new owner needs its class; it is among those the commit
    // touches.
    if (!needs_class(*target.collection, write, segment.privacy)) continue;
    auto plain = txn_.txn_->open_segment(target.stored, segment);
    if (!plain) return plain.error();
    SATCHEL_TRY(decode_segment(*plain, segment.privacy, numbers, target.record.entries));
  }
  if (header->life) target.record.entries.push_back(std::move(*header->life));
  std::sort(target.record.entries.begin(), target.record.entries.end(),
            [](const Entry& a, const Entry& b) {
              return std::tie(a.field, a.key) < std::tie(b.field, b.key);
            });
  return {};
}

Status Ingestion::load(const CommitBody& body) {
  std::vector<RecordId> ids;
  ids.reserve(body.records.size());
  for (const RecordWrite& write : body.records) ids.push_back(write.id);
  auto numbers = txn_.txn_->find_numbers(ids);
  if (!numbers) return numbers.error();
  std::vector<StoredRecord> found;
  SATCHEL_TRY(txn_.txn_->find_many(*numbers, found));
  targets_.resize(body.records.size());
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    const RecordWrite& write = body.records[i];
    Target& target = targets_[i];
    target.collection = txn_.catalog_->find(write.collection);
    target.number = (*numbers)[i];
    target.exists = target.number != 0 && found[i].number != 0;
    if (target.exists) {
      target.stored = std::move(found[i]);
      SATCHEL_TRY(load_target(write, target));
      auto memberships = memberships_of(*txn_.txn_, *target.collection, target.number);
      if (!memberships) return memberships.error();
      target.memberships = std::move(*memberships);
    } else {
      target.record = Record{write.collection, write.id, {}};
    }
    target.before = target.record;
    auto in_scope = in_scope_of_author(target);
    if (in_scope && !*in_scope) in_scope = was_in_scope_of_author(target);
    if (!in_scope) return in_scope.error();
    target.in_scope = *in_scope;
  }
  return {};
}

Result<bool> Ingestion::in_scope_of_author(const Target& target) const {
  if (author_.is_server) return true;
  const auto user = txn_.author(author_.user, author_.role);
  if (!user) return user.error();
  return grants((*user)->now, *target.collection, target.memberships);
}

// Push before purge: what he wrote before he could know that the record had gone from him is taken.
// What he has confirmed to know bounds what he may claim not to have known.
Result<bool> Ingestion::was_in_scope_of_author(const Target& target) const {
  // Of a place in another life of the store nothing is known.
  const IncarnationId& life = txn_.state_.incarnation;
  if (target.memberships.empty() || header_.based_on.incarnation != life) return false;
  const auto user = txn_.author(author_.user, author_.role);
  if (!user) return user.error();
  auto replica = txn_.replica_state(author_.replica);
  if (!replica) return replica.error();
  const Sequence confirmed = replica->progress.incarnation == life && replica->progress.below == 0
                                 ? replica->progress.seq
                                 : 0;
  return granted_then((*user)->user, (*user)->now, target.memberships,
                      std::max(header_.based_on.seq, confirmed));
}

// After a restore, writes of others to a record may come back before its making does: until then it
// has no life.
bool Ingestion::makes(const Target& target, const RecordWrite& record) {
  return record.creates && (!target.exists || target.before.find(kLifeField) == nullptr);
}

std::optional<Ingestion::Refusal> Ingestion::judge_presence(const CommitBody& body) const {
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    const Target& target = targets_[i];
    // A record that the author may not read answers as an unknown id does.
    const bool unknown = !makes(target, body.records[i]) && !(target.exists && target.in_scope);
    if (unknown) return Refusal{Outcome::kDenied, Errc::kRecordUnknown, "unknown-record"};
    if (target.exists && target.record.collection != body.records[i].collection) {
      return Refusal{Outcome::kDenied, Errc::kRecordUnknown, "unknown-record"};
    }
    for (const RegisterWrite& write : body.records[i].writes) {
      if (write.field != kLifeField || !target.exists) continue;
      const auto life = decode_life(write.value);
      if (life && life->dead && write.shown.empty())
        return Refusal{Outcome::kDenied, Errc::kRecordUnknown, "life-not-shown"};
    }
  }
  return std::nullopt;
}

std::optional<std::string> Ingestion::policy_reason(const Target& target, bool creating,
                                                    const RegisterWrite& write) const {
  if (author_.is_server) return std::nullopt;
  AccessRequest request;
  request.actor = author_.user;
  request.role = author_.role;
  request.in_scope = target.in_scope || creating;
  request.privacy = write.privacy;
  request.field = write.field;
  request.action = creating ? Action::kCreate : Action::kWrite;
  request.purpose = header_.purpose;
  const Decision decision = decide(builtin_bundle(), request);
  if (decision.permitted()) return std::nullopt;
  return std::string{decision.rule};
}

std::optional<std::string> Ingestion::rule_reason(const Target& target, bool creating,
                                                  const RegisterWrite& write) const {
  const FieldDef* field = target.collection->find(write.field);
  if (field == nullptr) return std::nullopt;
  const Rule rule = rule_in_force(field->rule);
  const Entry* held = target.before.find(write.field, completed_key(write, dot_));
  if (rule == Rule::kOnce && held != nullptr && !held->state.siblings.empty()) return "once";
  if (author_.is_server) return std::nullopt;
  if (field->server_only || (rule == Rule::kServer && !creating)) return "server";
  const bool office = author_.role == Role::kDpo || author_.role == Role::kAdmin;
  if (rule == Rule::kDeny && field->cleared_by_office && !office && is_true(held)) {
    const auto value = decode_value(write.value);
    if (!value || value->as<bool>() == nullptr || !*value->as<bool>()) return "office-clears";
  }
  if (rule == Rule::kStage && field->stages) {
    const auto value = decode_value(write.value);
    const auto stage = value ? stage_index(*field->stages, *value) : std::nullopt;
    const auto& server_only = field->stages->server_only;
    if (stage && std::find(server_only.begin(), server_only.end(), *stage) != server_only.end())
      return "server-stage";
  }
  return std::nullopt;
}

Result<std::optional<std::string>> Ingestion::stage_reason(const Target& target,
                                                           const RecordWrite& said,
                                                           const RegisterWrite& write) const {
  const Gates gates{*txn_.catalog_, [this](const CollectionDef&, const RecordId& id) {
                      return txn_.find_record(id);
                    }};
  if (write.field == kLifeField) {
    const auto life = decode_life(write.value);
    if (!life) return std::optional<std::string>{};
    if (!life->dead) {
      if (author_.is_server) return std::optional<std::string>{};
      auto left_out = gates.left_out(*target.collection, said);
      if (!left_out) return left_out.error();
      return *left_out ? std::optional<std::string>{kFrozenRule} : std::nullopt;
    }
    const auto now_us = static_cast<std::int64_t>(stamp_.ms()) * 1000;
    auto kept = gates.retained(*target.collection, said, author_.is_server, now_us);
    if (!kept) return kept.error();
    return *kept ? std::optional<std::string>{kRetainedRule} : std::nullopt;
  }
  const FieldDef* field = target.collection->find(write.field);
  if (field == nullptr || author_.is_server) return std::optional<std::string>{};
  auto frozen = gates.frozen(*target.collection, *field, said);
  if (!frozen) return frozen.error();
  return *frozen ? std::optional<std::string>{kFrozenRule} : std::nullopt;
}

Result<std::optional<std::string>> Ingestion::reason_to_take_out(const Target& target,
                                                                 const RecordWrite& said,
                                                                 const RegisterWrite& write) const {
  const bool creating = makes(target, said);
  if (auto reason = policy_reason(target, creating, write)) return reason;
  if (auto reason = rule_reason(target, creating, write)) return reason;
  return stage_reason(target, said, write);
}

Status Ingestion::reduce(CommitBody& body, wire::CommitResult& result) const {
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    RecordWrite& record = body.records[i];
    std::vector<std::optional<std::string>> reasons;
    std::set<FieldId> unmoved;  // What goes with a move stays behind with it.
    bool frozen = false;
    bool left_out = false;
    for (const RegisterWrite& write : record.writes) {
      auto reason = reason_to_take_out(targets_[i], record, write);
      if (!reason) return reason.error();
      frozen = frozen || *reason == kFrozenRule;
      left_out = left_out || (write.field == kLifeField && *reason == kFrozenRule);
      if (*reason && write.key.empty()) unmoved.insert(write.field);
      reasons.push_back(std::move(*reason));
    }
    // A record must not come into being without its content, nor come back by what was written with
    // its restore.
    const bool whole = left_out || (frozen && makes(targets_[i], record));
    std::size_t at = 0;
    std::erase_if(record.writes, [&](const RegisterWrite& write) {
      const auto& reason = reasons[at++];
      const bool mark = write.key == kReopenKey && unmoved.contains(write.field);
      if (!reason && !whole && !mark) return false;
      if (result.rule.empty()) result.rule = reason.value_or(std::string{kFrozenRule});
      result.fields.emplace_back(record.id, write.field);
      return true;
    });
  }
  return {};
}

void Ingestion::take_out(CommitBody& body, const TakenOut& fields, wire::CommitResult& result) {
  for (RecordWrite& record : body.records) {
    std::erase_if(record.writes, [&](const RegisterWrite& write) {
      return fields.contains({record.id, write.field});
    });
  }
  if (fields.empty()) return;
  result.outcome = Outcome::kReduced;
  result.code = static_cast<std::int32_t>(Errc::kPolicyDenied);
  result.rule = "receipt";
  result.fields.assign(fields.begin(), fields.end());
}

// What was acknowledged once is not judged again: it stops at the end of the range.
std::optional<Ingestion::Refusal> Ingestion::judge_increment(const Target& target,
                                                             const RegisterWrite& write) const {
  if (write.op != WriteOp::kIncrement || author_.judged_before) return std::nullopt;
  const FieldDef* field = target.collection->find(write.field);
  const auto value = decode_value(write.value);
  const auto* increment = value ? value->as<std::int64_t>() : nullptr;
  if (field == nullptr || increment == nullptr) return std::nullopt;
  if (stays_in_range(*field, target.record.of_field(field->id), completed_key(write, dot_),
                     *increment)) {
    return std::nullopt;
  }
  return Refusal{Outcome::kInvalid, Errc::kLimitExceeded, field->name};
}

std::optional<Ingestion::Refusal> Ingestion::join_all(const CommitBody& body,
                                                      wire::CommitResult& result) {
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    Record& record = targets_[i].record;
    record.entries.reserve(record.entries.size() + body.records[i].writes.size());
    for (const RegisterWrite& write : body.records[i].writes) {
      if (auto refusal = judge_increment(targets_[i], write)) return refusal;
      Entry& entry = apply_write(record, write, dot_, stamp_);
      entry.seq = seq_;
      // Each further entry costs more than the one before, and everybody waits for it.
      if (record.entries.size() > limits::kEntriesMax) break;
      if (write.op != WriteOp::kState) continue;
      const Register alone = written(dot_, stamp_, write.value, write.shown);
      if (entry.state == alone) continue;
      exact_ = false;
      if (entry.state.siblings.size() > 1 || entry.state.siblings.empty() ||
          entry.state.siblings.front().dot != dot_) {
        if (result.outcome == Outcome::kApplied) result.outcome = Outcome::kMerged;
        if (result.outcome == Outcome::kMerged) result.fields.emplace_back(record.id, write.field);
      }
    }
    if (const Status fits = within_limits(record); !fits)
      return Refusal{Outcome::kDenied, fits.error().code, fits.error().context};
  }
  return std::nullopt;
}

std::optional<Ingestion::Refusal> Ingestion::lay_out(const CommitBody& body) {
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    if (body.records[i].writes.empty()) continue;
    lay_out_target(body.records[i], targets_[i]);
    // The store would refuse it too, but with an error that ends the whole group.
    const StoredRecord& stored = targets_[i].stored;
    std::size_t bytes = stored.header.size() + kHeaderRoom;
    for (const Segment& segment : stored.segments)
      bytes += segment.bytes.size() + (segment.sealed ? 0 : kSealRoom);
    if (bytes > limits::kRecordBytesMax)
      return Refusal{Outcome::kDenied, Errc::kLimitExceeded, "record-bytes"};
  }
  return std::nullopt;
}

void Ingestion::lay_out_target(const RecordWrite& write, Target& target) {
  ReplicaNumbers& numbers = txn_.hub_.store().numbers();
  StoredRecord fresh = to_stored(target.record, target.number, numbers);
  if (!target.exists) {
    target.stored = std::move(fresh);
    return;
  }
  target.stored.header = std::move(fresh.header);
  for (Segment& segment : fresh.segments) {
    if (!touches_class(write, segment.privacy)) continue;
    if (Segment* held = target.stored.find(segment.privacy)) {
      held->bytes = std::move(segment.bytes);
      held->sealed = false;
    } else {
      const auto at =
          std::find_if(target.stored.segments.begin(), target.stored.segments.end(),
                       [&](const Segment& each) { return each.privacy > segment.privacy; });
      target.stored.segments.insert(at, std::move(segment));
    }
  }
}

Result<wire::CommitResult> Ingestion::take(CommitBody body) {
  wire::CommitResult result;
  result.number = header_.number;
  const auto refuse = [&](const Refusal& refusal) {
    result.outcome = refusal.outcome;
    result.code = static_cast<std::int32_t>(refusal.code);
    result.rule = refusal.rule;
    result.seq = 0;
    return result;
  };
  if (auto refusal = check(body)) return refuse(*refusal);
  if (const Status loaded = load(body); !loaded) {
    if (!is_damage(loaded.error().code)) return loaded.error();
    // One bad record delays only itself: the write waits in its author's inbox.
    SATCHEL_TRY(note_damage(body));
    return refuse({Outcome::kInvalid, Errc::kStoreCorrupt, std::string{kDamagedRule}});
  }
  if (author_.judged_before) {
    take_out(body, *author_.judged_before, result);
  } else {
    if (auto refusal = judge_presence(body)) return refuse(*refusal);
    if (const Status reduced = reduce(body, result); !reduced) {
      if (!is_damage(reduced.error().code)) return reduced.error();
      // The stage that decides cannot be read: nobody knows whether the write may be.
      return refuse({Outcome::kInvalid, Errc::kStoreCorrupt, std::string{kDamagedRule}});
    }
    if (!result.fields.empty()) {
      const Errc code = code_of(result.rule);
      result.outcome = Outcome::kReduced;
      result.code = static_cast<std::int32_t>(code);
      const bool nothing_left =
          std::all_of(body.records.begin(), body.records.end(),
                      [](const RecordWrite& write) { return write.writes.empty(); });
      if (nothing_left) return refuse({Outcome::kDenied, code, result.rule});
    }
    auto cycle = judge_cycles(body);
    if (!cycle && !is_damage(cycle.error().code)) return cycle.error();
    // Nor can a parent: whether it closes a cycle is not known.
    if (!cycle) return refuse({Outcome::kInvalid, Errc::kStoreCorrupt, std::string{kDamagedRule}});
    if (*cycle) return refuse(**cycle);
  }
  seq_ = txn_.state_.seq + 1;
  if (auto refusal = join_all(body, result)) return refuse(*refusal);
  if (auto refusal = lay_out(body)) return refuse(*refusal);
  SATCHEL_TRY(store(body, result));
  return result;
}

}  // namespace satchel::sync
