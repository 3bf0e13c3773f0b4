// Every lattice obeys the laws. A new one joins the list and inherits them.
#include <algorithm>
#include <array>
#include <numeric>

#include <gtest/gtest.h>

#include "sync/merge/reading.hpp"
#include "tests/support/histories.hpp"

namespace satchel::sync {
namespace {

using namespace test;  // NOLINT: literals and generators of the tests.

constexpr std::size_t kOperations = 4;
constexpr std::array<const char*, 3> kReplicas{"bob", "ann", "cyd"};

// How a lattice takes part: what the write of operation `number` makes of what its author was
// shown, the same state with its stamps lowered, and the states that random histories reach.
template <class T>
struct Lattice;

template <>
struct Lattice<Context> {
  static Context write(const Context& shown, const Dot& dot, Stamp, std::size_t) {
    Context state = shown;
    state.observe(dot);
    return state;
  }
  static Context lowered(const Context& state) { return state; }
  static Context of(const Record& record) { return clock_of(record); }
};

Bytes value_of_operation(std::size_t number) {
  return number == 2 ? cleared() : integer(static_cast<std::int64_t>(number));
}

template <>
struct Lattice<Register> {
  static Register write(const Register& shown, const Dot& dot, Stamp stamp, std::size_t number) {
    return written(dot, stamp, value_of_operation(number), shown.context);
  }
  static Register lowered(Register state) {
    for (Sibling& sibling : state.siblings) sibling.stamp.bits /= 2;
    return state;
  }
  static Register of(const Record& record) {
    const Entry* entry = record.find(1);
    return entry != nullptr ? entry->state : Register{};
  }
};

template <>
struct Lattice<Record> {
  // One plain field and one map key: alone, together, alone, alone.
  static Record write(const Record& shown, const Dot& dot, Stamp stamp, std::size_t number) {
    Record message;
    const auto put = [&](FieldId field, const Bytes& key) {
      const Entry* entry = shown.find(field, key);
      message.at(field, key, PrivacyClass::kCompany).state = Lattice<Register>::write(
          entry != nullptr ? entry->state : Register{}, dot, stamp, number);
    };
    if (number != 2) put(1, {});
    if (number == 1 || number == 2) put(9, text("key"));
    return message;
  }
  static Record lowered(Record state) {
    for (Entry& entry : state.entries) entry.state = Lattice<Register>::lowered(entry.state);
    return state;
  }
  static Record of(const Record& record) { return record; }
};

// The messages of one history: operation k is by authors[k], who was shown his own earlier ones and
// those of the others that the bits of `seen` name, k (k - 1) / 2 of them before his.
template <class T>
std::vector<T> messages_of(const std::array<std::size_t, kOperations>& authors, unsigned seen) {
  std::vector<T> messages;
  std::array<CommitNumber, kReplicas.size()> commits{};
  unsigned bit = 0;
  for (std::size_t k = 0; k < kOperations; ++k) {
    T shown{};
    for (std::size_t earlier = 0; earlier < k; ++earlier, ++bit) {
      const bool delivered = (seen >> bit & 1U) != 0 || authors[earlier] == authors[k];
      if (delivered) shown = join(shown, messages[earlier]);
    }
    const Dot dot{replica_named(kReplicas[authors[k]]), ++commits[authors[k]]};
    // Clocks disagree: the later operation may have the lower stamp.
    const Stamp stamp = Stamp::at_ms(100 + 10 * k - 15 * authors[k]);
    messages.push_back(Lattice<T>::write(shown, dot, stamp, k));
  }
  return messages;
}

template <class Visit>
void for_each_history(Visit&& visit) {
  for (std::size_t code = 0; code < 81; ++code) {
    const std::array<std::size_t, kOperations> authors{code % 3, code / 3 % 3, code / 9 % 3,
                                                       code / 27};
    for (unsigned seen = 0; seen < 64; ++seen) visit(authors, seen);
  }
}

// Histories that differ only in who is called what: the first author is 0, the next new one 1, then
// 2.
bool is_first_naming(const std::array<std::size_t, kOperations>& authors) {
  std::size_t next = 0;
  for (const std::size_t author : authors) {
    if (author > next) return false;
    next = std::max(next, author + 1);
  }
  return true;
}

template <class T>
void insert_distinct(std::vector<T>& states, T state) {
  if (std::find(states.begin(), states.end(), state) == states.end()) {
    states.push_back(std::move(state));
  }
}

// Every state that some order of deliveries reaches, and each message with lowered stamps.
template <class T>
std::vector<T> states_of(const std::vector<T>& messages) {
  std::vector<T> states;
  for (unsigned subset = 0; subset < 16; ++subset) {
    T state{};
    for (std::size_t k = 0; k < messages.size(); ++k) {
      if ((subset >> k & 1U) != 0) state = join(state, messages[k]);
    }
    insert_distinct(states, std::move(state));
  }
  for (const T& message : messages) insert_distinct(states, Lattice<T>::lowered(message));
  return states;
}

template <class T>
bool laws_hold(const std::vector<T>& states) {
  const std::size_t count = states.size();
  std::vector<T> joins(count * count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) joins[i * count + j] = join(states[i], states[j]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (joins[i * count + i] != states[i]) return false;
    for (std::size_t j = i; j < count; ++j) {
      if (joins[i * count + j] != joins[j * count + i]) return false;
      for (std::size_t k = j; k < count; ++k) {
        const T left = join(joins[i * count + j], states[k]);
        if (left != join(states[i], joins[j * count + k])) return false;
      }
    }
  }
  return true;
}

template <class T>
class JoinLaws : public ::testing::Test {};
using Lattices = ::testing::Types<Context, Register, Record>;
TYPED_TEST_SUITE(JoinLaws, Lattices);

TYPED_TEST(JoinLaws, HoldOnEveryStateOfFourOperationsByThreeReplicas) {
  std::size_t histories = 0;
  for_each_history([&](const auto& authors, unsigned seen) {
    if (!is_first_naming(authors) || this->HasFailure()) return;
    ++histories;
    const auto states = states_of(messages_of<TypeParam>(authors, seen));
    ASSERT_TRUE(laws_hold(states)) << "authors " << ::testing::PrintToString(authors) << " seen "
                                   << seen;
  });
  EXPECT_EQ(histories, 14U * 64U);
}

TYPED_TEST(JoinLaws, EveryOrderOfDeliveryEndsInTheSameState) {
  for_each_history([&](const auto& authors, unsigned seen) {
    if (this->HasFailure()) return;
    const auto messages = messages_of<TypeParam>(authors, seen);
    TypeParam expected{};
    for (const TypeParam& message : messages) expected = join(expected, message);
    std::array<std::size_t, kOperations> order{};
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
      TypeParam state{};
      for (const std::size_t k : order) {
        state = join(state, messages[k]);
        state = join(messages[order[0]], state);  // Repeated: it must make no difference.
      }
      ASSERT_EQ(state, expected) << "authors " << ::testing::PrintToString(authors) << " seen "
                                 << seen << " order " << ::testing::PrintToString(order);
    } while (std::next_permutation(order.begin(), order.end()));
  });
}

TYPED_TEST(JoinLaws, HoldOnStatesOfRandomHistories) {
  for_each_seed([&](Gen& gen) {
    History history{gen, {.replicas = 3 + gen.below(3), .steps = 10 + gen.below(40)}};
    history.run();
    std::vector<TypeParam> states;
    for (const Record& record : history.records()) states.push_back(Lattice<TypeParam>::of(record));
    EXPECT_TRUE(laws_hold(states));
  });
}

TEST(JoinInvariants, ContextsCoverTheirSiblingsAndNoDotIsTwice) {
  for_each_seed([](Gen& gen) {
    History history{gen, {.replicas = 4, .steps = 60}};
    history.run();
    Record all = history.records()[0];
    for (const Record& record : history.records()) all = join(all, record);
    for (const Entry& entry : all.entries) {
      const auto& siblings = entry.state.siblings;
      for (std::size_t i = 0; i < siblings.size(); ++i) {
        EXPECT_TRUE(entry.state.context.covers(siblings[i].dot));
        EXPECT_TRUE(i == 0 || siblings[i - 1].dot < siblings[i].dot);
      }
    }
  });
}

TEST(JoinInvariants, JoiningInPlaceSaysWhetherAnythingChanged) {
  for_each_seed([](Gen& gen) {
    History history{gen, {.replicas = 3, .steps = 30, .plain_fields = 1, .maps = false}};
    history.run();
    for (const Record& a : history.records()) {
      for (const Record& b : history.records()) {
        Register into = Lattice<Register>::of(a);
        const Register before = into;
        const Register joined = join(before, Lattice<Register>::of(b));
        const bool changed = join_with(into, Lattice<Register>::of(b));
        EXPECT_EQ(into, joined);
        EXPECT_EQ(changed, joined != before);
      }
    }
  });
}

// A reading is a function of the state: not of sequences, nor of the way the state was reached.
TEST(Readings, DependOnTheStateAlone) {
  schema::StageTable table;
  table.stages = {"a", "b", "c", "d"};
  table.beats = {{1, 0}, {2, 0}};
  schema::FieldDef field;
  field.id = 1;
  field.stages = std::make_shared<const schema::StageTable>(table);
  field.type.element = std::make_shared<const schema::Type>();
  for_each_seed([&](Gen& gen) {
    History history{gen, {.replicas = 4, .steps = 40, .plain_fields = 1, .maps = false}};
    history.run();
    std::vector<Record> records = history.records();
    Record forth;
    for (const Record& record : records) forth = join(forth, record);
    Record back;
    std::reverse(records.begin(), records.end());
    for (const Record& record : records) back = join(back, record);
    for (Entry& entry : back.entries) entry.seq = gen.next();
    for (int rule = 1; rule <= 15; ++rule) {
      field.rule = static_cast<schema::Rule>(rule);
      const FieldReading a = read_field(field, forth.of_field(1));
      const FieldReading b = read_field(field, back.of_field(1));
      EXPECT_EQ(a.present, b.present);
      EXPECT_EQ(a.value, b.value);
      EXPECT_EQ(a.items, b.items);
      EXPECT_EQ(a.flagged, b.flagged);
      EXPECT_EQ(a.contested, b.contested);
      EXPECT_EQ(a.winners, b.winners);
      EXPECT_EQ(a.losers, b.losers);
      const std::size_t siblings =
          forth.find(1) == nullptr ? 0 : forth.find(1)->state.siblings.size();
      EXPECT_EQ(a.winners.size() + a.losers.size(), siblings);
    }
  });
}

}  // namespace
}  // namespace satchel::sync
