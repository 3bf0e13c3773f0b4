// Reachable states: what replicas hold after random writes and deliveries. For tests only.
#pragma once

#include <string>
#include <vector>

#include "sync/merge/record.hpp"
#include "tests/support/literals.hpp"
#include "tests/support/seeds.hpp"

namespace satchel::test {

struct HistoryOptions {
  std::size_t replicas = 3;
  std::size_t steps = 24;
  FieldId plain_fields = 4;     // 1, 2, ...
  bool maps = true;             // Field 20, keys "k0" .. "k4".
  bool lowered_stamps = true;   // What the server does to stamps from the future.
};

// One record on several replicas. Each step is a commit (one to three registers under one dot) or
// the delivery of one register's or the whole record's state.
class History {
 public:
  History(Gen& gen, HistoryOptions options) : gen_(gen), options_(options) {
    static constexpr const char* kNames[] = {"cyd", "ann", "bob", "eve", "dan"};
    records_.resize(options_.replicas);
    for (std::size_t i = 0; i < options_.replicas; ++i) {
      names_.push_back(replica_named(kNames[i % 5] + std::string(i / 5, '+')));
      records_[i].collection = 7;
      records_[i].id = *RecordId::from_bytes("record-number-01");
    }
    commits_.resize(options_.replicas);
  }

  void run() {
    for (std::size_t i = 0; i < options_.steps; ++i) step();
  }
  void step() {
    const std::size_t at = gen_.below(options_.replicas);
    if (gen_.chance(45)) return commit(at);
    const std::size_t from = gen_.below(options_.replicas);
    const sync::Record& sender = records_[from];
    if (sender.entries.empty()) return;
    if (gen_.chance(30)) {
      records_[at] = join(records_[at], sender);
      return;
    }
    deliver(at, sender.entries[gen_.below(sender.entries.size())]);
  }

  [[nodiscard]] const std::vector<sync::Record>& records() const { return records_; }
  // A write that replica `at` would make now: sorted, under one dot. Does not change the history.
  std::vector<sync::Entry> next_writes(std::size_t at, std::size_t count) {
    sync::Record writes;
    const sync::Dot dot{names_[at], commits_[at] + 1};
    const sync::Stamp stamp = next_stamp();
    for (std::size_t i = 0; i < count; ++i) {
      const auto [field, key] = next_name();
      const sync::Entry* shown = records_[at].find(field, key);
      sync::Entry& entry = writes.at(field, key, PrivacyClass::kCompany);
      entry.state = sync::written(dot, stamp, next_value(),
                                  shown != nullptr ? shown->state.context : sync::Context{});
      entry.seq = ++seq_;
    }
    return writes.entries;
  }

 private:
  void commit(std::size_t at) {
    const std::vector<sync::Entry> writes = next_writes(at, 1 + gen_.below(3));
    ++commits_[at];
    for (const sync::Entry& write : writes) deliver(at, write);
  }
  void deliver(std::size_t at, sync::Entry entry) {
    if (options_.lowered_stamps && gen_.chance(10)) {
      for (auto& sibling : entry.state.siblings) sibling.stamp.bits -= sibling.stamp.bits / 4;
    }
    sync::Record carrier;
    carrier.collection = records_[at].collection;
    carrier.id = records_[at].id;
    carrier.entries.push_back(std::move(entry));
    records_[at] = join(records_[at], carrier);
  }
  std::pair<FieldId, Bytes> next_name() {
    const std::size_t choices = options_.plain_fields + (options_.maps ? 3U : 0U);
    const std::size_t choice = gen_.below(choices);
    if (choice < options_.plain_fields) return {static_cast<FieldId>(choice + 1), {}};
    return {FieldId{20}, text("k" + std::to_string(gen_.below(5)))};
  }
  Bytes next_value() {
    switch (gen_.below(5)) {
      case 0: return cleared();
      case 1: return boolean(gen_.chance(50));
      case 2: return integer(static_cast<std::int64_t>(gen_.below(1000)) - 500);
      default: return text(std::string(gen_.below(40), static_cast<char>('a' + gen_.below(26))));
    }
  }
  sync::Stamp next_stamp() {
    time_ += gen_.below(3);
    return sync::Stamp::at_ms(1'700'000'000'000 + time_);
  }

  Gen& gen_;
  HistoryOptions options_;
  std::vector<ReplicaId> names_;
  std::vector<sync::Record> records_;
  std::vector<sync::CommitNumber> commits_;
  Sequence seq_ = 0;
  std::uint64_t time_ = 0;
};

}  // namespace satchel::test
