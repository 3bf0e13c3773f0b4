#include "sync/record/segment.hpp"

#include <algorithm>

#include "sync/record/segment_view.hpp"

namespace satchel::sync {
namespace {

Error number_unknown() {
  return Error{Errc::kRecordMalformed, "a segment names a replica number that was never given out"};
}

// The ids of numbers, a few remembered. decode_segment promises not to intern.
class IdMemo {
 public:
  explicit IdMemo(const ReplicaNumbers& numbers) : numbers_(numbers) {}
  bool dot_of(const NumberedDot& numbered, Dot& dot) {
    dot.commit = numbered.commit;
    for (std::size_t i = 0; i < std::min(count_, kRemembered); ++i) {
      if (known_[i].first == numbered.replica) {
        dot.replica = known_[i].second;
        return true;
      }
    }
    if (!numbers_.id_of(numbered.replica, dot.replica)) return false;
    known_[count_++ % kRemembered] = {numbered.replica, dot.replica};
    return true;
  }

 private:
  static constexpr std::size_t kRemembered = 8;
  const ReplicaNumbers& numbers_;
  std::pair<ReplicaNumber, ReplicaId> known_[kRemembered];
  std::size_t count_ = 0;
};

Status decode_context(ByteView bytes, IdMemo& ids, NumberedContext& room, Context& context) {
  read_context(bytes, room);
  for (const NumberedDot& numbered : room) {
    Dot dot;
    if (!ids.dot_of(numbered, dot)) return number_unknown();
    context.observe(dot);
  }
  return {};
}

Status decode_siblings(const EntryView& view, IdMemo& ids, Register& state) {
  if (view.count == 0) return {};
  state.siblings.reserve(view.count);
  ByteReader rest{view.rest};
  for (std::uint16_t i = 0; i < view.count; ++i) {
    const SiblingView numbered = i == 0 ? view.first : read_sibling(rest);
    Sibling sibling;
    if (!ids.dot_of(numbered.dot, sibling.dot)) return number_unknown();
    if (i > 0 && sibling.dot <= state.siblings.back().dot) {
      return Error{Errc::kRecordMalformed, "a register's siblings are not in order"};
    }
    sibling.stamp = numbered.stamp;
    sibling.value = numbered.value;
    state.siblings.push_back(std::move(sibling));
  }
  return {};
}

// Rewrites what an entry names under another numbering.
class Renumbering {
 public:
  Renumbering(std::span<const ReplicaNumber> to_number, Arena& arena)
      : to_number_(to_number), arena_(arena) {}

  bool entry(EntryView& view) {
    if (view.count > 0 && !number(view.first.dot.replica)) return false;
    return rest(view) && context(view);
  }

 private:
  bool number(ReplicaNumber& replica) const {
    if (replica >= to_number_.size()) return false;
    replica = to_number_[replica];
    return replica != kNoNumber;
  }
  bool rest(EntryView& view) {
    if (view.count < 2) return true;
    // A number grows by four bytes at most.
    char* const begin = arena_.take(view.rest.size() + view.count * 4U);
    Pen pen{begin};
    ByteReader in{view.rest};
    for (std::uint16_t i = 1; i < view.count; ++i) {
      SiblingView sibling = read_sibling(in);
      if (!number(sibling.dot.replica)) return false;
      pen.sibling(sibling);
    }
    view.rest = {begin, static_cast<std::size_t>(pen.position() - begin)};
    return true;
  }
  bool context(EntryView& view) {
    if (view.form != ContextForm::kShared && view.form != ContextForm::kExplicit) return true;
    const bool shared = view.form == ContextForm::kShared;
    if (shared && !shared_.empty()) {
      view.context = shared_;
      return true;
    }
    read_context(view.context, room_);
    for (NumberedDot& dot : room_) {
      if (!number(dot.replica)) return false;
    }
    std::sort(room_.begin(), room_.end(),
              [](const NumberedDot& a, const NumberedDot& b) { return a.replica < b.replica; });
    view.context = context_bytes(room_, arena_);
    if (shared) shared_ = view.context;
    return true;
  }

