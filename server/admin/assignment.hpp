// Fields as somebody typed them, put onto a record: what `record put` and imports share.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sync/commit/builder.hpp"
#include "sync/merge/reading.hpp"

namespace satchel::server {

// "name", "billingAddress.city" (a member of a struct), "visitWindows.mon" (an entry of a map).
// Empty text clears a plain field and removes a map's entry.
struct Assignment {
  std::string path;
  std::string text;
  bool is_json = false;
};

// kPut writes what it is given. kUpsert writes what is not shown already, so that a second run
// writes nothing: elements of sets are added, counters brought to the value, log entries appended
// once.
enum class AssignMode { kPut, kUpsert };

// Collects one record's assignments; members of one struct become one write. Thread-bound; lives
// while its builder does. Errors of the calls: kFieldUnknown, kTypeMismatch, kRuleMismatch and the
// others of the builder, whose context begins with the field.
class FieldAssigner {
 public:
  // `shown`: the record as the builder shows it now.
  FieldAssigner(sync::CommitBuilder& builder, const schema::CollectionDef& collection,
                const sync::Record& shown, AssignMode mode)
      : builder_(builder), collection_(collection), shown_(shown), mode_(mode) {}

  Status assign(const Assignment& assignment);
  // Writes the plain fields collected. To be called last.
  Status flush();

 private:
  Status assign_set(const schema::FieldDef& field, const Assignment& assignment);
  Status assign_map(const schema::FieldDef& field, std::string_view key,
                    const Assignment& assignment);
  Status assign_entry(const schema::FieldDef& field, const Value& key, const Value& value);
  Status assign_log(const schema::FieldDef& field, const Assignment& assignment);
  Status assign_counter(const schema::FieldDef& field, const Assignment& assignment);
  Status assign_plain(const schema::FieldDef& field, std::string_view member,
                      const Assignment& assignment);
  [[nodiscard]] sync::FieldReading reading_of(const schema::FieldDef& field) const;
  [[nodiscard]] Value shown_value(const schema::FieldDef& field) const;

  sync::CommitBuilder& builder_;
  const schema::CollectionDef& collection_;
  const sync::Record& shown_;
  AssignMode mode_;
  std::map<FieldId, Value> plain_;
};

}  // namespace satchel::server
