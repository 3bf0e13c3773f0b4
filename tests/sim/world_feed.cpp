// What the reference model is told: who wrote what, having seen what, and in which order the server
// looked at it.
#include <algorithm>

#include "sync/hub/rows.hpp"
#include "tests/sim/world.hpp"

namespace satchel::sim {
namespace {

Deed deed_of(sync::WriteOp op) {
  switch (op) {
    case sync::WriteOp::kState: return Deed::kPut;
    case sync::WriteOp::kIncrement: return Deed::kIncrease;
    case sync::WriteOp::kMaximum: return Deed::kRaise;
    case sync::WriteOp::kMinimum: return Deed::kLower;
    case sync::WriteOp::kAppend: return Deed::kAppend;
  }
  return Deed::kPut;
}

Names names_of(const sync::Entry& entry) {
  Names names;
  for (const sync::Sibling& sibling : entry.state.siblings)
    names.insert({sibling.dot.replica, sibling.dot.commit});
  return names;
}

Verdict verdict_in(const wire::CommitResult& result) {
  Verdict verdict;
  if (result.outcome == wire::Outcome::kDenied) verdict.kind = Verdict::Kind::kDenied;
  if (result.outcome == wire::Outcome::kInvalid) verdict.kind = Verdict::Kind::kInvalid;
  if (result.outcome == wire::Outcome::kReduced)
    verdict.taken_out.insert(result.fields.begin(), result.fields.end());
  return verdict;
}

// Of a counter or an extreme: its author; of an entry of a log: its commit and place.
Bytes rename_key(const Bytes& key, const std::map<CommitName, CommitName>& moved) {
  constexpr std::size_t kIdBytes = 16;
  for (const auto& [from, to] : moved) {
    if (key.size() < kIdBytes || key.substr(0, kIdBytes) != from.author.bytes()) continue;
    Bytes renamed{to.author.bytes()};
    if (key.size() == kIdBytes) return renamed;
    ByteReader number{ByteView{key}.substr(kIdBytes)};
    if (number.u64_big() != from.number) continue;
    append_u64_big(renamed, to.number);
    return renamed + key.substr(kIdBytes + 8);
  }
  return key;
}

}  // namespace

ModelCommit World::model_commit(const CommitName& name, const sync::CommitBody& body,
                                const std::map<RecordId, sync::Record>& shown) const {
  ModelCommit commit;
  commit.name = name;
  for (const sync::RecordWrite& each : body.records) {
    ModelRecord record{each.collection, each.id, each.creates, {}, {}};
    const auto seen = shown.find(each.id);
    if (seen != shown.end()) {
      for (const sync::Entry& entry : seen->second.entries)
        record.shown[{entry.field, entry.key}] = names_of(entry);
    }
    for (const sync::RegisterWrite& write : each.writes) {
      const auto at = record.shown.find({write.field, write.key});
      const bool put = write.op == sync::WriteOp::kState && at != record.shown.end();
      record.writes.push_back(
          {write.field, write.key, deed_of(write.op), write.value, put ? at->second : Names{}});
    }
    commit.records.push_back(std::move(record));
  }
  return commit;
}

void World::note_made(const sync::CommitBody& body) {
  for (const sync::RecordWrite& each : body.records) {
    if (each.creates) made_.emplace_back(each.collection, each.id);
  }
}

const World::Variant* World::find_variant(const sync::PendingCommit& commit) const {
  const auto at = variants_.find({commit.header.replica, commit.header.number});
  if (at == variants_.end()) return nullptr;
  const auto variant = std::ranges::find(at->second, commit.header.content_hash,
                                         [](const Variant& each) { return each.content_hash; });
  return variant == at->second.end() ? nullptr : &*variant;
}

CommitName World::note_commit(SimDevice& device, std::uint64_t place,
                              const std::map<RecordId, sync::Record>& shown) {
  auto pending = device.edge().find_pending(place);
  if (!pending || !*pending) {
    fail(device.name() + " has lost its commit at " + std::to_string(place));
    return {};
  }
  const sync::PendingCommit& made = **pending;
  const CommitName name{made.header.replica, made.header.number};
  note_made(made.body);
  ModelCommit commit = model_commit(name, made.body, shown);
  commit.user = device.user();
  commit.device = to_text(device.id());
  commit.everything = !device.is_rep();
  commit.stamp = made.header.stamp;
  commit.life = made.header.based_on.incarnation;
  commit.based = made.header.based_on.seq;
  const Bytes& hash = made.header.content_hash;
  variants_[name].push_back({hash, commit, {name, hash}});
  // A number that another copy of the device has used already: told once it is known who keeps it.
  if (!model_.is_judged(name)) model_.written(std::move(commit));
  log(device.name() + " wrote commit " + std::to_string(name.number));
  return name;
}

// Which of two commits of one name the server took has become clear, or names have changed: what
// the author had seen of them when he wrote the later ones is told anew.
void World::tell_pending(SimDevice& device) {
  const auto pending = device.edge().pending();
  if (!pending) return;
  for (const sync::PendingCommit& each : *pending) {
    const Variant* variant = find_variant(each);
    if (variant != nullptr && !model_.is_judged(variant->commit.name))
      model_.written(variant->commit);
  }
}

void World::become_another(SimDevice& device, bool forked) {
  if (forked) REACHED("fork noticed");
  if (!forked) REACHED("fence noticed");
  sync::Edge& edge = device.edge();
  const auto before = edge.pending();
  const Status done = forked ? edge.renumber() : edge.reidentify();
  if (!done) return on_trouble(device, done.error());
  log(device.name() + (forked ? " renumbers" : " takes another id"));
  replicas_.insert(edge.state().replica);
  if (!forked) return;
  const auto after = edge.pending();
  if (!before || !after || before->size() != after->size())
    return fail(device.name() + " lost commits when it numbered them anew");
  note_renumbered(*before, *after);
}

// The same commits under other names: of the old names from the first that moved on, what stood
// there of their author's is known by its new name, and of the other copy's nothing was seen.
void World::note_renumbered(const std::vector<sync::PendingCommit>& before,
                            const std::vector<sync::PendingCommit>& after) {
  std::map<CommitName, CommitName> moved;
  std::map<ReplicaId, std::uint64_t> first;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const wire::CommitHeader& old = before[i].header;
    first.emplace(old.replica, old.number);
    moved[{old.replica, old.number}] = {after[i].header.replica, after[i].header.number};
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Variant* old = find_variant(before[i]);
    if (old == nullptr) return fail("a commit that nobody made was numbered anew");
    ModelCommit commit = old->commit;
    commit.name = {after[i].header.replica, after[i].header.number};
    const auto rename = [&](Names& names) {
      Names renamed;
      for (const CommitName& name : names) {
        const auto to = moved.find(name);
        const auto from = first.find(name.author);
        if (to != moved.end()) renamed.insert(to->second);
        if (from == first.end() || name.number < from->second) renamed.insert(name);
      }
      // His own writes under the old names he knows as ever.
      for (const auto& [replica, number] : first) {
        for (auto at = variants_.lower_bound({replica, 0});
             at != variants_.end() && at->first < CommitName{replica, number}; ++at)
          renamed.insert(at->first);
      }
      names = std::move(renamed);
    };
    for (std::size_t r = 0; r < commit.records.size(); ++r) {
      ModelRecord& record = commit.records[r];
      for (std::size_t w = 0; w < record.writes.size(); ++w) {
        rename(record.writes[w].shown);
        // What a delete has observed is part of its value.
        record.writes[w].value = after[i].body.records[r].writes[w].value;
      }
      std::map<RegisterName, Names> renamed;
      for (auto& [where, names] : record.shown) {
        rename(names);
        renamed[{where.first, rename_key(where.second, moved)}] = names;
        renamed[where] = std::move(names);  // Where settled commits have added to it too.
      }
      record.shown = std::move(renamed);
    }
    variants_[commit.name] = {{after[i].header.content_hash, commit, old->origin}};
    model_.written(std::move(commit));
  }
}

