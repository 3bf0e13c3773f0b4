// Ten thousand random operations against a model that cannot be wrong: std::map.
#include <algorithm>
#include <iostream>
#include <map>

#include "tests/contract/store_engines.hpp"

namespace satchel::sync::contract {
namespace {

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("SATCHEL_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20240611;
}

constexpr Table kTables[] = {Table::kMeta, Table::kCommits, Table::kOutbox, Table::kScopes};

struct Model {
  struct Stored {
    std::uint64_t id = 0;
    Bytes header;
    std::map<PrivacyClass, Bytes> segments;
  };
  std::map<std::pair<Table, Bytes>, Bytes> rows;
  std::map<RecordNumber, Stored> records;
  std::map<std::uint64_t, RecordNumber> numbers;
};

class StoreModel : public testing::TestWithParam<EngineKind> {
 protected:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  Bytes some_bytes() {
    const std::uint64_t size = below(40) == 0 ? below(9000) : below(120);
    Bytes bytes(size, '\0');
    for (char& octet : bytes) octet = static_cast<char>(random_());
    return bytes;
  }
  Bytes some_key() {
    return "key" + std::to_string(below(200)) + Bytes(below(30) == 0 ? 300 : 0, 'k');
  }

  void put_record(WriteTxn& txn) {
    const std::uint64_t id = below(300);
    const auto number = txn.number_for(record_id(id));
    ASSERT_OK(number);
    const auto known = model_.numbers.find(id);
    if (known != model_.numbers.end()) { ASSERT_EQ(known->second, *number); }
    model_.numbers[id] = *number;
    std::vector<StoredRecord> found;
    ASSERT_OK(txn.find_many(std::vector{*number}, found));
    Model::Stored& stored = model_.records[*number];
    ASSERT_EQ(found[0].number != 0, stored.id != 0);
    stored.id = id + 1;
    found[0].number = *number;
    found[0].header = stored.header = some_bytes();
    // One class anew or one class away; the others are carried over as they lie.
    const auto privacy = static_cast<PrivacyClass>(1 + below(5));
    const auto same = [&](const Segment& part) { return part.privacy == privacy; };
    auto& segments = found[0].segments;
    segments.erase(std::remove_if(segments.begin(), segments.end(), same), segments.end());
    stored.segments.erase(privacy);
    if (below(4) > 0) {
      stored.segments[privacy] = some_bytes();
      const auto after = [&](const Segment& part) { return part.privacy > privacy; };
      segments.insert(std::find_if(segments.begin(), segments.end(), after),
                      segment(privacy, stored.segments[privacy]));
    }
    ASSERT_OK(txn.put_many(found));
  }
  void erase_record(WriteTxn& txn) {
    if (model_.records.empty()) return;
    auto at = model_.records.lower_bound(below(model_.records.rbegin()->first + 1));
    const std::uint64_t id = at->second.id - 1;
    ASSERT_OK(txn.erase_record(at->first, record_id(id)));
    model_.numbers.erase(id);
    model_.records.erase(at);
  }
  void one_operation(WriteTxn& txn) {
    const Table table = kTables[below(std::size(kTables))];
    const std::uint64_t choice = below(10);
    if (choice < 4) {
      const Bytes key = some_key();
      const Bytes value = some_bytes();
      ASSERT_OK(txn.put(table, key, value, static_cast<PrivacyClass>(below(9))));
      model_.rows[{table, key}] = value;
    } else if (choice < 6) {
      const Bytes key = some_key();
      ASSERT_OK(txn.erase(table, key));
      model_.rows.erase({table, key});
    } else if (choice < 9) {
      put_record(txn);
    } else {
      erase_record(txn);
    }
  }

  void expect_equal(ReadTxn& txn) {
    std::map<std::pair<Table, Bytes>, Bytes> rows;
    for (const Table table : kTables) {
      ASSERT_OK(txn.scan(table, "", [&](ByteView key, ByteView value) {
        rows[{table, Bytes{key}}] = value;
        return true;
      }));
    }
    ASSERT_EQ(rows, model_.rows);
    auto expected = model_.records.begin();
    ASSERT_OK(txn.scan_records(0, [&](StoredRecord& stored) {
      EXPECT_NE(expected, model_.records.end());
      if (expected == model_.records.end()) return false;
      EXPECT_EQ(stored.number, expected->first);
      EXPECT_EQ(stored.header, expected->second.header);
      std::map<PrivacyClass, Bytes> segments;
      for (const Segment& part : stored.segments) {
        segments[part.privacy] = *txn.open_segment(stored, part);
      }
      EXPECT_EQ(segments, expected->second.segments);
      ++expected;
      return !HasFailure();
    }));
    ASSERT_EQ(expected, model_.records.end());
    ASSERT_EQ(*txn.count_records(), model_.records.size());
    for (std::uint64_t id = 0; id < 300; ++id) {
      const auto known = model_.numbers.find(id);
      const RecordNumber number = known == model_.numbers.end() ? 0 : known->second;
      ASSERT_EQ(txn.find_numbers(std::vector{record_id(id)})->at(0), number);
    }
  }

  Model model_;
  std::mt19937_64 random_;
};

TEST_P(StoreModel, TenThousandRandomOperationsLeaveWhatTheModelHolds) {
  const std::uint64_t seed = seed_of_this_run();
  std::cout << "SEED=" << seed << "\n";
  SCOPED_TRACE("seed=" + std::to_string(seed));
  random_.seed(seed);
  const auto engine = GetParam().make();
  auto store = std::move(*engine->open());
  for (int done = 0; done < 10'000;) {
    const Model before = model_;
    const auto txn = std::move(*store->begin_write());
    const std::uint64_t count = 1 + below(60);
    for (std::uint64_t i = 0; i < count && !HasFatalFailure(); ++i, ++done) one_operation(*txn);
    if (HasFatalFailure()) return;
    const bool rolled_back = below(8) == 0;
    if (below(10) == 0) expect_equal(*txn);
    if (rolled_back) {
      model_ = before;
    } else {
      ASSERT_OK(txn->commit());
    }
    if (HasFatalFailure()) return;
    if (below(15) == 0 && !rolled_back) {
      store->numbers().number_of(*ReplicaId::from_bytes(Bytes(16, static_cast<char>(random_()))));
    }
  }
  for (int round = 0; round < 2 && !HasFatalFailure(); ++round) {
    expect_equal(*std::move(*store->begin_read()));
    const auto report = store->check();
    ASSERT_OK(report);
    EXPECT_EQ(report->bad, std::vector<std::string>{});
    EXPECT_GE(report->values, model_.rows.size() + model_.records.size());
    store.reset();
    store = std::move(*engine->open());
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreModel, testing::ValuesIn(all_engines()),
                         [](const auto& kind) { return std::string{kind.param.name}; });

}  // namespace
}  // namespace satchel::sync::contract
