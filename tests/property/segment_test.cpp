// The segment codec: round trips, hostile bytes, and that the two fast ways end where the slow one
// does.
#include <gtest/gtest.h>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "sync/record/segment.hpp"
#include "tests/support/histories.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and generators of the tests.

constexpr PrivacyClass kClass = PrivacyClass::kCompany;

Record reached(Gen& gen, HistoryOptions options = {.replicas = 4, .steps = 40}) {
  History history{gen, options};
  history.run();
  Record record;
  for (const Record& other : history.records()) {
    if (gen.chance(70)) record = join(record, other);
  }
  for (Entry& entry : record.entries) {
    if (!gen.chance(5)) continue;
    entry.withheld = true;
    entry.state = {};
  }
  return record;
}

std::vector<Entry> decoded(ByteView bytes, const ReplicaNumbers& numbers) {
  std::vector<Entry> entries;
  const Status status = decode_segment(bytes, kClass, numbers, entries);
  EXPECT_TRUE(status) << (status ? "" : status.error().message());
  return entries;
}

TEST(Segment, DecodesToWhatWasEncoded) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers numbers;
    const Record record = reached(gen);
    const Bytes bytes = encode_segment(record.entries, numbers);
    EXPECT_EQ(decoded(bytes, numbers), record.entries);
  });
}

TEST(Segment, HasOneByteFormUnderOneNumbering) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers numbers;
    const Record record = reached(gen);
    const Bytes bytes = encode_segment(record.entries, numbers);
    EXPECT_EQ(encode_segment(decoded(bytes, numbers), numbers), bytes);
  });
}

TEST(Segment, CostsNothingForAContextThatIsItsOwnDot) {
  ReplicaNumbers numbers;
  Record record;
  for (FieldId field = 1; field <= 8; ++field) {
    record.at(field, {}, kClass).state = written("ann:1"_dot, 5_at, integer(field), {});
  }
  // Header 4; the first entry 3 + 1 + (1 + 1 + 8) + 3; the others share its dot and stamp: 3 + 1 +
  // 3.
  EXPECT_EQ(encode_segment(record.entries, numbers).size(), 4U + 17U + 7U * 7U);
}

TEST(Segment, SharesAContextOnlyWithRegistersThatHaveExactlyIt) {
  ReplicaNumbers numbers;
  Record record;
  const auto put = [&](FieldId field, const Context& shown) {
    record.at(field, {}, kClass).state = written("bob:9"_dot, 5_at, integer(field), shown);
  };
  put(1, "ann:4"_ctx);
  put(2, "ann:4"_ctx);
  put(3, "ann:3"_ctx);
  put(4, {});
  const std::vector<Entry> entries = decoded(encode_segment(record.entries, numbers), numbers);
  EXPECT_EQ(entries[1].state.context, "ann:4 bob:9"_ctx);
  EXPECT_EQ(entries[2].state.context, "ann:3 bob:9"_ctx);
  EXPECT_EQ(entries[3].state.context, "bob:9"_ctx);
}

TEST(Segment, OfNoEntriesIsEmptyAndAnEmptyOneHasNoEntries) {
  ReplicaNumbers numbers;
  EXPECT_EQ(encode_segment({}, numbers), "");
  EXPECT_TRUE(decoded("", numbers).empty());
}

TEST(Segment, OfANewerFormatIsToldApart) {
  ReplicaNumbers numbers;
  Record record;
  record.at(1, {}, kClass).state = written("ann:1"_dot, 5_at, integer(1), {});
  Bytes bytes = encode_segment(record.entries, numbers);
  bytes[0] = 2;
  std::vector<Entry> entries;
  EXPECT_EQ(decode_segment(bytes, kClass, numbers, entries).error().code, Errc::kRecordNewer);
}

TEST(Segment, NamingAnUnknownReplicaNumberIsMalformed) {
  ReplicaNumbers numbers;
  Record record;
  record.at(1, {}, kClass).state = written("ann:1"_dot, 5_at, integer(1), {});
  const Bytes bytes = encode_segment(record.entries, numbers);
  const ReplicaNumbers none;
  std::vector<Entry> entries;
  EXPECT_EQ(decode_segment(bytes, kClass, none, entries).error().code, Errc::kRecordMalformed);
  EXPECT_TRUE(entries.empty());
}