void World::on_durable(const std::vector<Answered>& answered) {
  auto txn = server().hub().store().begin_read();
  if (!txn) return fail("the server's store cannot be read: " + txn.error().message());
  for (const Answered& each : answered) {
    for (std::uint64_t number = each.from + 1; number <= each.to; ++number) {
      auto bytes = (*txn)->find(sync::Table::kResults, sync::answer_key(each.replica, number));
      if (!bytes || !*bytes)
        return fail("the server kept no answer to commit " + std::to_string(number));
      auto row = sync::decode_answer(**bytes);
      if (!row) return fail("an answer of the server cannot be read");
      on_answer({each.replica, number}, row->content_hash, row->result);
      if (failed()) return;
    }
  }
  for (const ReplicaId& id : replicas_) {
    const auto replica = server().hub().find_replica(id);
    if (replica && *replica) confirmed_[id] = (*replica)->progress;
  }
  check_touched();
}

void World::mark_answer(const CommitName& name, const Verdict& actual, const std::string& rule) {
  if (rule == "frozen") REACHED("frozen write taken out");
  if (rule == "retained") REACHED("kept record not deleted");
  for (const auto& device : devices_) {
    if (device->edge().find_numbering(name.author)) answered_on_[name] = device->connection();
  }
  if (model_.was_taken(name)) REACHED("known commit re-offered");
  if (actual.kind == Verdict::Kind::kDenied) {
    REACHED("commit denied");
    for (const ModelRecord& record : model_.commit(name).records) {
      if (model_.is_dropped(record.id)) REACHED("write to a compacted record came back");
    }
  }
  if (actual.kind == Verdict::Kind::kInvalid) REACHED("commit invalid");
  if (!actual.taken_out.empty()) REACHED("commit reduced");
}

