// What replicas must show, worked out from first principles: a history of who wrote what, having
// been shown what. Shares no code with sync/: no contexts, no joins, no stored state.
#pragma once

#include <map>
#include <set>

#include "tests/sim/reference_scopes.hpp"

namespace satchel::sim {
// Names one commit: its author and which of his commits it is.
struct CommitName {
  ReplicaId author;
  std::uint64_t number = 0;
  friend auto operator<=>(const CommitName&, const CommitName&) = default;
};
using Names = std::set<CommitName>;

enum class Deed : std::uint8_t { kPut, kIncrease, kRaise, kLower, kAppend };

// One register written. `key`: of set and map entries; of an append its place.
struct ModelWrite {
  FieldId field = 0;
  Bytes key;
  Deed deed = Deed::kPut;
  Bytes value;
  Names shown;  // Whose values of this register the author saw.
};
struct ModelRecord {
  CollectionId collection = 0;
  RecordId id;
  bool creates = false;
  std::vector<ModelWrite> writes;
  std::map<std::pair<FieldId, Bytes>, Names> shown;  // All of it: a delete takes notice of that.
};
struct ModelCommit {
  CommitName name;
  std::string user, device;
  bool everything = false, by_server = false;  // Its author may hold every record; is the server.
  std::uint64_t stamp = 0;                     // As its author made it.
  // What of the server he knew then: a place in the sequence of one life of it.
  IncarnationId life = {};
  Seq based = 0;
  std::vector<ModelRecord> records;
};

// What a register must hold: the values that nobody wrote over having seen them.
struct LiveValue {
  CommitName name;
  std::uint64_t stamp = 0;
  Bytes value;
  friend auto operator<=>(const LiveValue&, const LiveValue&) = default;
};
using RegisterName = std::pair<FieldId, Bytes>;
using RecordView = std::map<RegisterName, std::vector<LiveValue>>;  // Live values sorted by name.

// What a person is shown of one field.
struct FieldView {
  bool present = false, contested = false;
  Bytes value;
  std::map<Bytes, Bytes> items;
  friend bool operator==(const FieldView&, const FieldView&) = default;
};

struct Verdict {
  enum class Kind : std::uint8_t { kTaken, kDenied, kInvalid };
  Kind kind = Kind::kTaken;
  std::set<std::pair<RecordId, FieldId>> taken_out;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

class ReferenceModel final : public RecordTexts {
 public:
  explicit ReferenceModel(const schema::Catalog& catalog) : catalog_(catalog), scopes_(*this) {}

  // -- What happens --
  void written(ModelCommit commit);  // On its author's replica, durably.
  // What the server must decide, and then did. `known`: up to where its author knew of records
  // that came and went.
  Verdict judge(const CommitName& name, Seq known) const;
  ReferenceScopes::Moves taken(const CommitName& name, const Verdict& verdict, Seq seq,
                               std::uint64_t now_ms);
  void refused(const CommitName& name, const Verdict& verdict) { verdicts_[name] = verdict; }
  // Both names are of one commit, which the server judged under the second: who knows it by the
  // first knows it.
  void known_as(const CommitName& name, const CommitName& judged);
  const ModelCommit& commit(const CommitName& name) const { return commits_.at(name); }
  // The last verdict, in whichever life of the server.
  const Verdict& verdict(const CommitName& name) const { return verdicts_.at(name); }
  void answer_reached(const CommitName& name) { answered_.insert(name); }  // With its receipt.
  void answer_lost(const CommitName& name);  // Its author lost the last that reached him.
  // To what it was at `seq`. The registers that have lost a write.
  std::set<std::pair<RecordId, RegisterName>> server_restored(Seq seq,
                                                              const ReferenceScopes::Grants& then);
  // The server has let go of the record for good.
  void dropped(const RecordId& id);
  // At `seq` it let go of what lost to concurrent writes, of registers that were last written by
  // `stable` and whose values are all older than `before_ms`. The records that lost something.
  std::set<RecordId> settled(Seq stable, std::uint64_t before_ms, Seq seq);
  // It could not be read for a while, and everybody who may hold it is told the whole of it.
  void told_anew(const RecordId& id, Seq seq) {
    scopes_.taken({{id, false, false, true, {}}}, {}, seq);
  }
  void given(const std::string& user, const ReferenceScopes::Territories& territories, Seq since) {
    scopes_.given(user, territories, since);
  }

