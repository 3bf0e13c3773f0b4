#include <algorithm>

#include "sync/record/segment_view.hpp"

namespace satchel::sync {
namespace {

using SiblingViews = boost::container::small_vector<SiblingView, 4>;

Error malformed(const char* what) { return Error{Errc::kRecordMalformed, what}; }

// Joins one write into one stored entry, in the store's own numbers: an id is looked up only to
// write the author down and to put siblings in order. Thread-bound.
class Joiner {
 public:
  Joiner(NumberMemo& numbers, Arena& arena, Sequence seq)
      : numbers_(numbers), arena_(arena), seq_(seq) {}

  // A register that was not there.
  EntryView added(const Entry& write) {
    EntryView view = view_of(write, numbers_, arena_);
    view.seq = seq_;
    return view;
  }
  // Replaces `stored`; `changed` says whether its state did.
  Status join(EntryView& stored, const Entry& write, bool& changed);

 private:
  bool survivors(const SiblingViews& stored, const Entry& write);
  Status in_order();
  void put_back(EntryView& entry);

  NumberMemo& numbers_;
  Arena& arena_;
  Sequence seq_;
  NumberedContext old_context_;
  NumberedContext new_context_;
  NumberedContext joined_context_;
  SiblingViews survivors_;
};

void siblings_of(const EntryView& entry, SiblingViews& out) {
  out.clear();
  if (entry.count == 0) return;
  out.push_back(entry.first);
  ByteReader rest{entry.rest};
  for (std::uint16_t i = 1; i < entry.count; ++i) out.push_back(read_sibling(rest));
}

void context_of(const EntryView& entry, NumberedContext& out) {
  out.clear();
  if (entry.form == ContextForm::kOwnDot) {
    out.push_back(entry.first.dot);
  } else if (!entry.context.empty()) {
    read_context(entry.context, out);
  }
}

void join_contexts(const NumberedContext& a, const NumberedContext& b, NumberedContext& out) {
  out.clear();
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (left->replica < right->replica) {
      out.push_back(*left++);
    } else if (right->replica < left->replica) {
      out.push_back(*right++);
    } else {
      out.push_back({left->replica, std::max(left->commit, right->commit)});
      ++left;
      ++right;
    }
  }
  out.insert(out.end(), left, a.end());
  out.insert(out.end(), right, b.end());
}

// Fills survivors_; whether they differ from what was stored.
bool Joiner::survivors(const SiblingViews& stored, const Entry& write) {
  survivors_.clear();
  bool changed = false;
  SiblingViews offered;
  for (const Sibling& sibling : write.state.siblings) {
    offered.push_back({{numbers_.number_of(sibling.dot.replica), sibling.dot.commit},
                       sibling.stamp,
                       sibling.value});
  }
  const auto with_dot = [](const SiblingViews& siblings, const NumberedDot& dot) {
    return std::find_if(siblings.begin(), siblings.end(),
                        [&](const SiblingView& sibling) { return sibling.dot == dot; });
  };
  for (const SiblingView& sibling : stored) {
    const auto same = with_dot(offered, sibling.dot);
    if (same != offered.end()) {
      const bool lowered = same->stamp < sibling.stamp;
      survivors_.push_back(lowered ? *same : sibling);
      changed = changed || lowered;
    } else if (!covers(new_context_, sibling.dot)) {
      survivors_.push_back(sibling);
    } else {
      changed = true;
    }
  }
  for (const SiblingView& sibling : offered) {
    if (covers(old_context_, sibling.dot) || with_dot(stored, sibling.dot) != stored.end()) {
      continue;
    }
    survivors_.push_back(sibling);
    changed = true;
  }
  return changed;
}

// Registers are sorted by replica id, which numbers do not tell.
Status Joiner::in_order() {
  if (survivors_.size() < 2) return {};
  boost::container::small_vector<std::pair<Dot, SiblingView>, 4> named;
  for (const SiblingView& sibling : survivors_) {
    Dot dot{{}, sibling.dot.commit};
    if (!numbers_.id_of(sibling.dot.replica, dot.replica)) {
      return malformed("a segment names a replica number that was never given out");
    }
    named.emplace_back(dot, sibling);
  }
  std::sort(named.begin(), named.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < named.size(); ++i) survivors_[i] = named[i].second;
  return {};
}

void Joiner::put_back(EntryView& entry) {
  entry.count = static_cast<std::uint16_t>(survivors_.size());
  entry.first = survivors_.empty() ? SiblingView{} : survivors_[0];
  entry.rest = {};
  if (survivors_.size() > 1) {
    std::size_t room = 0;
    for (const SiblingView& sibling : survivors_) room += kSiblingBytesMax + sibling.value.size();
    char* const begin = arena_.take(room);
    Pen pen{begin};
    for (std::size_t i = 1; i < survivors_.size(); ++i) pen.sibling(survivors_[i]);
    entry.rest = {begin, static_cast<std::size_t>(pen.position() - begin)};
  }
  const bool own_dot = survivors_.size() == 1 && is_only(joined_context_, survivors_[0].dot);
  entry.form = own_dot ? ContextForm::kOwnDot : ContextForm::kExplicit;
  entry.context = own_dot ? ByteView{} : context_bytes(joined_context_, arena_);
}

Status Joiner::join(EntryView& stored, const Entry& write, bool& changed) {
  changed = false;
  stored.seq = seq_;
  context_of(stored, old_context_);
  new_context_.clear();
  for (const Dot& dot : write.state.context.entries()) {
    new_context_.push_back({numbers_.number_of(dot.replica), dot.commit});
  }
  std::sort(new_context_.begin(), new_context_.end(),
            [](const NumberedDot& a, const NumberedDot& b) { return a.replica < b.replica; });
  if (new_context_.empty()) {
    // Nothing to join, but a mark over an empty register (join of records).
    if (write.withheld && old_context_.empty() && stored.form != ContextForm::kWithheld) {
      stored.form = ContextForm::kWithheld;
      stored.context = {};
      changed = true;
    }
    return {};
  }
  SiblingViews siblings;
  siblings_of(stored, siblings);
  changed = survivors(siblings, write);
  join_contexts(old_context_, new_context_, joined_context_);
  changed = changed || joined_context_ != old_context_;
  if (!changed) return {};
  if (survivors_.size() > limits::kSiblingsMax) {
    return Error{Errc::kLimitExceeded, "siblings of field " + std::to_string(stored.field)};
  }
  if (joined_context_.size() > limits::kContextEntriesMax) {
    return Error{Errc::kLimitExceeded, "context of field " + std::to_string(stored.field)};
  }
  SATCHEL_TRY(in_order());
  put_back(stored);
  return {};
}

Status acceptable(std::span<const Entry> writes) {
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const Entry& write = writes[i];
    if (i > 0 && !precedes(writes[i - 1], write.field, write.key)) {
      return Error{Errc::kInvalidArgument,
                   "writes to a record are sorted and name no register twice"};
    }
    bool fits = write.key.size() <= limits::kKeyBytesMax &&
                write.state.siblings.size() <= limits::kSiblingsMax &&
                write.state.context.size() <= limits::kContextEntriesMax;
    for (const Sibling& sibling : write.state.siblings) {
      fits = fits && sibling.value.size() <= limits::kValueBytesMax;
    }
    if (!fits) {
      return Error{Errc::kLimitExceeded, "a write to field " + std::to_string(write.field)};
    }
  }
  return {};
}

