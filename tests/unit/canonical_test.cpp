// The canonical form of records, and the way of a record into a store's segments and back.
#include <gtest/gtest.h>

#include "schema/model/limits.hpp"
#include "sync/merge/life.hpp"
#include "sync/record/canonical.hpp"
#include "sync/record/header.hpp"
#include "tests/support/fields.hpp"
#include "tests/support/histories.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and field definitions of the tests.
using schema::CollectionDef;
using schema::Kind;
using schema::Rule;

CollectionDef accounts() {
  CollectionDef collection;
  collection.name = "accounts";
  const auto add = [&](Rule rule, schema::Type type, const char* name) {
    const auto id = static_cast<FieldId>(collection.fields.size() + 1);
    collection.fields.push_back(field_of(rule, std::move(type), name, id));
  };
  add(Rule::kMulti, type_of(Kind::kText), "name");  // 1
  add(Rule::kMulti, struct_of("Address", {{"street", Kind::kText}, {"city", Kind::kText}}),
      "address");                                                    // 2
  add(Rule::kSet, list_of(Kind::kText), "tags");                     // 3
  add(Rule::kMap, map_of(Kind::kText, Kind::kText), "externalIds");  // 4
  add(Rule::kCounter, type_of(Kind::kInteger), "visitCount");        // 5
  add(Rule::kMax, type_of(Kind::kInteger), "lastVisitAt");           // 6
  add(Rule::kLog, list_of(Kind::kText), "notes");                    // 7
  add(Rule::kLww, type_of(Kind::kText), "website");                  // 8
  return collection;
}

Record empty_account() {
  Record record;
  record.id = parse_record_id("018f3c5e-7b1a-7c3d-9e4f-0123456789ab").value();
  return record;
}

void put(Record& record, FieldId field, Bytes value, const Bytes& key = {},
         const Dot& dot = "ann:1"_dot) {
  Entry& entry = record.at(field, key, PrivacyClass::kCompany);
  join_with(entry.state, written(dot, 5_at, std::move(value), {}));
}

std::string fields_of(const Record& record) { return canonical_fields(accounts(), record); }

TEST(Canonical, NamesCollectionFieldsAndId) {
  Record record = empty_account();
  put(record, 1, text("Northwind"));
  EXPECT_EQ(canonical_record(accounts(), record),
            R"({"collection":"accounts","fields":{"name":"Northwind"},)"
            R"("id":"018f3c5e-7b1a-7c3d-9e4f-0123456789ab"})");
}

TEST(Canonical, SortsFieldsByNameAndLeavesAbsentOnesOut) {
  Record record = empty_account();
  put(record, 8, text("w"));
  put(record, 1, cleared());
  put(record, 2, encode_value(Value{StructMembers{{0, Value{"Quay 1"}}, {1, Value{"Kiel"}}}}));
  EXPECT_EQ(fields_of(record), R"({"address":{"city":"Kiel","street":"Quay 1"},"website":"w"})");
}

TEST(Canonical, SortsSetsByElementAndNotByTheLengthOfItsBytes) {
  Record record = empty_account();
  for (const char* tag : {"b", "aa", "c"}) put(record, 3, boolean(true), text(tag));
  put(record, 3, cleared(), text("d"));
  EXPECT_EQ(fields_of(record), R"({"tags":["aa","b","c"]})");
}

TEST(Canonical, SortsMapsByTheTextOfTheirKeys) {
  Record record = empty_account();
  put(record, 4, text("2"), text("b"));
  put(record, 4, text("1"), text("aa"));
  EXPECT_EQ(fields_of(record), R"({"externalIds":{"aa":"1","b":"2"}})");
}

TEST(Canonical, WritesCountersAndExtremesAsNumbers) {
  Record record = empty_account();
  const Bytes ann{"ann"_replica.bytes()};
  const Bytes bob{"bob"_replica.bytes()};
  put(record, 5, integer(INT64_MAX - 1), ann);
  put(record, 5, integer(1), bob, "bob:1"_dot);
  put(record, 6, integer(4), ann);
  put(record, 6, integer(9), bob, "bob:1"_dot);
  EXPECT_EQ(fields_of(record), R"({"lastVisitAt":9,"visitCount":9223372036854775807})");
}

