#include <algorithm>
#include <limits>

#include "sync/record/segment_view.hpp"

namespace satchel::sync {
namespace {

// What is wrong with the bytes, if anything. Over a limit is told apart from malformed.
enum class Fault : std::uint8_t { kNone, kMalformed, kOverLimit };

struct Scanner {
  ByteReader in;
  Sequence base = 0;
  ByteView shared;
  NumberedContext shared_context{};
  NumberedContext own_context{};  // Reused for each explicit one.
  SharedContextVote vote{};
  // Some entry has exactly the base: encode_segment takes the least.
  bool base_met = false;
  Fault fault = Fault::kNone;

  explicit Scanner(ByteView bytes) : in(bytes) {}

  bool malformed() {
    if (fault == Fault::kNone) fault = Fault::kMalformed;
    return false;
  }
  bool over_limit() {
    if (fault == Fault::kNone) fault = Fault::kOverLimit;
    return false;
  }

  bool context(ByteView& bytes, NumberedContext& out);
  bool name(EntryView& entry, std::uint8_t flags, const EntryView* previous);
  bool sibling(SiblingView& sibling);
  bool siblings(EntryView& entry, std::uint8_t flags, const EntryView* previous);
  bool entry_context(EntryView& entry);
  bool all_covered(const EntryView& entry, const NumberedContext& context);
  bool entry(EntryView& entry, const EntryView* previous);
};

bool dot_of(ByteReader& in, NumberedDot& dot) {
  const std::uint64_t number = in.varint();
  dot.commit = in.varint();
  dot.replica = static_cast<ReplicaNumber>(number);
  return number <= std::numeric_limits<ReplicaNumber>::max() && dot.commit != 0;
}

bool Scanner::context(ByteView& bytes, NumberedContext& out) {
  const char* const begin = in.position();
  const std::uint64_t count = in.varint();
  if (count > limits::kContextEntriesMax) return over_limit();
  out.clear();
  for (std::uint64_t i = 0; i < count; ++i) {
    NumberedDot dot;
    if (!dot_of(in, dot)) return malformed();
    if (!out.empty() && out.back().replica >= dot.replica) return malformed();
    out.push_back(dot);
  }
  if (in.failed()) return malformed();
  bytes = ByteView{begin, static_cast<std::size_t>(in.position() - begin)};
  return true;
}

bool Scanner::name(EntryView& entry, std::uint8_t flags, const EntryView* previous) {
  if ((flags & kHasKey) != 0) {
    entry.key = in.sized();
    if (entry.key.empty()) return malformed();
    if (entry.key.size() > limits::kKeyBytesMax) return over_limit();
  }
  if (previous != nullptr && (entry.field < previous->field ||
                              (entry.field == previous->field && entry.key <= previous->key))) {
    return malformed();
  }
  const std::uint64_t past_base = in.varint();
  if (past_base > std::numeric_limits<Sequence>::max() - base) return malformed();
  base_met = base_met || past_base == 0;
  entry.seq = base + past_base;
  return true;
}

bool Scanner::sibling(SiblingView& sibling) {
  if (!dot_of(in, sibling.dot)) return malformed();
  sibling.stamp.bits = in.u64();
  sibling.value = in.sized();
  if (in.failed()) return malformed();
  return sibling.value.size() <= limits::kValueBytesMax || over_limit();
}

bool Scanner::siblings(EntryView& entry, std::uint8_t flags, const EntryView* previous) {
  const std::uint64_t count = (flags & kHasCount) != 0 ? in.varint() : 1;
  if ((flags & kHasCount) != 0 && count == 1) return malformed();
  if (count > limits::kSiblingsMax) return over_limit();
  entry.count = static_cast<std::uint16_t>(count);
  const bool comparable = previous != nullptr && previous->count > 0 && count > 0;
  if ((flags & kSameFirst) != 0) {
    if (!comparable) return malformed();
    entry.first.dot = previous->first.dot;
    entry.first.stamp = previous->first.stamp;
    entry.first.value = in.sized();
    if (in.failed()) return malformed();
    if (entry.first.value.size() > limits::kValueBytesMax) return over_limit();
  } else if (count > 0) {
    if (!sibling(entry.first)) return false;
    if (comparable && entry.first.dot == previous->first.dot &&
        entry.first.stamp == previous->first.stamp) {
      return malformed();
    }
  }
  const char* const begin = in.position();
  NumberedDot before = entry.first.dot;
  for (std::uint64_t i = 1; i < count; ++i) {
    SiblingView further;
    if (!sibling(further)) return false;
    if (further.dot.replica == before.replica && further.dot.commit <= before.commit) {
      return malformed();
    }
    before = further.dot;
  }
  if (in.failed()) return malformed();
  entry.rest = ByteView{begin, static_cast<std::size_t>(in.position() - begin)};
  return true;
}

bool Scanner::all_covered(const EntryView& entry, const NumberedContext& context) {
  if (entry.count == 0) return true;
  if (!covers(context, entry.first.dot)) return malformed();
  ByteReader rest{entry.rest};
  for (std::uint16_t i = 1; i < entry.count; ++i) {
    if (!covers(context, read_sibling(rest).dot)) return malformed();
  }
  // A context that is just the sibling's own dot has a shorter form.
  return entry.count > 1 || !is_only(context, entry.first.dot) || malformed();
}

bool Scanner::entry_context(EntryView& entry) {
  switch (entry.form) {
    case ContextForm::kOwnDot: return entry.count == 1 || malformed();
    case ContextForm::kShared:
      entry.context = shared;
      vote.add(shared);
      return all_covered(entry, shared_context);
    default:
      if (!context(entry.context, own_context)) return false;
      if (entry.context == shared) return malformed();
      vote.add(entry.context);
      return all_covered(entry, own_context);
  }
}

bool Scanner::entry(EntryView& entry, const EntryView* previous) {
  entry.field = in.u16();
  const std::uint8_t flags = in.u8();
  if ((flags & kUnusedBits) != 0) return malformed();
  entry.form = static_cast<ContextForm>(flags & kFormBits);
  if (!name(entry, flags, previous)) return false;
  if (entry.form == ContextForm::kWithheld) {
    return (flags & (kHasCount | kSameFirst)) == 0 ? true : malformed();
  }
  return siblings(entry, flags, previous) && entry_context(entry);
}

Status told(const Scanner& scanner) {
  if (scanner.fault == Fault::kOverLimit) {
    return Error{Errc::kLimitExceeded, "a segment's siblings, context, key or value"};
  }
  return Error{Errc::kRecordMalformed, "a segment's bytes are not canonical"};
}

}  // namespace

Status scan_segment(ByteView bytes, EntryViews& entries) {
  entries.clear();
  if (bytes.empty()) return {};
  Scanner scanner{bytes};
  const std::uint8_t format = scanner.in.u8();
  if (format != kSegmentFormat) {
    return Error{Errc::kRecordNewer, "segment format " + std::to_string(format)};
  }
  scanner.base = scanner.in.varint();
  if (!scanner.context(scanner.shared, scanner.shared_context)) return told(scanner);
  const std::uint64_t count = scanner.in.varint();
  if (count > limits::kEntriesMax) return Error{Errc::kLimitExceeded, "entries of a segment"};
  // An entry takes at least four bytes: nobody makes us reserve more than he sent.
  if (scanner.in.failed() || count == 0 || count * 4 > scanner.in.left()) return told(scanner);
  entries.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!scanner.entry(entries[i], i == 0 ? nullptr : &entries[i - 1])) return told(scanner);
  }
  if (!scanner.in.finished() || !scanner.base_met || scanner.vote.winner() != scanner.shared) {
    return told(scanner);
  }
  return {};
}

SiblingView read_sibling(ByteReader& in) {
  SiblingView sibling;
  if (!dot_of(in, sibling.dot)) in.fail();
  sibling.stamp.bits = in.u64();
  sibling.value = in.sized();
  return sibling;
}

void read_context(ByteView bytes, NumberedContext& out) {
  ByteReader in{bytes};
  const std::uint64_t count = in.varint();
  out.clear();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    NumberedDot dot;
    dot_of(in, dot);
    out.push_back(dot);
  }
}

bool covers(const NumberedContext& context, const NumberedDot& dot) {
  for (const NumberedDot& entry : context) {
    if (entry.replica == dot.replica) return dot.commit <= entry.commit;
    if (entry.replica > dot.replica) return false;
  }
  return false;
}

bool is_only(const NumberedContext& context, const NumberedDot& dot) {
  return context.size() == 1 && context[0] == dot;
}

}  // namespace satchel::sync
