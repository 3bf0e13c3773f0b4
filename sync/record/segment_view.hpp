// A segment read in place: what the codec's three users (decode, transcode, join) share. Private to
// sync/record.
#pragma once

#include <cstddef>
#include <memory_resource>

#include <boost/container/small_vector.hpp>

#include "schema/model/limits.hpp"
#include "schema/model/result.hpp"
#include "schema/model/varint.hpp"
#include "sync/merge/record.hpp"
#include "sync/record/segment.hpp"

namespace satchel::sync {

inline constexpr std::uint8_t kSegmentFormat = 1;
inline constexpr std::uint8_t kFormBits = 0x03;
inline constexpr std::uint8_t kHasKey = 0x04;
inline constexpr std::uint8_t kHasCount = 0x08;
inline constexpr std::uint8_t kSameFirst = 0x10;
inline constexpr std::uint8_t kUnusedBits = 0xE0;

// How an entry names its context; the two low bits of its flags.
enum class ContextForm : std::uint8_t { kOwnDot = 0, kShared = 1, kExplicit = 2, kWithheld = 3 };

// A dot in the segment's own numbering.
struct NumberedDot {
  ReplicaNumber replica = 0;
  CommitNumber commit = 0;
  friend bool operator==(const NumberedDot&, const NumberedDot&) = default;
};
// Sorted by number, no number twice, no zero commits.
using NumberedContext = boost::container::small_vector<NumberedDot, 8>;

struct SiblingView {
  NumberedDot dot;
  Stamp stamp;
  ByteView value;
};

// One entry, in place. Views are into the segment, or into the arena of whoever made the entry.
struct EntryView {
  FieldId field = 0;
  ContextForm form = ContextForm::kExplicit;
  std::uint16_t count = 0;  // Siblings.
  Sequence seq = 0;
  ByteView key;
  SiblingView first;        // Where there is one.
  ByteView rest;            // The other siblings as a segment writes them.
  // A context's bytes; of kShared the shared one; of kOwnDot and kWithheld empty.
  ByteView context;
};
using EntryViews = boost::container::small_vector<EntryView, 16>;

// Which context a segment shares: the majority vote of Boyer and Moore over the contexts that are
// not just a sibling's own dot. One pass, no table, and the same answer from the same entries under
// any numbering.
class SharedContextVote {
 public:
  void add(ByteView context) {
    if (lead_ == 0) {
      candidate_ = context;
      lead_ = 1;
    } else if (context == candidate_) {
      ++lead_;
    } else {
      --lead_;
    }
  }
  // The bytes of the empty context where nobody voted.
  [[nodiscard]] ByteView winner() const { return candidate_; }

 private:
  ByteView candidate_{"\0", 1};
  std::size_t lead_ = 0;
};

// Short-lived bytes with stable addresses; the first two KiB are on the stack. Thread-bound.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  char* take(std::size_t size) { return static_cast<char*>(pool_.allocate(size, 1)); }

 private:
  std::byte first_[2048];
  std::pmr::monotonic_buffer_resource pool_{first_, sizeof first_};
};

// Reads and checks everything that can be checked without replica ids: form, order, limits, that
// each context covers its siblings, and that encode_segment would have chosen the same forms.
Status scan_segment(ByteView bytes, EntryViews& entries);

// Reads the next of `rest`. `in` must be over bytes that scan_segment accepted, or the caller
// checks `in.failed()`.
SiblingView read_sibling(ByteReader& in);
// Precondition: bytes that scan_segment accepted.
void read_context(ByteView bytes, NumberedContext& out);
[[nodiscard]] bool covers(const NumberedContext& context, const NumberedDot& dot);
[[nodiscard]] bool is_only(const NumberedContext& context, const NumberedDot& dot);

// Writes raw bytes where the caller has made room. Thread-bound.
class Pen {
 public:
  static constexpr std::size_t kVarintBytesMax = 10;
  explicit Pen(char* at) : at_(at) {}
  [[nodiscard]] char* position() const { return at_; }
  void u8(std::uint8_t octet) { *at_++ = static_cast<char>(octet); }
  void varint(std::uint64_t number) {
    while (number >= 0x80) {
      *at_++ = static_cast<char>(number | 0x80);
      number >>= 7;
    }
    *at_++ = static_cast<char>(number);
  }
  void u64(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) *at_++ = static_cast<char>(number >> shift & 0xFF);
  }
  void raw(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void sibling(const SiblingView& sibling) {
    varint(sibling.dot.replica);
    varint(sibling.dot.commit);
    u64(sibling.stamp.bits);
    varint(sibling.value.size());
    raw(sibling.value);
  }

 private:
  char* at_;
};
inline constexpr std::size_t kSiblingBytesMax = 3 * Pen::kVarintBytesMax + 8;  // Without its value.

// The bytes of a context, in the arena.
ByteView context_bytes(const NumberedContext& context, Arena& arena);

// The one writer: a function of the entries alone. kShared and kExplicit are told apart here. Empty
// for no entries.
Bytes write_segment(std::span<const EntryView> entries);

// Numbers of ids, remembering the last few: a shared lock and a hash cost more than a join.
// Thread-bound.
class NumberMemo {
 public:
  explicit NumberMemo(ReplicaNumbers& numbers) : numbers_(numbers) {}
  ReplicaNumber number_of(const ReplicaId& id);
  // False for a number never given out.
  bool id_of(ReplicaNumber number, ReplicaId& id);

 private:
  struct Pair {
    ReplicaId id;
    ReplicaNumber number = 0;
  };
  void remember(const ReplicaId& id, ReplicaNumber number);

  static constexpr std::size_t kRemembered = 8;
  ReplicaNumbers& numbers_;
  Pair pairs_[kRemembered];
  std::size_t count_ = 0;
};

// An entry under `numbers`, its context and further siblings in the arena; values stay where they
// are.
EntryView view_of(const Entry& entry, NumberMemo& numbers, Arena& arena);

}  // namespace satchel::sync