TEST(Canonical, WritesLogsInKeyOrder) {
  Record record = empty_account();
  const auto key = [](const char* replica, char commit) {
    return Bytes{replica_named(replica).bytes()} + std::string(7, '\0') + commit +
           std::string(2, '\0');
  };
  put(record, 7, text("b1"), key("bob", 1), "bob:1"_dot);
  put(record, 7, text("a2"), key("ann", 2), "ann:2"_dot);
  put(record, 7, text("a1"), key("ann", 1));
  EXPECT_EQ(fields_of(record), R"({"notes":["a1","a2","b1"]})");
}

TEST(Canonical, LeavesFieldsOfANewerSchemaOut) {
  Record record = empty_account();
  put(record, 99, text("new"));
  EXPECT_EQ(fields_of(record), "{}");
}

TEST(Canonical, ClocksShowEverySiblingContextAndMark) {
  Record record = empty_account();
  put(record, 1, text("a"));
  put(record, 1, text("b"), {}, "bob:2"_dot);
  record.at(8, {}, PrivacyClass::kCompany).withheld = true;
  put(record, 99, integer(1));
  put(record, kLifeField, alive_life());
  const std::string ann = "616e6e00000000000000000000000000";
  const std::string bob = "626f6200000000000000000000000000";
  const std::string own = R"({"context":{")" + ann + R"(":1},"siblings":[{"dot":")" + ann +
                          R"(:1","stamp":"5:0","value":)";
  EXPECT_EQ(canonical_record(accounts(), record, {.clocks = true}),
            R"({"clocks":{"@99":)" + own + R"("@0302"}]},"name":{"context":{")" + ann + R"(":1,")" +
                bob + R"(":2},"siblings":[{"dot":")" + ann +
                R"(:1","stamp":"5:0","value":"a"},{"dot":")" + bob +
                R"(:2","stamp":"5:0","value":"b"}]},"website":{"withheld":true}},)" +
                R"("collection":"accounts","fields":{"name":"b"},)" +
                R"("id":"018f3c5e-7b1a-7c3d-9e4f-0123456789ab","life":)" + own + R"("@02"}]}})");
}

TEST(Canonical, NamesWithheldAndConflictingFields) {
  Record record = empty_account();
  put(record, 1, text("a"));
  put(record, 1, text("b"), {}, "bob:2"_dot);
  record.at(8, {}, PrivacyClass::kCompany).withheld = true;
  EXPECT_EQ(withheld_fields(accounts(), record), std::vector<std::string>{"website"});
  EXPECT_EQ(conflicting_fields(accounts(), record), std::vector<std::string>{"name"});
}

// ---- Into a store and back ----

RecordHeader header_of(const Record& record) {
  RecordHeader header;
  header.collection = 77;
  header.id = record.id;
  header.life = Entry{};
  header.life->field = kLifeField;
  header.life->privacy = PrivacyClass::kStructure;
  header.life->seq = 12;
  header.life->state = written("ann:1"_dot, 5_at, alive_life(), {});
  header.extras = "of a later version";
  return header;
}

TEST(RecordHeader, DecodesToWhatWasEncoded) {
  ReplicaNumbers numbers;
  RecordHeader header = header_of(empty_account());
  EXPECT_EQ(decode_header(encode_header(header, numbers), numbers).value(), header);
  header.life.reset();
  EXPECT_EQ(decode_header(encode_header(header, numbers), numbers).value(), header);
}

TEST(RecordHeader, OfANewerFormatIsToldApart) {
  ReplicaNumbers numbers;
  Bytes bytes = encode_header(header_of(empty_account()), numbers);
  bytes[0] = 2;
  EXPECT_EQ(decode_header(bytes, numbers).error().code, Errc::kRecordNewer);
}