// Either refused, or the one byte form of what it decodes to. Never a crash: the sanitizer runs see
// to that.
void expect_refused_or_canonical(ByteView hostile, ReplicaNumbers& numbers) {
  std::vector<Entry> entries;
  if (decode_segment(hostile, kClass, numbers, entries)) {
    EXPECT_EQ(encode_segment(entries, numbers), hostile);
  } else {
    EXPECT_TRUE(entries.empty());
  }
}

TEST(Segment, OfHostileBytesIsRefusedOrCanonical) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers numbers;
    const Bytes bytes = encode_segment(reached(gen).entries, numbers);
    for (int round = 0; round < 60 && !bytes.empty(); ++round) {
      Bytes hostile = bytes;
      for (std::size_t change = 0; change <= gen.below(3); ++change) {
        const std::size_t at = gen.below(hostile.size());
        switch (gen.below(4)) {
          case 0: hostile[at] = static_cast<char>(gen.next()); break;
          case 1: hostile[at] = static_cast<char>(hostile[at] ^ (1 << gen.below(8))); break;
          case 2: hostile.erase(at, 1 + gen.below(4)); break;
          default: hostile.insert(at, 1, static_cast<char>(gen.next()));
        }
        if (hostile.empty()) break;
      }
      expect_refused_or_canonical(hostile, numbers);
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      std::vector<Entry> entries;
      EXPECT_EQ(size == 0,
                bool{decode_segment(ByteView{bytes}.substr(0, size), kClass, numbers, entries)});
    }
  });
}

TEST(Segment, TranscodedEqualsDecodedAndEncodedAnew) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers here;
    const Record record = reached(gen);
    const Bytes bytes = encode_segment(record.entries, here);
    // Another table that met the same replicas in another order, among strangers.
    ReplicaNumbers there;
    const std::size_t strangers = gen.below(200);
    for (std::size_t i = 0; i < strangers; ++i) {
      there.number_of(replica_named("s" + std::to_string(i)));
    }
    std::vector<ReplicaNumber> to_number(here.size());
    for (std::size_t i = here.size(); i-- > 0;) {
      ReplicaId id;
      ASSERT_TRUE(here.id_of(static_cast<ReplicaNumber>(i), id));
      to_number[i] = there.number_of(id);
    }
    const Sequence past = gen.below(40);
    const KeepEntry keep = [&](FieldId field, Sequence seq) { return field != 2 && seq > past; };
    std::vector<Entry> kept;
    for (const Entry& entry : record.entries) {
      if (keep(entry.field, entry.seq)) kept.push_back(entry);
    }
    bool concurrent = false;
    EXPECT_EQ(transcode_segment(bytes, to_number, nullptr, &concurrent).value(),
              encode_segment(record.entries, there));
    EXPECT_EQ(concurrent,
              std::any_of(record.entries.begin(), record.entries.end(),
                          [](const Entry& each) { return each.state.siblings.size() > 1; }));
    EXPECT_EQ(transcode_segment(bytes, to_number, &keep).value(), encode_segment(kept, there));
  });
}

TEST(Segment, TranscodingRefusesANumberThatTheTableDoesNotHave) {
  ReplicaNumbers numbers;
  Record record;
  record.at(1, {}, kClass).state = written("bob:1"_dot, 5_at, integer(1), "ann:3"_ctx);
  const Bytes bytes = encode_segment(record.entries, numbers);
  const std::vector<ReplicaNumber> too_short{0};
  EXPECT_EQ(transcode_segment(bytes, too_short, nullptr).error().code, Errc::kRecordMalformed);
  const std::vector<ReplicaNumber> with_a_hole{0, kNoNumber};
  EXPECT_EQ(transcode_segment(bytes, with_a_hole, nullptr).error().code, Errc::kRecordMalformed);
}

TEST(Segment, ChosenFieldsReadAsTheyDoAmongAll) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers numbers;
    const Record record = reached(gen);
    const Bytes bytes = encode_segment(record.entries, numbers);
    const std::vector<FieldId> fields{1, 3};
    std::vector<Entry> chosen;
    ASSERT_TRUE(decode_fields(bytes, kClass, numbers, fields, chosen));
    std::vector<Entry> expected;
    for (const Entry& entry : record.entries) {
      if (entry.field == 1 || entry.field == 3) expected.push_back(entry);
    }
    EXPECT_EQ(chosen, expected);
  });
}

