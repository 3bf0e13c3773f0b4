// Indexes in memory: which records may answer a question. They are hints: every candidate is read
// and tested again, so an index may name too many records but never too few.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "sdk/query/expression.hpp"
#include "sync/edge/edge.hpp"

namespace satchel::sdk {

enum class IndexKind : std::uint8_t {
  kEquality = 1,  // Hash of the value.
  kOrdered = 2,   // A prefix that sorts as the value does.
  kWords = 3,     // Prefixes of the folded words of all searchable fields.
};

// What is asked of an index: the keys from `low` to `high`, for each range.
struct IndexQuestion {
  const schema::CollectionDef* collection = nullptr;
  IndexKind kind = IndexKind::kEquality;
  Path path;  // Not of kWords.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
};

// The best index for an expression, nothing where only a scan answers it.
std::optional<IndexQuestion> choose_index(const schema::CollectionDef& collection,
                                          const Node& node);
// The records that may hold a word beginning with `word` (folded).
IndexQuestion word_question(const schema::CollectionDef& collection, std::string_view word);

// The folded words of one record's searchable fields: without case, marks and ligatures.
std::vector<std::string> words_of(const schema::CollectionDef& collection,
                                  const sync::Record& record);
std::vector<std::string> fold_words(std::string_view text);

// Thread-compatible. Each index is built when it is first asked, from what one purpose is shown:
// what is withheld is in none of that purpose's indexes.
class Indexes {
 public:
  // Visits a collection's records; with the selected fields alone unless that is null.
  using VisitRecords = std::function<Status(CollectionId, std::string_view purpose,
                                            const sync::FieldSelection* selection,
                                            const sync::Edge::VisitRecord& visit,
                                            std::vector<sync::UnreadableRecord>& unreadable)>;
  explicit Indexes(VisitRecords visit) : visit_(std::move(visit)) {}

  // Ids of all records that may answer, each once, sorted; those of which nobody can say, because
  // they could not be read, are added to `unreadable`.
  Result<std::vector<RecordId>> candidates(const IndexQuestion& question, std::string_view purpose,
                                           std::vector<sync::UnreadableRecord>& unreadable);
  void on_change(std::span<const sync::RecordChange> changes);
  // A schema came, a class was locked or unlocked: everything is built anew when asked.
  void clear() { built_.clear(); }
  [[nodiscard]] std::size_t built_count() const { return built_.size(); }

 private:
  using Name = std::tuple<std::string, CollectionId, IndexKind, std::string>;
  // Rows sorted by key; `owner` is a place in `ids`. Records that changed since are candidates of
  // every question until the index is built anew.
  struct Built {
    std::vector<std::uint64_t> keys;
    std::vector<std::uint32_t> owners;
    std::vector<RecordId> ids;
    std::unordered_set<RecordId> changed;
    std::vector<sync::UnreadableRecord> unreadable;
  };
  Result<Built> build(const IndexQuestion& question, std::string_view purpose) const;

  VisitRecords visit_;
  std::map<Name, Built> built_;
};

}  // namespace satchel::sdk
