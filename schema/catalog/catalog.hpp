// What data is: the collections of one compiled, checked schema, resolved once so that nobody looks
// up names in Cap'n Proto afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"
#include "schema/model/value.hpp"

namespace satchel::schema {

// How a field's siblings are read (docs/MERGE_RULES.md). Numbers are stable: they are part of the
// schema hash.
enum class Rule : std::uint8_t {
  kLww = 1,
  kMulti = 2,
  kOnce = 3,
  kStage = 4,
  kDeny = 5,
  kServer = 6,
  kSet = 7,
  kAccessSet = 8,
  kLog = 9,
  kMap = 10,
  kCounter = 11,
  kMax = 12,
  kMin = 13,
  // Named by schemas today; until their own readings exist they read as rule_in_force says.
  kText = 14,
  kEscrow = 15,
};
std::string_view name_of(Rule rule);
// The one place where `text` reads as multi and `escrow` as server.
Rule rule_in_force(Rule rule);
// Whether a field of this rule is a map of registers (set, accessSet, log, map, counter, max, min).
bool is_map_rule(Rule rule);

enum class LifeRule : std::uint8_t { kEditWins = 1, kDeleteWins = 2 };
enum class Retention : std::uint8_t { kCrm = 1, kLegal = 2, kEvidence = 3 };
std::string_view name_of(Retention basis);

enum class Kind : std::uint8_t {
  kBool = 1,
  kInteger,
  kFloat,
  kText,
  kData,
  kStruct,
  kList,
  kMap,
  kAttachment
};

struct StructType;

// The type of a value. `element` is a list's element or a map's value, `key` a map's key.
struct Type {
  Kind kind = Kind::kText;
  // Of kInteger: the width of the schema's integer type. UInt64 above INT64_MAX is refused.
  std::int64_t min = INT64_MIN;
  std::int64_t max = INT64_MAX;
  std::shared_ptr<const StructType> structure;  // Of kStruct and kAttachment.
  std::shared_ptr<const Type> element;
  std::shared_ptr<const Type> key;
  bool time = false;  // Of kInteger: microseconds UTC, read from ISO 8601 text as well.
};
struct StructMember {
  std::uint16_t ordinal = 0;
  std::string name;
  Type type;
};
struct StructType {
  std::string name;                   // "Money"
  std::vector<StructMember> members;  // Sorted by ordinal.
  [[nodiscard]] const StructMember* find(std::string_view member) const;
};

// A state machine: which stage may follow which, and which of two concurrent ones stands.
struct StageTable {
  // The first is where a new record starts.
  std::vector<std::string> stages;
  // from, to (indexes into stages), of one write.
  std::vector<std::pair<std::uint8_t, std::uint8_t>> moves;
  // winner, loser; transitively closed, a strict partial order.
  std::vector<std::pair<std::uint8_t, std::uint8_t>> beats;
  // Stages that a device may not write.
  std::vector<std::uint8_t> server_only;
  // Stages that ask for the struct's third member.
  std::vector<std::uint8_t> needs_reason;
  [[nodiscard]] std::optional<std::uint8_t> find(std::string_view stage) const;
  [[nodiscard]] bool wins(std::uint8_t a, std::uint8_t b) const;  // a beats b.
  [[nodiscard]] bool may_move(std::uint8_t from, std::uint8_t to) const;
};

enum class WhenGone : std::uint8_t { kKeep = 1, kClear = 2, kDelete = 3 };
struct Reference {
  CollectionId to = 0;
  WhenGone gone = WhenGone::kKeep;
  bool acyclic = false;  // Set where the reference is to its own collection: a cycle is refused.
};

// A point that a record passes: its stage field stands at a named stage, or at one that beats it.
struct StageGate {
  // The reference whose record has the stage field; nothing where it is a field of the record
  // itself.
  std::optional<FieldId> through;
  CollectionId collection = 0;  // That has the stage field.
  FieldId field = 0;
  std::string path;                   // "status", "order.status": as the schema names it.
  std::string stage;                  // "submitted"
  std::vector<std::uint8_t> reached;  // `stage` and all that beat it, sorted indexes.
  [[nodiscard]] bool is_reached_by(std::string_view name, const StageTable& table) const;
};

// Of a stage field: an entry of the log `by`, added without having seen the move to the gate's
// stage, takes the record back to `to`.
struct Reopening {
  StageGate gate;
  FieldId by = 0;
  std::string log;  // The name of `by`.
  std::uint8_t to = 0;
};

struct FieldDef {
  FieldId id = 0;
  std::string name;
  // For set and list-like rules: the LIST's or map's type as in the schema; see value_type().
  Type type;
  Rule rule = Rule::kLww;
  Rule values = Rule::kLww;  // Of kMap: the rule of each entry.
  PrivacyClass privacy = PrivacyClass::kCompany;
  Retention retention = Retention::kCrm;
  bool indexed = false;
  bool searchable = false;
  bool required = false;
  // $writers names the server: a device's write is taken out, even at creation.
  bool server_only = false;
  // Of kDeny: only server and dpo clear it (legalHold, restricted).
  bool cleared_by_office = false;
  std::optional<Reference> reference;
  std::shared_ptr<const StageTable> stages;  // Of kStage.
  // From where on no device writes the field; null: never frozen.
  std::shared_ptr<const StageGate> frozen_from;
  // From where on `retention` is in force (kCrm before); null: from the beginning.
  std::shared_ptr<const StageGate> retained_from;
  std::shared_ptr<const Reopening> reopening;  // Of kStage.
  std::optional<FieldId> reopens;              // Of kLog: the stage field that its entries reopen.
  // A scope path of this or another collection passes through the field or ends in it: where it
  // changes, records move.
  bool scoping = false;
  bool scope_step = false;  // The same of a reference that a path passes through.
  std::string unit;
  // The type of the value in one register: the element of a set or log, the value of a map, else
  // `type`.
  [[nodiscard]] const Type& value_type() const;
};

// Work of one day: of a record whose field `at` says today, its owner's devices get it and what its
// reference fields `with` name before anything else. Names of fields. An order of delivery and
// nothing more, so a successor may change it: records take the new one with their next write.
struct Agenda {
  std::string at;
  std::vector<std::string> with;
};

// Since when a record is history, resolved: the time in its own field, or in that of the record
// which its reference names. Decides what a narrowed device holds, and nothing else.
struct History {
  std::string field;               // As the schema names it: a time, or a reference.
  std::optional<FieldId> through;  // The reference.
  CollectionId collection = 0;     // That has the time.
  FieldId at = 0;
};

// A path of $scopes, resolved: from the record along `steps`, which are references, to the field
// whose text or texts say who holds the record. A record with "11" there is in the scope
// "territory:11".
struct ScopePath {
  struct Step {
    CollectionId collection = 0;  // That has the field.
    FieldId field = 0;
  };
  std::vector<Step> steps;  // At most three.
  Step end;
  std::string kind;  // The name of the last field: "owner", "team", "territory".
};
// The kind whose texts are territories; those of the others are users' names.
inline constexpr std::string_view kTerritoryKind = "territory";

struct CollectionDef {
  CollectionId id = 0;
  std::string name;       // "contacts"
  std::string type_name;  // "Contact"
  LifeRule life = LifeRule::kEditWins;
  std::vector<std::string> scopes;     // "all", "owner", "territory", "account.territory"
  bool everybodys = false;             // "all" is among them: then no path says anything.
  std::vector<ScopePath> scope_paths;  // The other ones.
  bool passed_by_scopes = false;       // Paths of other collections lead here.
  std::vector<std::string> subjects;   // "self" or names of reference fields.
  // The deny field that makes a record its own subject; mostly empty.
  std::string subject_if;
  std::optional<Agenda> agenda;
  std::optional<History> history;
  bool dates_others = false;     // Records of other collections are as old as its own.
  std::vector<FieldDef> fields;  // Sorted by id; the common fields are among them.
  // Places in `fields`, sorted by name; empty until all of them are there.
  std::vector<std::uint16_t> by_name{};
  [[nodiscard]] const FieldDef* find(FieldId id) const;
  [[nodiscard]] const FieldDef* find(std::string_view name) const;
};

// Immutable once made; thread-safe.
class Catalog {
 public:
  // Loads what serialized() gave. kSchemaInvalid, kLimitExceeded.
  static Result<std::shared_ptr<const Catalog>> load(ByteView nodes);

  [[nodiscard]] const std::string& serialized() const { return serialized_; }
  [[nodiscard]] const Bytes& hash() const { return hash_; }  // 32 bytes: SHA-256 of serialized().
  // Sorted by name.
  [[nodiscard]] std::span<const CollectionDef> collections() const { return collections_; }
  [[nodiscard]] const CollectionDef* find(std::string_view name) const;
  [[nodiscard]] const CollectionDef* find(CollectionId id) const;

  // Whether data written under `older` keeps its meaning under this catalog: collections and fields
  // may be added, nothing may be removed, retyped, or change rule, class, life or stage order.
  // kSchemaIncompatible names each.
  [[nodiscard]] Status accepts_successor_of(const Catalog& older) const;

 private:
  friend class CatalogBuilder;
  Catalog() = default;
  std::string serialized_;
  Bytes hash_;
  std::vector<CollectionDef> collections_;
};

}  // namespace satchel::schema