TEST(Segment, NamesEveryNumberThatItMentions) {
  ReplicaNumbers numbers;
  numbers.number_of("stranger"_replica);
  Record record;
  record.at(1, {}, kClass).state = written("bob:1"_dot, 5_at, integer(1), "ann:3"_ctx);
  record.at(2, {}, kClass).state = written("cyd:1"_dot, 5_at, integer(1), {});
  const Bytes bytes = encode_segment(record.entries, numbers);
  std::vector<ReplicaNumber> named;
  ASSERT_TRUE(numbers_in_segment(bytes, named));
  EXPECT_EQ(named, (std::vector<ReplicaNumber>{1, 2, 3}));
}

struct Joined {
  Record record;
  std::vector<bool> changed;
};

Joined joined_slowly(const Record& stored, const std::vector<Entry>& writes, Sequence seq) {
  Joined slow;
  slow.record = stored;
  for (const Entry& write : writes) {
    const Entry* before = stored.find(write.field, write.key);
    const Register state = before != nullptr ? before->state : Register{};
    Entry& entry = slow.record.at(write.field, write.key, kClass);
    slow.changed.push_back(join_with(entry.state, write.state) || before == nullptr);
    entry.withheld = (entry.withheld || write.withheld) && entry.state.context.empty();
    entry.seq = seq;
  }
  return slow;
}

TEST(SegmentJoin, EqualsDecodeJoinAndEncode) {
  for_each_seed(
      [](Gen& gen) {
        ReplicaNumbers numbers;
        // Numbers in another order than ids, so that nobody takes the one for the other.
        for (const char* name : {"dan", "bob", "eve", "cyd", "ann"}) {
          if (gen.chance(50)) numbers.number_of(replica_named(name));
        }
        History history{gen, {.replicas = 5, .steps = 10 + gen.below(50)}};
        history.run();
        Record stored = history.records()[0];
        if (gen.chance(10)) stored.entries.clear();
        const std::size_t author = 1 + gen.below(4);
        std::vector<Entry> writes = gen.chance(80) ? history.next_writes(author, 1 + gen.below(4))
                                                   : history.records()[author].entries;
        const Bytes bytes = encode_segment(stored.entries, numbers);
        const Sequence seq = 100 + gen.below(1000);
        const Joined slow = joined_slowly(stored, writes, seq);
        std::vector<bool> changed;
        const Result<Bytes> fast = join_into_segment(bytes, writes, seq, numbers, &changed);
        ASSERT_TRUE(fast) << fast.error().message();
        EXPECT_EQ(*fast, encode_segment(slow.record.entries, numbers));
        EXPECT_EQ(decoded(*fast, numbers), slow.record.entries);
        EXPECT_EQ(changed, slow.changed);
      },
      2000);
}

// The untouched registers that named the shared context keep exactly it, whatever is shared
// afterwards.
TEST(SegmentJoin, KeepsTheExactContextsOfUntouchedRegisters) {
  ReplicaNumbers numbers;
  Record record;
  for (FieldId field = 1; field <= 3; ++field) {
    record.at(field, {}, kClass).state = written("bob:9"_dot, 5_at, integer(field), "ann:4"_ctx);
  }
  std::vector<Entry> writes;
  for (FieldId field = 1; field <= 2; ++field) {
    Entry write = record.entries[field - 1U];
    write.state = written("cyd:1"_dot, 6_at, integer(10), write.state.context);
    writes.push_back(write);
  }
  const Bytes bytes = encode_segment(record.entries, numbers);
  const Bytes joined = join_into_segment(bytes, writes, 7, numbers, nullptr).value();
  const std::vector<Entry> entries = decoded(joined, numbers);
  EXPECT_EQ(entries[0].state.context, "ann:4 bob:9 cyd:1"_ctx);
  EXPECT_EQ(entries[0].seq, 7U);
  EXPECT_EQ(entries[2], record.entries[2]);
}

TEST(SegmentJoin, RefusesWritesThatAreNotSorted) {
  ReplicaNumbers numbers;
  Record record;
  record.at(1, {}, kClass).state = written("ann:1"_dot, 5_at, integer(1), {});
  const std::vector<Entry> twice{record.entries[0], record.entries[0]};
  EXPECT_EQ(join_into_segment("", twice, 1, numbers, nullptr).error().code, Errc::kInvalidArgument);
}

