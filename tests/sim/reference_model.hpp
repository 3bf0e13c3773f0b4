// What replicas must show, worked out from first principles: a history of who wrote what, having
// been shown what. Shares no code with sync/: no contexts, no joins, no stored state. Plain on
// purpose.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"

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
  // What the author saw of the whole record: what a delete in `writes` takes notice of.
  std::map<std::pair<FieldId, Bytes>, Names> shown;
};
struct ModelCommit {
  CommitName name;
  std::string user;
  bool everything = false;  // The author may hold every record (not a rep).
  bool by_server = false;
  std::uint64_t stamp = 0;  // As its author made it.
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
  bool present = false;
  bool contested = false;
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

class ReferenceModel {
 public:
  explicit ReferenceModel(const schema::Catalog& catalog) : catalog_(catalog) {}

  // -- What happens --
  void written(ModelCommit commit);  // On its author's replica, durably.
  // The server looks at the commit, its clock at `now_ms`: what it must decide, and then did.
  [[nodiscard]] Verdict judge(const CommitName& name) const;
  void taken(const CommitName& name, const Verdict& verdict, std::uint64_t seq,
             std::uint64_t now_ms);
  void refused(const CommitName& name, const Verdict& verdict) {
    verdicts_.insert_or_assign(name, verdict);
  }
  // The last verdict, in whichever life of the server.
  [[nodiscard]] const Verdict& verdict(const CommitName& name) const { return verdicts_.at(name); }
  // The author has the receipt.
  void answer_reached(const CommitName& name) { answered_.insert(name); }
  void server_restored(std::uint64_t seq);  // To what it was at `seq`.

  // -- What must be --
  [[nodiscard]] bool is_taken(const CommitName& name) const { return taken_.contains(name); }
  // In whichever life of the server: the last word on it.
  [[nodiscard]] bool was_taken(const CommitName& name) const {
    return verdicts_.contains(name) && verdicts_.at(name).kind == Verdict::Kind::kTaken;
  }
  [[nodiscard]] bool is_refused(const CommitName& name) const {
    return verdicts_.contains(name) && !was_taken(name);
  }
  [[nodiscard]] std::vector<RecordId> records() const;
  // The record as the server held it at `seq`.
  [[nodiscard]] RecordView view(const RecordId& id, std::uint64_t seq) const;
  // Who wrote the register, and whose the record was, for people.
  [[nodiscard]] std::string history(const RecordId& id, const RegisterName& where) const;
  // Its seq; 0: never.
  [[nodiscard]] std::uint64_t last_write(const RecordId& id, const RegisterName& where) const;
  [[nodiscard]] bool alive(const RecordId& id) const;
  [[nodiscard]] FieldView field_view(const RecordId& id, const schema::FieldDef& field) const;
  // Whether a rep was entitled to the record at any time from the one seq to the other.
  [[nodiscard]] bool entitled(const RecordId& id, const std::string& user, std::uint64_t from,
                              std::uint64_t to) const;
  [[nodiscard]] const schema::CollectionDef* collection_of(const RecordId& id) const;
  // Where values concurrent with the commit's own stand beside or before them: what `merged` names.
  [[nodiscard]] std::set<std::pair<RecordId, FieldId>> merged_by(const CommitName& name) const;

 private:
  // A write that the server took.
  struct Taken {
    LiveValue live;
    std::uint64_t seq = 0;
    Deed deed = Deed::kPut;
    Names seen;  // Everything that its author had been shown of the register, first to last.
    std::map<RegisterName, Names> seen_of_record = {};  // Of a delete.
  };
  struct Held {
    CollectionId collection = 0;
    std::map<RegisterName, std::vector<Taken>> registers;  // In the order in which they were taken.
    std::vector<std::pair<std::uint64_t, std::string>> owners;  // Since which seq whose it is.
  };

  [[nodiscard]] RegisterName place(const ModelWrite& write, const CommitName& name) const;
  [[nodiscard]] Names everything_seen(const RecordId& id, const RegisterName& where,
                                      const Names& shown, const CommitName& writer) const;
  [[nodiscard]] std::vector<LiveValue> live(const std::vector<Taken>& all, std::uint64_t seq) const;
  [[nodiscard]] bool closes_cycle(const ModelRecord& record, const ModelWrite& write) const;
  [[nodiscard]] bool must_come_out(const ModelCommit& commit, const ModelRecord& record,
                                   const ModelWrite& write) const;
  void note_owner(Held& held, const ModelCommit& commit, std::uint64_t seq) const;
  [[nodiscard]] const Held* find(const RecordId& id) const;

  const schema::Catalog& catalog_;
  std::map<CommitName, ModelCommit> commits_;
  std::map<CommitName, Verdict> verdicts_;
  // Everything that the author of each write had seen of the register.
  std::map<std::tuple<RecordId, RegisterName, CommitName>, Names> seen_;
  std::set<CommitName> answered_;
  std::map<CommitName, std::uint64_t> taken_;  // seq
  std::map<RecordId, Held> held_;
};

}  // namespace satchel::sim