  std::span<const ReplicaNumber> to_number_;
  Arena& arena_;
  NumberedContext room_;
  ByteView shared_;  // The shared context, once it was rewritten.
};

}  // namespace

Bytes encode_segment(std::span<const Entry> entries, ReplicaNumbers& numbers) {
  Arena arena;
  NumberMemo memo{numbers};
  EntryViews views;
  views.reserve(entries.size());
  for (const Entry& entry : entries) views.push_back(view_of(entry, memo, arena));
  return write_segment(views);
}

namespace {

Status decode_entry(const EntryView& view, PrivacyClass privacy, IdMemo& ids, NumberedContext& room,
                    Entry& entry) {
  entry.field = view.field;
  entry.key = view.key;
  entry.privacy = privacy;
  entry.seq = view.seq;
  entry.withheld = view.form == ContextForm::kWithheld;
  SATCHEL_TRY(decode_siblings(view, ids, entry.state));
  if (view.form == ContextForm::kOwnDot) {
    entry.state.context = Context{entry.state.siblings[0].dot};
    return {};
  }
  return decode_context(view.context, ids, room, entry.state.context);
}

// `fields` null for all.
Status decode_chosen(ByteView bytes, PrivacyClass privacy, const ReplicaNumbers& numbers,
                     const std::span<const FieldId>* fields, std::vector<Entry>& out) {
  EntryViews views;
  SATCHEL_TRY(scan_segment(bytes, views));
  IdMemo ids{numbers};
  NumberedContext room;
  const std::size_t before = out.size();
  if (fields == nullptr) out.reserve(before + views.size());
  for (const EntryView& view : views) {
    if (fields != nullptr && !std::binary_search(fields->begin(), fields->end(), view.field)) {
      continue;
    }
    if (Status filled = decode_entry(view, privacy, ids, room, out.emplace_back()); !filled) {
      out.resize(before);
      return filled;
    }
  }
  return {};
}

}  // namespace

Status decode_segment(ByteView bytes, PrivacyClass privacy, const ReplicaNumbers& numbers,
                      std::vector<Entry>& out) {
  return decode_chosen(bytes, privacy, numbers, nullptr, out);
}

Status decode_fields(ByteView bytes, PrivacyClass privacy, const ReplicaNumbers& numbers,
                     std::span<const FieldId> fields, std::vector<Entry>& out) {
  return decode_chosen(bytes, privacy, numbers, &fields, out);
}

Result<Bytes> transcode_segment(ByteView bytes, std::span<const ReplicaNumber> to_number,
                                const KeepEntry* keep, bool* concurrent) {
  EntryViews views;
  if (Status scanned = scan_segment(bytes, views); !scanned) return scanned.error();
  Arena arena;
  Renumbering renumbering{to_number, arena};
  std::size_t kept = 0;
  for (EntryView& view : views) {
    if (keep != nullptr && !(*keep)(view.field, view.seq)) continue;
    if (!renumbering.entry(view)) return number_unknown();
    if (concurrent != nullptr && view.count > 1) *concurrent = true;
    views[kept++] = view;
  }
  views.resize(kept);
  return write_segment(views);
}

Status numbers_in_segment(ByteView bytes, std::vector<ReplicaNumber>& out) {
  EntryViews views;
  SATCHEL_TRY(scan_segment(bytes, views));
  NumberedContext room;
  ByteView last;
  for (const EntryView& view : views) {
    if (view.count > 0) out.push_back(view.first.dot.replica);
    ByteReader rest{view.rest};
    for (std::uint16_t i = 1; i < view.count; ++i) out.push_back(read_sibling(rest).dot.replica);
    if (view.context.empty() || view.context == last) continue;
    read_context(view.context, room);
    for (const NumberedDot& dot : room) out.push_back(dot.replica);
    last = view.context;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return {};
}

}  // namespace satchel::sync