// ---- Limits, at N and at N + 1 ----

Register of_siblings(std::size_t count) {
  Register state;
  for (std::size_t i = 0; i < count; ++i) {
    const ReplicaId replica = replica_named("r" + std::to_string(1000 + i));
    state = join(state, written(Dot{replica, 1}, 5_at, integer(1), {}));
  }
  return state;
}

Errc decode_fault(const Entry& entry) {
  ReplicaNumbers numbers;
  std::vector<Entry> entries;
  const Bytes bytes = encode_segment(std::span{&entry, 1}, numbers);
  const Status status = decode_segment(bytes, kClass, numbers, entries);
  return status ? Errc{} : status.error().code;
}

TEST(SegmentLimits, SiblingsEndAtTheirLimit) {
  Entry entry;
  entry.field = 1;
  entry.state = of_siblings(limits::kSiblingsMax);
  EXPECT_EQ(decode_fault(entry), Errc{});
  entry.state = of_siblings(limits::kSiblingsMax + 1);
  EXPECT_EQ(decode_fault(entry), Errc::kLimitExceeded);
}

TEST(SegmentLimits, AJoinRefusesTheSiblingPastTheLimit) {
  ReplicaNumbers numbers;
  Entry entry;
  entry.field = 1;
  entry.state = of_siblings(limits::kSiblingsMax - 1);
  const Bytes bytes = encode_segment(std::span{&entry, 1}, numbers);
  Entry write;
  write.field = 1;
  write.state = written("zoe:1"_dot, 5_at, integer(1), {});
  const Result<Bytes> full = join_into_segment(bytes, std::span{&write, 1}, 1, numbers, nullptr);
  ASSERT_TRUE(full);
  write.state = written("zzz:1"_dot, 5_at, integer(1), {});
  EXPECT_EQ(join_into_segment(*full, std::span{&write, 1}, 2, numbers, nullptr).error().code,
            Errc::kLimitExceeded);
}

TEST(SegmentLimits, ContextsEndAtTheirLimit) {
  Entry entry;
  entry.field = 1;
  entry.state.context = of_siblings(limits::kContextEntriesMax).context;
  EXPECT_EQ(decode_fault(entry), Errc{});
  entry.state.context = of_siblings(limits::kContextEntriesMax + 1).context;
  EXPECT_EQ(decode_fault(entry), Errc::kLimitExceeded);
}

TEST(SegmentLimits, KeysAndValuesEndAtTheirLimits) {
  Entry entry;
  entry.field = 1;
  entry.key = Bytes(limits::kKeyBytesMax, 'k');
  entry.state = written("ann:1"_dot, 5_at, Bytes(limits::kValueBytesMax, 'v'), {});
  EXPECT_EQ(decode_fault(entry), Errc{});
  entry.key += 'k';
  EXPECT_EQ(decode_fault(entry), Errc::kLimitExceeded);
  entry.key.clear();
  entry.state.siblings[0].value += 'v';
  EXPECT_EQ(decode_fault(entry), Errc::kLimitExceeded);
}

TEST(SegmentLimits, EntriesEndAtTheirLimit) {
  ReplicaNumbers numbers;
  std::vector<Entry> entries;
  for (std::size_t i = 0; i <= limits::kEntriesMax; ++i) {
    Entry entry;
    entry.field = 1;
    append_u64_big(entry.key, i + 1);
    entry.state = written("ann:1"_dot, 5_at, integer(1), {});
    entries.push_back(std::move(entry));
  }
  std::vector<Entry> out;
  const Entry last = entries.back();
  const Bytes over = encode_segment(entries, numbers);
  EXPECT_EQ(decode_segment(over, kClass, numbers, out).error().code, Errc::kLimitExceeded);
  entries.pop_back();
  const Bytes full = encode_segment(entries, numbers);
  EXPECT_TRUE(decode_segment(full, kClass, numbers, out));
  EXPECT_EQ(join_into_segment(full, std::span{&last, 1}, 1, numbers, nullptr).error().code,
            Errc::kLimitExceeded);
}

}  // namespace
}  // namespace satchel::sync
