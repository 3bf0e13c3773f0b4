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

void World::note_commit(SimDevice& device, sync::CommitNumber number,
                        const std::map<RecordId, sync::Record>& shown) {
  auto pending = device.edge().find_pending(number);
  if (!pending || !*pending)
    return fail(device.name() + " has lost its commit " + std::to_string(number));
  const sync::PendingCommit& made = **pending;
  const CommitName name{made.header.replica, number};
  ModelCommit commit = model_commit(name, made.body, shown);
  commit.user = device.user();
  commit.everything = !device.is_rep();
  commit.stamp = made.header.stamp;
  variants_[name].push_back({made.header.content_hash, commit});
  model_.written(std::move(commit));
  log(device.name() + " wrote commit " + std::to_string(number));
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
  check_touched();
}

void World::mark_answer(const CommitName& name, const Verdict& actual) {
  for (const auto& device : devices_) {
    if (device->edge().state().replica == name.author) answered_on_[name] = device->connection();
  }
  if (model_.was_taken(name)) marks_.reach("known commit re-offered");
  if (actual.kind == Verdict::Kind::kDenied) marks_.reach("commit denied");
  if (actual.kind == Verdict::Kind::kInvalid) marks_.reach("commit invalid");
  if (!actual.taken_out.empty()) marks_.reach("commit reduced");
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
  if (variants->second.size() > 1) model_.written(variant->commit);
  const Verdict expected = model_.judge(name);
  Verdict actual;
  if (result.outcome == wire::Outcome::kDenied) actual.kind = Verdict::Kind::kDenied;
  if (result.outcome == wire::Outcome::kInvalid) actual.kind = Verdict::Kind::kInvalid;
  if (result.outcome == wire::Outcome::kReduced)
    actual.taken_out.insert(result.fields.begin(), result.fields.end());
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
           << model_.history(record.id, {kLifeField, Bytes{}});
    }
    text << "; the server took out:";
    for (const auto& [id, field] : actual.taken_out) text << " " << place(id, field);
    return fail(text.str());
  }
  mark_answer(name, actual);
  if (actual.kind != Verdict::Kind::kTaken) return model_.refused(name, actual);
  const auto now_ms = static_cast<std::uint64_t>(queue_.now() / 1000);
  if (variant->commit.stamp > (now_ms << 16 | 0xFFFF)) marks_.reach("stamp lowered");
  model_.taken(name, actual, result.seq, now_ms);
  if (result.outcome == wire::Outcome::kMerged) {
    marks_.reach("merged outcome");
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

void World::note_answers(SimDevice& device) {
  const sync::EdgeState& state = device.edge().state();
  std::uint64_t& seen = watermark_seen_[state.replica];
  if (state.watermark < seen) {
    marks_.reach("commit re-offered");
    seen = state.watermark;
  }
  while (seen < state.watermark) {
    const CommitName name{state.replica, ++seen};
    const auto variants = variants_.find(name);
    if (variants == variants_.end())
      return fail(device.name() + " was answered a commit that it never made");
    // An answer may come from before a restore: what it says holds for its author all the same.
    const auto answered_on = answered_on_.find(name);
    if (answered_on != answered_on_.end() && answered_on->second != device.connection())
      marks_.reach("lost ack, repeated commit answered");
    const bool taken = model_.was_taken(name);
    const bool refused = model_.is_refused(name);
    const bool reduced = taken && !model_.verdict(name).taken_out.empty();
    if (refused || reduced) refused_or_reduced_.insert(name);
    if (taken) model_.answer_reached(name);
    if (!device.unsure && !model_.is_taken(name) && !refused) {
      return fail(device.name() + " was told that commit " + std::to_string(name.number) +
                  " is done, but it is not");
    }
  }
}

void World::on_heard(SimDevice& device) {
  const sync::EdgeState& state = device.edge().state();
  log(device.name() + " heard: cursor " + std::to_string(state.cursor.seq) + " watermark " +
      std::to_string(state.watermark) + (state.bootstrapped ? "" : " bootstrapping"));
  if (device.unsure && state.incarnation != device.unsure_of) device.unsure = false;
  note_answers(device);
  if (failed()) return;
  check_inbox(device);
  if (!device.unsure && server().running()) check_device(device);
}

void World::on_trouble(SimDevice& device, const Error& error) {
  log(device.name() + ": " + error.message());
  switch (error.code) {
    case Errc::kFenced:
    case Errc::kCommitFork:
      marks_.reach(error.code == Errc::kFenced ? "fence noticed" : "fork noticed");
      if (!device.was_restored)
        return fail("an honest device was taken for a copy: " + device.name() + ": " +
                    error.message());
      device.gave_up = true;
      return;
    case Errc::kRestoredServer: marks_.reach("raw copy noticed"); return;
    case Errc::kStoreLatched: return device.crash();
    case Errc::kStoreDiskFull:
    case Errc::kStoreCorrupt:
    case Errc::kCancelled:
    case Errc::kConnectionCut: return;
    case Errc::kFrameUnexpected:
      if (device.disturbed) return;  // A push that was replayed before its time.
      [[fallthrough]];
    default: return fail(device.name() + " cannot sync: " + error.message());
  }
}

}  // namespace satchel::sim