bool comes_first(const EntryView& entry, const Entry& write) {
  return entry.field != write.field ? entry.field < write.field : entry.key < ByteView{write.key};
}

EntryViews merged(const EntryViews& entries, const EntryViews& added,
                  std::span<const std::size_t> places) {
  EntryViews all;
  all.reserve(entries.size() + added.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < added.size(); ++i) {
    for (; at < places[i]; ++at) all.push_back(entries[at]);
    all.push_back(added[i]);
  }
  for (; at < entries.size(); ++at) all.push_back(entries[at]);
  return all;
}

}  // namespace

Result<Bytes> join_into_segment(ByteView stored, std::span<const Entry> writes, Sequence seq,
                                ReplicaNumbers& numbers, std::vector<bool>* changed) {
  if (Status fit = acceptable(writes); !fit) return fit.error();
  EntryViews entries;
  if (Status scanned = scan_segment(stored, entries); !scanned) return scanned.error();
  Arena arena;
  NumberMemo memo{numbers};
  Joiner joiner{memo, arena, seq};
  EntryViews added;
  boost::container::small_vector<std::size_t, 16> places;  // Of the added ones, in `entries`.
  if (changed != nullptr) changed->assign(writes.size(), true);
  std::size_t at = 0;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const Entry& write = writes[i];
    while (at < entries.size() && comes_first(entries[at], write)) ++at;
    if (at == entries.size() || entries[at].field != write.field || entries[at].key != write.key) {
      added.push_back(joiner.added(write));
      places.push_back(at);
      continue;
    }
    bool state_changed = false;
    if (Status joined = joiner.join(entries[at], write, state_changed); !joined) {
      return joined.error();
    }
    if (changed != nullptr) (*changed)[i] = state_changed;
  }
  if (entries.size() + added.size() > limits::kEntriesMax) {
    return Error{Errc::kLimitExceeded, "entries of a segment"};
  }
  if (added.empty()) return write_segment(entries);
  return write_segment(merged(entries, added, places));
}

}  // namespace satchel::sync