// What he knew when he wrote it, or has said since that he knows: as the server had it before this
// group, and has it now. What he says comes into a group among his commits.
std::pair<Seq, Seq> World::known_by(const CommitName& name) {
  const ModelCommit& commit = model_.commit(name);
  const IncarnationId life = server().hub().state().incarnation;
  if (commit.life != life) return {kNow, kNow};
  const auto counts = [&](const wire::Cursor& confirmed) {
    return confirmed.incarnation == life && confirmed.below == 0 ? confirmed.seq : 0;
  };
  const Seq before = std::max(commit.based, counts(confirmed_[name.author]));
  const auto replica = server().hub().find_replica(name.author);
  if (!replica || !*replica) return {before, before};
  return {before, std::max(before, counts((*replica)->progress))};
}

Verdict World::expected_verdict(const CommitName& name, const Verdict& actual,
                                const std::string& rule) {
  if (names_rotten(model_.commit(name))) {
    // What cannot be read cannot be written to; who names it alone may be answered either way.
    const bool came_back = actual.kind == Verdict::Kind::kInvalid && rule == sync::kDamagedRule;
    if (came_back) REACHED("write to a damaged record came back");
    if (came_back) return actual;
  }
  const auto [before, now] = known_by(name);
  Verdict expected = model_.judge(name, before);
  if (actual == expected) return expected;
  // What a record left while it could not be read, it left when it was told again.
  const auto is_late = [&](const ModelRecord& record) { return record.id == rotten_->id(); };
  const bool late = rotten_ && told_again_ != kNow && now != kNow &&
                    std::ranges::any_of(model_.commit(name).records, is_late);
  return model_.judge(name, late ? std::min(now, rotten_since_) : now);
}

