// The order of values, and sums that stop at the end of their type.
#include <gtest/gtest.h>

#include "sync/merge/compare.hpp"
#include "sync/merge/total.hpp"

namespace satchel::sync {
namespace {

TEST(CompareValues, OrdersIntegersAndFloatsAsNumbers) {
  EXPECT_TRUE(compare_values(Value{std::int64_t{1}}, Value{1.5}) < 0);
  EXPECT_TRUE(compare_values(Value{std::int64_t{9007199254740993}}, Value{9007199254740992.0}) > 0);
  EXPECT_TRUE(compare_values(Value{-1.5}, Value{std::int64_t{-1}}) < 0);
  // A total order: equal numbers.
  EXPECT_TRUE(compare_values(Value{std::int64_t{1}}, Value{1.0}) < 0);
}

TEST(CompareValues, OrdersTextByUtf16) {
  // U+1F600 is a surrogate pair D83D DE00 and so comes before U+FF5E.
  EXPECT_TRUE(compare_utf16("\xF0\x9F\x98\x80", "\xEF\xBD\x9E") < 0);
  EXPECT_TRUE(compare_utf16("a", "\xC3\xA9") < 0);
  EXPECT_TRUE(compare_utf16("a", "ab") < 0);
}

TEST(CompareValues, AMissingMemberReadsAsNull) {
  const Value with{StructMembers{{0, Value{true}}, {1, Value{true}}}};
  const Value without{StructMembers{{1, Value{true}}}};
  EXPECT_TRUE(compare_values(with, without) > 0);
}

TEST(SaturatedSum, CountsWhatIsNoNumberAsNothing) {
  EXPECT_EQ(saturated_sum(Value{"x"}, Value{std::int64_t{2}}), Value{std::int64_t{2}});
  EXPECT_EQ(saturated_sum(Value{std::int64_t{INT64_MIN}}, Value{std::int64_t{-1}}),
            Value{std::int64_t{INT64_MIN}});
  EXPECT_EQ(saturated_sum(Value{0.5}, Value{std::int64_t{2}}), Value{2.5});
}

}  // namespace
}  // namespace satchel::sync
