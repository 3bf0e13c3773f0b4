#include "sync/merge/record.hpp"

#include <algorithm>
#include <utility>

#include "schema/model/limits.hpp"

namespace satchel::sync {
namespace {

template <class EntriesT>
auto lower_bound_of(EntriesT& entries, FieldId field, ByteView key) {
  return std::partition_point(entries.begin(), entries.end(), [&](const Entry& entry) {
    return precedes(entry, field, key);
  });
}

bool same_name(const Entry& entry, FieldId field, ByteView key) {
  return entry.field == field && entry.key == key;
}

Entry join_entries(const Entry& a, const Entry& b) {
  Entry joined;
  joined.field = a.field;
  joined.key = a.key;
  joined.privacy = std::max(a.privacy, b.privacy);  // Equal unless the two run different schemas.
  joined.seq = std::max(a.seq, b.seq);
  joined.state = join(a.state, b.state);
  joined.withheld = (a.withheld || b.withheld) && joined.state.context.empty();
  return joined;
}

Status register_within_limits(const Entry& entry, std::size_t& bytes) {
  if (entry.key.size() > limits::kKeyBytesMax) return Error{Errc::kLimitExceeded, "a key"};
  if (entry.state.siblings.size() > limits::kSiblingsMax) {
    return Error{Errc::kLimitExceeded, "siblings of field " + std::to_string(entry.field)};
  }
  if (entry.state.context.size() > limits::kContextEntriesMax) {
    return Error{Errc::kLimitExceeded, "context of field " + std::to_string(entry.field)};
  }
  bytes += entry.key.size();
  for (const Sibling& sibling : entry.state.siblings) {
    if (sibling.value.size() > limits::kValueBytesMax) {
      return Error{Errc::kLimitExceeded, "value of field " + std::to_string(entry.field)};
    }
    bytes += sibling.value.size();
  }
  return {};
}

}  // namespace

bool precedes(const Entry& entry, FieldId field, ByteView key) {
  return entry.field != field ? entry.field < field : ByteView{entry.key} < key;
}

const Entry* Record::find(FieldId field, ByteView key) const {
  const auto at = lower_bound_of(entries, field, key);
  return at != entries.end() && same_name(*at, field, key) ? &*at : nullptr;
}

Entry& Record::at(FieldId field, ByteView key, PrivacyClass privacy) {
  const auto at = lower_bound_of(entries, field, key);
  if (at != entries.end() && same_name(*at, field, key)) return *at;
  Entry entry;
  entry.field = field;
  entry.key = key;
  entry.privacy = privacy;
  return *entries.insert(at, std::move(entry));
}

std::span<const Entry> Record::of_field(FieldId field) const {
  const auto first = lower_bound_of(entries, field, {});
  const auto last = std::partition_point(first, entries.end(),
                                         [&](const Entry& entry) { return entry.field == field; });
  return {first, last};
}

Record join(const Record& a, const Record& b) {
  Record joined;
  joined.collection = a.collection;
  joined.id = a.id;
  joined.extras = std::max(a.extras, b.extras);
  joined.entries.reserve(std::max(a.entries.size(), b.entries.size()));
  auto left = a.entries.begin();
  auto right = b.entries.begin();
  while (left != a.entries.end() && right != b.entries.end()) {
    if (precedes(*left, right->field, right->key)) {
      joined.entries.push_back(*left++);
    } else if (precedes(*right, left->field, left->key)) {
      joined.entries.push_back(*right++);
    } else {
      joined.entries.push_back(join_entries(*left++, *right++));
    }
  }
  joined.entries.insert(joined.entries.end(), left, a.entries.end());
  joined.entries.insert(joined.entries.end(), right, b.entries.end());
  return joined;
}

Context clock_of(const Record& record) {
  Context clock;
  for (const Entry& entry : record.entries) clock.join_with(entry.state.context);
  return clock;
}

Status within_limits(const Record& record) {
  if (record.entries.size() > limits::kEntriesMax) {
    return Error{Errc::kLimitExceeded, "entries of record " + to_text(record.id)};
  }
  std::size_t bytes = 0;
  for (const Entry& entry : record.entries) SATCHEL_TRY(register_within_limits(entry, bytes));
  if (bytes > limits::kRecordBytesMax) {
    return Error{Errc::kLimitExceeded, "bytes of record " + to_text(record.id)};
  }
  return {};
}

}  // namespace satchel::sync