void World::on_answer(const CommitName& name, const Bytes& content_hash,
                      const wire::CommitResult& result) {
  const auto variants = variants_.find(name);
  const bool by_server = result.number == name.number && replicas_.count(name.author) == 0;
  if (content_hash.empty() && !by_server) {
    log("empty place " + std::to_string(name.number));
    return;
  }
  if (variants == variants_.end())
    return fail("the server answered commit " + std::to_string(name.number) +
                ", which nobody made");
  const auto variant = std::ranges::find(variants->second, content_hash, &Variant::content_hash);
  if (variant == variants->second.end())
    return fail("the server answered a commit with content that nobody wrote");
  if (variants->second.size() > 1) {
    model_.written(variant->commit);
    for (const auto& device : devices_) tell_pending(*device);
  }
  const Verdict actual = verdict_in(result);
  if (result.elsewhere) return on_answer_elsewhere(*variant, actual);
  // Its author knows some of his own commits by names under which others of them were taken.
  if (!model_.is_judged(name)) model_.written(variant->commit);
  const Verdict expected = expected_verdict(name, actual, result.rule);
  std::ostringstream text;
  text << "commit " << to_text(name.author).substr(0, 6) << ":" << name.number << " of "
       << variant->commit.user << " got outcome " << static_cast<int>(result.outcome) << " rule '"
       << result.rule << "' seq " << result.seq;
  log(text.str());
  if (actual != expected) {
    text << ", expected kind " << static_cast<int>(expected.kind) << ", out:";
    for (const auto& [id, field] : expected.taken_out) text << " " << place(id, field);
    for (const ModelRecord& record : variant->commit.records) {
      text << "; writes " << place(record.id, 0) << (record.creates ? " (new)" : "")
           << history(record.id, {kLifeField, Bytes{}});
    }
    text << "; the server took out:";
    for (const auto& [id, field] : actual.taken_out) text << " " << place(id, field);
    return fail(text.str());
  }
  mark_answer(name, actual, result.rule);
  const CommitName first = std::exchange(judged_as_[variant->origin], name);
  if (first.number != 0 && first != name && model_.is_taken(first))
    return fail("a commit was judged under a second name: " + text.str());
  if (actual.kind != Verdict::Kind::kTaken) return model_.refused(name, actual);
  const auto now_ms = static_cast<std::uint64_t>(queue_.now() / 1000);
  if (variant->commit.stamp > (now_ms << 16 | 0xFFFF)) REACHED("stamp lowered");
  mark_moves(variant->commit, model_.taken(name, actual, result.seq, now_ms));
  if (result.outcome == wire::Outcome::kMerged) {
    REACHED("merged outcome");
    const std::set<std::pair<RecordId, FieldId>> named(result.fields.begin(), result.fields.end());
    if (named != model_.merged_by(name))
      return fail("a merged answer does not name what was merged: " + text.str());
  }
  if (result.outcome == wire::Outcome::kApplied && !model_.merged_by(name).empty()) {
    return fail("a merged commit was answered as applied: " + text.str());
  }
  // The rest of the group is in the store already: looked at once the model knows of all of it.
  for (const ModelRecord& record : variant->commit.records) touched_.insert(record.id);
}

void World::mark_moves(const ModelCommit& commit, const ReferenceScopes::Moves& moves) {
  if (moves.along) REACHED("moved along with another");
  if (moves.partly) REACHED("left one scope for another");
  for (const ModelRecord& record : commit.records) {
    if (model_.is_dropped(record.id))
      return fail("what was let go of rises again: " + place(record.id, 0));
    const bool shown = commit.by_server || commit.everything ||
                       model_.scopes().entitled_at(record.id, commit.user, kNow);
    if (!shown) REACHED("kept, and shown to its author no more");
  }
  constexpr std::int64_t kDayMs = 86'400'000;
  const auto made_ms = static_cast<std::int64_t>(commit.stamp >> 16);
  for (const auto& device : devices_) {
    const bool old = queue_.now() / 1000 - made_ms > 80 * kDayMs;
    if (device->was_silent && old && device->edge().find_numbering(commit.name.author))
      REACHED("write of an expired device applied");
  }
}

// It was judged before, under another of its names: the answer is that one, and nothing happens.
void World::on_answer_elsewhere(const Variant& variant, const Verdict& actual) {
  const CommitName& name = variant.commit.name;
  const auto before = judged_as_.find(variant.origin);
  if (before == judged_as_.end())
    return fail("the server knows commit " + std::to_string(name.number) +
                " again, which it never saw");
  if (model_.verdict(before->second) != actual)
    return fail("the server answers commit " + std::to_string(name.number) +
                " otherwise than it did under its other name");
  log("commit " + to_text(name.author).substr(0, 6) + ":" + std::to_string(name.number) +
      " is known already");
  REACHED("renumbered commit known again");
  model_.known_as(name, before->second);
  for (const auto& device : devices_) tell_pending(*device);
}

