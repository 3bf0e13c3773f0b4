#include "sync/commit/body.hpp"

#include <functional>

#include <gtest/gtest.h>

#include "schema/model/limits.hpp"
#include "schema/model/value.hpp"
#include "schema/model/varint.hpp"
#include "tests/support/literals.hpp"
#include "tests/support/wire_samples.hpp"

namespace satchel::sync {
namespace {

using namespace test::literals;
using test::Gen;
using test::WireSamples;

Bytes integer(std::int64_t i) { return encode_value(Value{i}); }
RegisterWrite write_of(FieldId field, WriteOp op, Bytes value, Context shown = {}) {
  return {field, op, {}, PrivacyClass::kCompany, std::move(value), std::move(shown)};
}
CommitBody body_of(std::vector<RegisterWrite> writes) {
  return CommitBody{
      {RecordWrite{77, *RecordId::from_bytes("record-number-01"), true, std::move(writes)}}};
}
Errc error_of(const Result<CommitBody>& body) {
  return body.has_error() ? body.error().code : Errc{};
}

TEST(CommitBody, ComesBackAsItWasWritten) {
  test::for_each_seed([](Gen& gen) {
    const CommitBody body = WireSamples{gen}.body();
    const auto sections = encode_body(body);
    const auto back = decode_body(sections);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, body);
  });
}

TEST(CommitBody, KeepsEachClassInASectionOfItsOwn) {
  auto secret = write_of(5, WriteOp::kState, encode_value(Value{"needle"}));
  secret.privacy = PrivacyClass::kSpecial;
  const auto sections = encode_body(body_of({write_of(4, WriteOp::kState, integer(1)), secret}));
  ASSERT_EQ(sections.size(), 3U);
  EXPECT_EQ(sections[0].privacy, PrivacyClass::kStructure);
  EXPECT_EQ(sections[1].privacy, PrivacyClass::kCompany);
  EXPECT_EQ(sections[2].privacy, PrivacyClass::kSpecial);
  EXPECT_EQ(sections[0].bytes.find("needle"), Bytes::npos);
  EXPECT_EQ(sections[1].bytes.find("needle"), Bytes::npos);
  EXPECT_NE(sections[2].bytes.find("needle"), Bytes::npos);
}

TEST(CommitBody, HasItsStructureSectionEvenWhenItWritesNothing) {
  const auto sections = encode_body(CommitBody{});
  ASSERT_EQ(sections.size(), 1U);
  EXPECT_EQ(*decode_body(sections), CommitBody{});
  EXPECT_EQ(error_of(decode_body({})), Errc::kCommitInvalid);
}

TEST(CommitBody, RefusesNewerFormats) {
  auto sections = encode_body(body_of({write_of(4, WriteOp::kState, integer(1))}));
  for (wire::Section& section : sections) {
    const char format = section.bytes[0];
    section.bytes[0] = 2;
    EXPECT_EQ(error_of(decode_body(sections)), Errc::kRecordNewer);
    section.bytes[0] = format;
  }
  EXPECT_TRUE(decode_body(sections));
}

TEST(CommitBody, RefusesRepeatedRecordsRegistersAndSections) {
  CommitBody twice = body_of({});
  twice.records.push_back(twice.records.front());
  EXPECT_EQ(error_of(decode_body(encode_body(twice))), Errc::kCommitInvalid);
  auto write = write_of(4, WriteOp::kState, integer(1));
  EXPECT_EQ(error_of(decode_body(encode_body(body_of({write, write})))), Errc::kCommitInvalid);
  auto other_class = write;
  other_class.privacy = PrivacyClass::kPersonal;
  EXPECT_EQ(error_of(decode_body(encode_body(body_of({write, other_class})))),
            Errc::kCommitInvalid);
  auto sections = encode_body(body_of({write}));
  sections.push_back(sections.back());
  EXPECT_EQ(error_of(decode_body(sections)), Errc::kCommitInvalid);
}

TEST(CommitBody, ValuesKeysAndContextsEndAtTheirLimits) {
  const auto with = [](const std::function<void(RegisterWrite&)>& change) {
    auto write = write_of(4, WriteOp::kState, integer(1));
    change(write);
    return error_of(decode_body(encode_body(body_of({write}))));
  };
  const auto value = [&](std::size_t size) {
    return with([&](auto& w) { w.value = Bytes(size, 'v'); });
  };
  const auto key = [&](std::size_t size) {
    return with([&](auto& w) { w.key = Bytes(size, 'k'); });
  };
  const auto context = [&](std::size_t size) {
    return with([&](auto& w) {
      for (std::size_t i = 0; i < size; ++i) {
        w.shown.observe({test::replica_named("r" + std::to_string(i)), 1});
      }
    });
  };
  EXPECT_EQ(value(limits::kValueBytesMax), Errc{});
  EXPECT_EQ(value(limits::kValueBytesMax + 1), Errc::kLimitExceeded);
  EXPECT_EQ(key(limits::kKeyBytesMax), Errc{});
  EXPECT_EQ(key(limits::kKeyBytesMax + 1), Errc::kLimitExceeded);
  EXPECT_EQ(context(limits::kContextEntriesMax), Errc{});
  EXPECT_EQ(context(limits::kContextEntriesMax + 1), Errc::kLimitExceeded);
}

TEST(CommitBody, RecordsEndAtTheirLimit) {
  CommitBody body;
  for (std::uint64_t i = 0; i < limits::kCommitRecordsMax; ++i) {
    Bytes id(8, '\0');
    append_u64_big(id, i);
    body.records.push_back({77, *RecordId::from_bytes(id), false, {}});
  }
  EXPECT_EQ(error_of(decode_body(encode_body(body))), Errc{});
  body.records.push_back({77, *RecordId::from_bytes("record-number-01"), false, {}});
  EXPECT_EQ(error_of(decode_body(encode_body(body))), Errc::kLimitExceeded);
}

TEST(CommitBody, RepeatedContextsCannotSwellBeyondTheirLimit) {
  // One context of 256 replicas, then writes that repeat it in one bit each.
  Context wide;
  for (std::size_t i = 0; i < limits::kContextEntriesMax; ++i) {
    wide.observe({test::replica_named("r" + std::to_string(i)), 1});
  }
  const auto body_with = [&](std::size_t writes) {
    std::vector<RegisterWrite> list;
    for (std::size_t i = 0; i < writes; ++i) {
      list.push_back(write_of(static_cast<FieldId>(i), WriteOp::kState, integer(1), wide));
    }
    return error_of(decode_body(encode_body(body_of(std::move(list)))));
  };
  const std::size_t most = limits::kCommitContextEntriesMax / limits::kContextEntriesMax;
  EXPECT_EQ(body_with(most), Errc{});
  EXPECT_EQ(body_with(most + 1), Errc::kLimitExceeded);
}

TEST(ContentHash, CoversWhatIsSaidAndNotWhoSaysItWhen) {
  Gen gen{3};
  WireSamples samples{gen};
  wire::CommitHeader header = samples.header();
  header.extras = {{1, "extra"}};
  header.origin = {samples.id<ReplicaId>(), 7, Bytes(wire::kContentHashBytes, 'h')};
  header.based_on.epochs = {{"all", 4}};
  const std::vector<wire::Section> sections{
      {PrivacyClass::kStructure, 1, {samples.id<SubjectRef>()}, "structure"},
      {PrivacyClass::kCompany, 2, {}, "company"}};
  const Bytes hash = content_hash(header, sections);
  EXPECT_EQ(hash.size(), 32U);
  using Change = std::function<void(wire::CommitHeader&, std::vector<wire::Section>&)>;
  const std::vector<Change> outside{[](auto& h, auto&) { h.replica.octets[3] ^= 1; },
                                    [](auto& h, auto&) { h.number += 1; },
                                    [](auto& h, auto&) { h.stamp += 1; },
                                    [](auto& h, auto&) { h.receipt += "x"; },
                                    [](auto& h, auto&) { h.signature += "x"; },
                                    [](auto& h, auto&) { h.content_hash += "x"; }};
  const std::vector<Change> inside{[](auto& h, auto&) { h.actor += "x"; },
                                   [](auto& h, auto&) { h.purpose += "x"; },
                                   [](auto& h, auto&) { std::swap(h.actor, h.purpose); },
                                   [](auto& h, auto&) { h.bundle_version += 1; },
                                   [](auto& h, auto&) { h.schema_hash += "x"; },
                                   [](auto& h, auto&) { h.based_on.incarnation.octets[0] ^= 1; },
                                   [](auto& h, auto&) { h.based_on.seq += 1; },
                                   [](auto& h, auto&) { h.based_on.epochs[0].first += "x"; },
                                   [](auto& h, auto&) { h.based_on.epochs[0].second += 1; },
                                   [](auto& h, auto&) { h.based_on.epochs.clear(); },
                                   [](auto& h, auto&) { h.extras[0].first += 1; },
                                   [](auto& h, auto&) { h.extras[0].second += "x"; },
                                   [](auto& h, auto&) { h.extras.clear(); },
                                   [](auto& h, auto&) { h.origin.reset(); },
                                   [](auto& h, auto&) { h.origin->replica.octets[0] ^= 1; },
                                   [](auto& h, auto&) { h.origin->number += 1; },
                                   [](auto& h, auto&) { h.origin->content_hash[0] = 'i'; },
                                   [](auto&, auto& s) { s[0].privacy = PrivacyClass::kPublic; },
                                   [](auto&, auto& s) { s[0].generation += 1; },
                                   [](auto&, auto& s) { s[0].subjects[0].octets[0] ^= 1; },
                                   [](auto&, auto& s) { s[0].subjects.clear(); },
                                   [](auto&, auto& s) { s[1].bytes += "x"; },
                                   [](auto&, auto& s) { s.pop_back(); },
                                   [](auto&, auto& s) { std::swap(s[0], s[1]); }};
  for (std::size_t i = 0; i < outside.size() + inside.size(); ++i) {
    auto changed_header = header;
    auto changed_sections = sections;
    const bool is_inside = i >= outside.size();
    (is_inside ? inside[i - outside.size()] : outside[i])(changed_header, changed_sections);
    EXPECT_EQ(content_hash(changed_header, changed_sections) != hash, is_inside) << "change " << i;
  }
}

TEST(CompletedKey, NamesTheAuthorAndThePlace) {
  const Dot dot = "ann:258"_dot;
  const Bytes ann{dot.replica.bytes()};
  auto write = write_of(4, WriteOp::kState, integer(1));
  write.key = "key";
  EXPECT_EQ(completed_key(write, dot), "key");
  write.key.clear();
  for (const WriteOp op : {WriteOp::kIncrement, WriteOp::kMaximum, WriteOp::kMinimum}) {
    write.op = op;
    EXPECT_EQ(completed_key(write, dot), ann);
  }
  write.op = WriteOp::kAppend;
  write.key = Bytes("\0\7", 2);
  EXPECT_EQ(completed_key(write, dot), ann + Bytes("\0\0\0\0\0\0\1\2\0\7", 10));
}

struct Applied {
  Record record;
  Entry& apply(WriteOp op, const Bytes& value, const Dot& dot, const Context& shown = {}) {
    return apply_write(record, write_of(4, op, value, shown), dot, Stamp{dot.commit});
  }
};

TEST(ApplyWrite, AStateReplacesWhatItsAuthorWasShownAndNothingElse) {
  Applied on;
  on.apply(WriteOp::kState, integer(1), "ann:1"_dot);
  on.apply(WriteOp::kState, integer(2), "bob:1"_dot);
  const Entry& entry = on.apply(WriteOp::kState, integer(3), "ann:2"_dot, "ann:1"_ctx);
  ASSERT_EQ(entry.state.siblings.size(), 2U);
  EXPECT_EQ(entry.state.siblings[0].dot, "ann:2"_dot);
  EXPECT_EQ(entry.state.siblings[1].dot, "bob:1"_dot);
  EXPECT_EQ(entry.state.context, "ann:2 bob:1"_ctx);
  EXPECT_EQ(entry.privacy, PrivacyClass::kCompany);
}

TEST(ApplyWrite, IncrementsAddToTheAuthorsOwnRegister) {
  Applied on;
  on.apply(WriteOp::kIncrement, integer(5), "ann:1"_dot);
  on.apply(WriteOp::kIncrement, integer(100), "bob:4"_dot);
  const Entry& entry = on.apply(WriteOp::kIncrement, integer(-2), "ann:7"_dot);
  ASSERT_EQ(on.record.entries.size(), 2U);
  ASSERT_EQ(entry.state.siblings.size(), 1U);
  EXPECT_EQ(entry.key, Bytes{"ann:1"_dot.replica.bytes()});
  EXPECT_EQ(entry.state.siblings[0].value, integer(3));
  EXPECT_EQ(entry.state.siblings[0].dot, "ann:7"_dot);
  EXPECT_EQ(entry.state.context, "ann:7"_ctx);
}

TEST(ApplyWrite, IncrementsStopAtTheEndsOfTheirType) {
  Applied on;
  on.apply(WriteOp::kIncrement, integer(INT64_MAX - 1), "ann:1"_dot);
  EXPECT_EQ(on.apply(WriteOp::kIncrement, integer(5), "ann:2"_dot).state.siblings[0].value,
            integer(INT64_MAX));
}

TEST(ApplyWrite, CandidatesNeverTurnTheExtremeBack) {
  Applied high;
  high.apply(WriteOp::kMaximum, integer(5), "ann:1"_dot);
  EXPECT_EQ(high.apply(WriteOp::kMaximum, integer(3), "ann:2"_dot).state.siblings[0].value,
            integer(5));
  EXPECT_EQ(high.apply(WriteOp::kMaximum, integer(9), "ann:3"_dot).state.siblings[0].value,
            integer(9));
  Applied low;
  low.apply(WriteOp::kMinimum, integer(5), "ann:1"_dot);
  EXPECT_EQ(low.apply(WriteOp::kMinimum, integer(9), "ann:2"_dot).state.siblings[0].value,
            integer(5));
  EXPECT_EQ(low.apply(WriteOp::kMinimum, integer(-3), "ann:3"_dot).state.siblings[0].value,
            integer(-3));
}

TEST(ApplyWrite, AWithheldRegisterBecomesVisibleToWhoWritesIt) {
  Applied on;
  on.record.at(4, {}, PrivacyClass::kCompany).withheld = true;
  EXPECT_FALSE(on.apply(WriteOp::kState, integer(1), "ann:1"_dot).withheld);
}

}  // namespace
}  // namespace satchel::sync
