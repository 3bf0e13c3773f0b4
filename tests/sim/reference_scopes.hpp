// Who may hold which record, worked out from values alone: what the paths of $scopes come to, one
// record at a time, and what people were given. Shares no code with sync/: no index, no passes.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"

namespace satchel::sim {
using Seq = std::uint64_t;
inline constexpr Seq kNow = UINT64_MAX;

// What records say now.
class RecordTexts {
 public:
  virtual ~RecordTexts() = default;
  // The text that the field shows, or the texts of a set.
  [[nodiscard]] virtual std::vector<std::string> texts_of(const RecordId& id,
                                                          const schema::FieldDef& field) const = 0;
  [[nodiscard]] virtual std::vector<RecordId> records() const = 0;
  // Null: not held.
  [[nodiscard]] virtual const schema::CollectionDef* collection_of(const RecordId& id) const = 0;
};

// Thread-bound.
class ReferenceScopes {
 public:
  using Territories = std::set<std::string>;
  // By user: since when he has had which, the last for good.
  using Grants = std::map<std::string, std::vector<std::pair<Seq, Territories>>>;

  explicit ReferenceScopes(const RecordTexts& texts) : texts_(texts) {}

  // -- What happens --
  void given(const std::string& user, const Territories& territories, Seq since);
  struct Written {
    RecordId id;
    bool fresh = false;      // It was not there before.
    bool by_device = false;  // And a device has made it.
    bool anew = false;       // It is told of whole, and placed again, it and what hangs on it.
    std::set<FieldId> fields;
  };
  // A commit of `user` was taken at `seq`. What it moved.
  struct Moves {
    bool along = false;   // A record that it did not write.
    bool partly = false;  // One that left a scope and stayed in another.
  };
  Moves taken(const std::vector<Written>& written, const std::string& user, Seq seq);
  void dropped(const RecordId& id) { places_.erase(id); }
  // To what it was at `seq`, when people had `grants`.
  void restored(Seq seq, const Grants& grants);

  // -- What must be --
  [[nodiscard]] std::string told(const RecordId& id) const;  // Where it has been, for people.
  [[nodiscard]] const Grants& grants() const { return grants_; }
  [[nodiscard]] bool entitled_at(const RecordId& id, const std::string& user, Seq at) const;
  // Whether the record was his at any time from the one seq to the other.
  [[nodiscard]] bool entitled(const RecordId& id, const std::string& user, Seq from, Seq to) const;
  // Whether it was then in a scope that has been taken from him and that it has left since: he is
  // told of it with that.
  [[nodiscard]] bool goes_later(const RecordId& id, const std::string& user, Seq at) const;
  // Whether it has been his since then without a break, by one and the same scope: where one gives
  // way to another, it comes to him anew with that.
  [[nodiscard]] bool stays(const RecordId& id, const std::string& user, Seq from) const;

 private:
  using Scopes = std::set<std::string>;
  using Places = std::vector<std::pair<Seq, Scopes>>;

  [[nodiscard]] bool is_everybodys(const RecordId& id) const;
  // The records along a path, the one that it begins at first.
  [[nodiscard]] std::vector<RecordId> along(const RecordId& id,
                                            const schema::ScopePath& path) const;
  [[nodiscard]] bool hangs_on(const RecordId& id, const std::set<RecordId>& roots) const;
  [[nodiscard]] Scopes scopes_of(const RecordId& id, const std::string& maker) const;
  [[nodiscard]] const Places& places_of(const RecordId& id) const;

  const RecordTexts& texts_;
  std::map<RecordId, Places> places_;  // Since which seq the record is where.
  Grants grants_;
};

}  // namespace satchel::sim