void World::note_answers(SimDevice& device) {
  for (const sync::Numbering& each : device.edge().numberings()) note_answers(device, each);
}

void World::note_answers(SimDevice& device, const sync::Numbering& numbering) {
  std::uint64_t& seen = watermark_seen_[{&device, numbering.replica}];
  if (numbering.watermark < seen) {
    REACHED("commit re-offered");
    seen = numbering.watermark;
  }
  while (seen < numbering.watermark) {
    const CommitName name{numbering.replica, ++seen};
    const auto variants = variants_.find(name);
    if (variants == variants_.end())
      return fail(device.name() + " was answered a commit that it never made");
    // An answer may come from before a restore: what it says holds for its author all the same.
    const auto answered_on = answered_on_.find(name);
    if (answered_on != answered_on_.end() && answered_on->second != device.connection())
      REACHED("lost ack, repeated commit answered");
    const bool taken = model_.was_taken(name);
    const bool refused = model_.is_refused(name);
    const bool reduced = taken && !model_.verdict(name).taken_out.empty();
    if (refused || reduced) refused_or_reduced_.insert(name);
    if (taken) model_.answer_reached(name);
    if (!device.unsure() && !model_.is_taken(name) && !refused) {
      return fail(device.name() + " was told that commit " + std::to_string(name.number) +
                  " is done, but it is not");
    }
  }
}

void World::on_heard(SimDevice& device) {
  const sync::EdgeState& state = device.edge().state();
  if (state.cursor.below == UINT64_MAX) REACHED("priority slice sent");
  log(device.name() + " heard: cursor " + std::to_string(state.cursor.seq) + " watermark " +
      std::to_string(state.watermark) + (state.bootstrapped ? "" : " bootstrapping"));
  if (device.welcomed() && device.connection() >= device.unsure_until) device.unsure_until = 0;
  if (device.welcomed()) {
    device.was_silent = device.was_silent || !is_waited_for(device);
    device.greeted_us = queue_.now();
  }
  if (device.was_silent && !state.bootstrapped) REACHED("expired device began anew");
  note_answers(device);
  if (failed()) return;
  check_standing(device);
  check_inbox(device);
  if (!device.unsure() && server().running()) check_device(device);
}

// An answer that a power cut took back is gone with its receipt: where the server has lost the
// commit too, it judges it as one that it has never seen.
void World::on_crashed(SimDevice& device, const std::vector<sync::Numbering>& before) {
  log(device.name() + " starts again");
  for (const sync::Numbering& old : before) {
    const auto now = device.edge().find_numbering(old.replica);
    if (!now) continue;
    const std::uint64_t noted = std::min(old.watermark, watermark_seen_[{&device, old.replica}]);
    for (std::uint64_t number = now->watermark + 1; number <= noted; ++number)
      model_.answer_lost({old.replica, number});
  }
}

void World::on_trouble(SimDevice& device, const Error& error) {
  log(device.name() + ": " + error.message());
  switch (error.code) {
    case Errc::kFenced:
    case Errc::kCommitFork:
      // A push was replayed whose first answers its author has confirmed, and the server dropped.
      if (device.disturbed) return;
      // Of an expired one the refusals are forgotten: what was refused is numbered anew.
      if (!device.was_restored && !(device.was_silent && error.code == Errc::kCommitFork))
        return fail("an honest device was taken for a copy: " + device.name() + ": " +
                    error.message());
      return become_another(device, error.code == Errc::kCommitFork);
    case Errc::kRestoredServer: REACHED("raw copy noticed"); return;
    case Errc::kStoreLatched: return device.crash();
    case Errc::kStoreDiskFull:
    case Errc::kStoreCorrupt:
    case Errc::kCancelled:
    case Errc::kUserDisabled:
    case Errc::kConnectionCut: return;
    case Errc::kFrameUnexpected:
      if (device.disturbed) return;  // A push that was replayed before its time.
      [[fallthrough]];
    default: return fail(device.name() + " cannot sync: " + error.message());
  }
}

}  // namespace satchel::sim