TEST(RecordHeader, OfHostileBytesIsRefusedOrCanonical) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers numbers;
    const Bytes bytes = encode_header(header_of(empty_account()), numbers);
    for (int round = 0; round < 50; ++round) {
      Bytes hostile = bytes.substr(0, gen.chance(20) ? gen.below(bytes.size()) : bytes.size());
      if (!hostile.empty()) hostile[gen.below(hostile.size())] = static_cast<char>(gen.next());
      const Result<RecordHeader> header = decode_header(hostile, numbers);
      EXPECT_TRUE(!header || encode_header(*header, numbers) == hostile);
    }
  });
}

// Opens nothing: its segments come plain.
class NoStore final : public ReadTxn {
 public:
  Result<std::optional<Bytes>> find(Table, ByteView) override { return unused(); }
  Status scan(Table, ByteView, const RowVisitor&) override { return unused(); }
  Status scan_keys(Table, ByteView, const KeyVisitor&) override { return unused(); }
  Result<std::vector<RecordNumber>> find_numbers(std::span<const RecordId>) override {
    return unused();
  }
  Status find_many(std::span<const RecordNumber>, std::vector<StoredRecord>&) override {
    return unused();
  }
  Status scan_records(RecordNumber, const RecordVisitor&) override { return unused(); }
  Result<RecordNumber> last_record() override { return unused(); }
  Result<Bytes> open_segment(const StoredRecord&, const Segment& segment) override {
    if (segment.privacy == PrivacyClass::kSpecial) return Error{Errc::kClassLocked, {}};
    return Error{Errc::kStoreCorrupt, {}};
  }
  Result<std::uint64_t> count_records() override { return unused(); }

 private:
  static Error unused() { return Error{Errc::kInternal, "not part of this test"}; }
};

TEST(StoredRecord, GivesBackTheRecordThatWentIn) {
  for_each_seed([](Gen& gen) {
    ReplicaNumbers numbers;
    History history{gen, {.replicas = 3, .steps = 30}};
    history.run();
    Record record = history.records()[0];
    for (Entry& entry : record.entries) {
      entry.privacy = static_cast<PrivacyClass>(1 + entry.field % 4);
    }
    record.at(kLifeField, {}, PrivacyClass::kStructure).state =
        written("ann:1"_dot, 5_at, alive_life(), {});
    const StoredRecord stored = to_stored(record, 9, numbers);
    EXPECT_EQ(stored.number, 9U);
    NoStore store;
    EXPECT_EQ(open_record(store, stored, numbers).value(), record);
  });
}

TEST(StoredRecord, OpensWithoutTheClassesThatAreLocked) {
  ReplicaNumbers numbers;
  Record record = empty_account();
  record.at(1, {}, PrivacyClass::kPersonal).state = written("ann:1"_dot, 5_at, text("n"), {});
  record.at(2, {}, PrivacyClass::kSpecial).state = written("ann:1"_dot, 5_at, text("s"), {});
  StoredRecord stored = to_stored(record, 9, numbers);
  NoStore store;
  stored.find(PrivacyClass::kSpecial)->sealed = true;
  const Record opened = open_record(store, stored, numbers).value();
  ASSERT_EQ(opened.entries.size(), 1U);
  EXPECT_EQ(opened.entries[0], record.entries[0]);
  stored.find(PrivacyClass::kPersonal)->sealed = true;
  EXPECT_EQ(open_record(store, stored, numbers).error().code, Errc::kStoreCorrupt);
}

TEST(RecordLimits, AreToldAtNPlusOne) {
  Record record = empty_account();
  Entry& entry = record.at(1, {}, PrivacyClass::kCompany);
  for (std::size_t i = 0; i < limits::kSiblingsMax; ++i) {
    const Dot dot{replica_named("r" + std::to_string(100 + i)), 1};
    join_with(entry.state, written(dot, 5_at, integer(1), {}));
  }
  EXPECT_TRUE(within_limits(record));
  join_with(entry.state, written("zoe:1"_dot, 5_at, integer(1), {}));
  EXPECT_EQ(within_limits(record).error().code, Errc::kLimitExceeded);
}

}  // namespace
}  // namespace satchel::sync
