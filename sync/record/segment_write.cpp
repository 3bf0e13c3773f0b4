#include <algorithm>

#include "sync/record/segment_view.hpp"

namespace satchel::sync {
namespace {

bool votes(const EntryView& entry) {
  return entry.form == ContextForm::kShared || entry.form == ContextForm::kExplicit;
}

std::size_t room_for(std::span<const EntryView> entries, ByteView shared) {
  std::size_t room = 1 + 2 * Pen::kVarintBytesMax + shared.size();
  for (const EntryView& entry : entries) {
    room += 3 + 3 * Pen::kVarintBytesMax + kSiblingBytesMax + entry.key.size() +
            entry.first.value.size() + entry.rest.size() + entry.context.size();
  }
  return room;
}

void write_entry(Pen& pen, const EntryView& entry, const EntryView* previous, Sequence base,
                 ByteView shared) {
  const bool withheld = entry.form == ContextForm::kWithheld;
  const bool own_dot = entry.form == ContextForm::kOwnDot;
  const bool same_first = previous != nullptr && previous->count > 0 && entry.count > 0 &&
                          previous->first.dot == entry.first.dot &&
                          previous->first.stamp == entry.first.stamp;
  const bool counted = !withheld && entry.count != 1;
  ContextForm form = entry.form;
  if (!withheld && !own_dot) {
    form = entry.context == shared ? ContextForm::kShared : ContextForm::kExplicit;
  }
  pen.u8(static_cast<std::uint8_t>(entry.field & 0xFF));
  pen.u8(static_cast<std::uint8_t>(entry.field >> 8));
  pen.u8(static_cast<std::uint8_t>(static_cast<unsigned>(form) |
                                   (entry.key.empty() ? 0U : kHasKey) | (counted ? kHasCount : 0U) |
                                   (same_first ? kSameFirst : 0U)));
  if (!entry.key.empty()) {
    pen.varint(entry.key.size());
    pen.raw(entry.key);
  }
  pen.varint(entry.seq - base);
  if (counted) pen.varint(entry.count);
  if (same_first) {
    pen.varint(entry.first.value.size());
    pen.raw(entry.first.value);
  } else if (entry.count > 0) {
    pen.sibling(entry.first);
  }
  pen.raw(entry.rest);
  if (form == ContextForm::kExplicit) pen.raw(entry.context);
}

}  // namespace

ByteView context_bytes(const NumberedContext& context, Arena& arena) {
  char* const begin = arena.take((1 + 2 * context.size()) * Pen::kVarintBytesMax);
  Pen pen{begin};
  pen.varint(context.size());
  for (const NumberedDot& dot : context) {
    pen.varint(dot.replica);
    pen.varint(dot.commit);
  }
  return {begin, static_cast<std::size_t>(pen.position() - begin)};
}

Bytes write_segment(std::span<const EntryView> entries) {
  if (entries.empty()) return {};
  SharedContextVote vote;
  Sequence base = entries[0].seq;
  for (const EntryView& entry : entries) {
    base = std::min(base, entry.seq);
    if (votes(entry)) vote.add(entry.context);
  }
  const ByteView shared = vote.winner();
  Bytes out(room_for(entries, shared), '\0');
  Pen pen{out.data()};
  pen.u8(kSegmentFormat);
  pen.varint(base);
  pen.raw(shared);
  pen.varint(entries.size());
  const EntryView* previous = nullptr;
  for (const EntryView& entry : entries) {
    write_entry(pen, entry, previous, base, shared);
    previous = &entry;
  }
  out.resize(static_cast<std::size_t>(pen.position() - out.data()));
  return out;
}

ReplicaNumber NumberMemo::number_of(const ReplicaId& id) {
  for (std::size_t i = 0; i < std::min(count_, kRemembered); ++i) {
    if (pairs_[i].id == id) return pairs_[i].number;
  }
  const ReplicaNumber number = numbers_.number_of(id);
  remember(id, number);
  return number;
}

bool NumberMemo::id_of(ReplicaNumber number, ReplicaId& id) {
  for (std::size_t i = 0; i < std::min(count_, kRemembered); ++i) {
    if (pairs_[i].number == number) {
      id = pairs_[i].id;
      return true;
    }
  }
  if (!numbers_.id_of(number, id)) return false;
  remember(id, number);
  return true;
}

void NumberMemo::remember(const ReplicaId& id, ReplicaNumber number) {
  pairs_[count_++ % kRemembered] = Pair{id, number};
}

EntryView view_of(const Entry& entry, NumberMemo& numbers, Arena& arena) {
  EntryView view;
  view.field = entry.field;
  view.key = entry.key;
  view.seq = entry.seq;
  const auto& siblings = entry.state.siblings;
  if (entry.withheld) {
    // A mark has no state: whoever sets it clears both (record.hpp).
    SATCHEL_ASSERT(siblings.empty() && entry.state.context.empty());
    view.form = ContextForm::kWithheld;
    return view;
  }
  view.count = static_cast<std::uint16_t>(siblings.size());
  NumberedContext context;
  for (const Dot& dot : entry.state.context.entries()) {
    context.push_back({numbers.number_of(dot.replica), dot.commit});
  }
  std::sort(context.begin(), context.end(),
            [](const NumberedDot& a, const NumberedDot& b) { return a.replica < b.replica; });
  const auto numbered = [&](const Sibling& sibling) {
    return SiblingView{{numbers.number_of(sibling.dot.replica), sibling.dot.commit},
                       sibling.stamp,
                       sibling.value};
  };
  if (!siblings.empty()) view.first = numbered(siblings[0]);
  if (siblings.size() > 1) {
    std::size_t room = 0;
    for (const Sibling& sibling : siblings) room += kSiblingBytesMax + sibling.value.size();
    char* const begin = arena.take(room);
    Pen pen{begin};
    for (std::size_t i = 1; i < siblings.size(); ++i) pen.sibling(numbered(siblings[i]));
    view.rest = {begin, static_cast<std::size_t>(pen.position() - begin)};
  }
  if (siblings.size() == 1 && is_only(context, view.first.dot)) {
    view.form = ContextForm::kOwnDot;
  } else {
    view.context = context_bytes(context, arena);
  }
  return view;
}

}  // namespace satchel::sync