  // -- What must be --
  // What the author of a commit knew of the register when he made it.
  Names known(const CommitName& writer, const ModelRecord& record,
              const RegisterName& where) const {
    const auto shown = record.shown.find(where);
    return everything_seen(record.id, where, shown == record.shown.end() ? Names{} : shown->second,
                           writer);
  }
  Seq ended_at(const RecordId& id) const { return dropped_.at(id); }  // Of a dropped one.
  bool is_dropped(const RecordId& id) const { return dropped_.contains(id); }
  bool is_taken(const CommitName& name) const { return taken_.contains(called(name)); }
  // In whichever life of the server: the last word on it.
  bool is_judged(const CommitName& name) const { return verdicts_.contains(name); }
  bool was_taken(const CommitName& name) const {
    return is_judged(name) && verdict(name).kind == Verdict::Kind::kTaken;
  }
  bool is_refused(const CommitName& name) const { return is_judged(name) && !was_taken(name); }
  std::vector<RecordId> records() const override;
  // The record as the server held it at `seq`.
  RecordView view(const RecordId& id, Seq seq) const;
  Seq last_write(const RecordId& id, const RegisterName& where) const;  // 0: never.
  bool alive(const RecordId& id) const;
  FieldView field_view(const RecordId& id, const schema::FieldDef& field) const;
  [[nodiscard]] const ReferenceScopes& scopes() const { return scopes_; }
  const schema::CollectionDef* collection_of(const RecordId& id) const override;
  std::vector<std::string> texts_of(const RecordId& id,
                                    const schema::FieldDef& field) const override;
  // Where values concurrent with the commit's own stand beside or before them: what `merged` names.
  std::set<std::pair<RecordId, FieldId>> merged_by(const CommitName& name) const;

 private:
  // A write that the server took.
  struct Taken {
    LiveValue live;
    Seq seq = 0;
    Deed deed = Deed::kPut;
    Names seen;  // Everything that its author had been shown of the register, first to last.
    std::map<RegisterName, Names> seen_of_record = {};  // Of a delete.
    Seq until = kNow;                                   // Settled away then, having lost.
  };
  struct Held {
    CollectionId collection = 0;
    std::map<RegisterName, std::vector<Taken>> registers;  // In the order in which they were taken.
  };

  RecordView view_of(const RecordId& id, FieldId field) const;  // Of one field, now.
  RegisterName place(const ModelWrite& write, const CommitName& name) const;
  CommitName called(const CommitName& name) const;  // As the server judged it.
  Bytes value_as_judged(const ModelWrite& write, const std::string& device) const;
  Names everything_seen(const RecordId& id, const RegisterName& where, const Names& shown,
                        const CommitName& writer) const;
  std::vector<LiveValue> live(const std::vector<Taken>& all, Seq seq) const;
  // Whether the record, as it is now, or the one that it belongs to, has passed the gate.
  bool has_passed(const schema::StageGate& gate, const ModelRecord& record) const;
  bool is_kept(const ModelRecord& record, bool by_server) const;
  bool is_frozen(const ModelRecord& record, const ModelWrite& write) const;
  // It is dead, brought back, and something that it says is frozen.
  bool comes_back_frozen(const ModelCommit& commit, const ModelRecord& record) const;
  bool closes_cycle(const ModelCommit& commit, const Verdict& verdict, const ModelRecord& record,
                    const ModelWrite& write) const;
  bool must_come_out(const ModelCommit& commit, const ModelRecord& record,
                     const ModelWrite& write) const;
  const Held* find(const RecordId& id) const;

  const schema::Catalog& catalog_;
  std::map<CommitName, ModelCommit> commits_;
  std::map<CommitName, Verdict> verdicts_;
  std::map<CommitName, CommitName> called_;  // Where that is another name.
  // Everything that the author of each write had seen of the register.
  std::map<std::tuple<RecordId, RegisterName, CommitName>, Names> seen_;
  std::multiset<CommitName> answered_;  // A restored server answers the same once more.
  std::map<CommitName, Seq> taken_;
  std::map<RecordId, Held> held_;
  std::map<RecordId, Seq> dropped_;  // With what it was last changed by.
  ReferenceScopes scopes_;
};

}  // namespace satchel::sim
