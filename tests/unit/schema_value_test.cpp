#include "schema/model/value.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "schema/model/limits.hpp"

namespace satchel {
namespace {

Value nested(std::size_t levels) {
  Value value{std::int64_t{1}};
  for (std::size_t i = 1; i < levels; ++i) value = Value{ListElements{std::move(value)}};
  return value;
}

class ValueMaker {
 public:
  explicit ValueMaker(std::uint32_t seed) : random_(seed) {}

  // No null among a struct's members, which encode_value's callers never give it.
  Value make(std::size_t levels) {
    const std::size_t kinds = levels > 1 ? 8 : 6;
    switch (below(kinds)) {
      case 0: return Value{below(2) == 1};
      case 1:
        return Value{static_cast<std::int64_t>(random_()) - static_cast<std::int64_t>(random_())};
      case 2: return Value{static_cast<double>(random_()) / 7.0};
      case 3: return Value{std::string(below(40), 'x')};
      case 4: return Value{Data{Bytes(below(200), '\xFE')}};
      case 5:
        return Value{std::numeric_limits<std::int64_t>::min() +
                     static_cast<std::int64_t>(below(3))};
      case 6: {
        ListElements elements;
        for (std::size_t i = below(4); i > 0; --i) elements.push_back(make(levels - 1));
        return Value{std::move(elements)};
      }
      default: {
        StructMembers members;
        std::uint16_t ordinal = 0;
        for (std::size_t i = below(4); i > 0; --i) {
          ordinal = static_cast<std::uint16_t>(ordinal + below(300));
          members.emplace_back(ordinal++, make(levels - 1));
        }
        return Value{std::move(members)};
      }
    }
  }
  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  std::mt19937 random_;
};

TEST(Value, DecodesWhatItEncoded) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    const Value value = ValueMaker{seed}.make(limits::kValueDepthMax);
    const auto decoded = decode_value(encode_value(value));
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(*decoded, value);
  }
}

TEST(Value, KeepsTheEndsOfItsRanges) {
  for (const std::int64_t number : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                    std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(*decode_value(encode_value(Value{number})), Value{number});
  }
  EXPECT_EQ(*decode_value(encode_value(Value{})), Value{});
  EXPECT_TRUE(is_null_bytes(encode_value(Value{})));
  EXPECT_FALSE(is_null_bytes(encode_value(Value{false})));
}

// The byte form is on disks and on the wire: these bytes never change.
TEST(Value, HasTheBytesThatItsHeaderSays) {
  EXPECT_EQ(to_hex(encode_value(Value{})), "00");
  EXPECT_EQ(to_hex(encode_value(Value{false})), "01");
  EXPECT_EQ(to_hex(encode_value(Value{true})), "02");
  EXPECT_EQ(to_hex(encode_value(Value{std::int64_t{-1}})), "0301");
  EXPECT_EQ(to_hex(encode_value(Value{std::int64_t{150}})), "03ac02");
  EXPECT_EQ(to_hex(encode_value(Value{1.0})), "04000000000000f03f");
  EXPECT_EQ(to_hex(encode_value(Value{"ab"})), "05026162");
  EXPECT_EQ(to_hex(encode_value(Value{Data{"\x01"}})), "060101");
  const Value money{StructMembers{{0, Value{std::int64_t{5}}}, {1, Value{"EUR"}}}};
  EXPECT_EQ(to_hex(encode_value(money)), "070200030a010503455552");
  EXPECT_EQ(to_hex(encode_value(Value{ListElements{Value{true}}})), "080102");
}

struct Malformed {
  const char* hex;
  const char* why;
};

TEST(Value, RefusesWhatItWouldNotHaveWritten) {
  const Malformed cases[] = {
      {"", "nothing"},
      {"09", "the reserved tag"},
      {"ff", "an unknown tag"},
      {"0000", "bytes left over"},
      {"038000", "a varint longer than needed"},
      {"03ffffffffffffffffff7f", "a varint beyond 64 bits"},
      {"0400", "half a float"},
      {"050361", "text that ends early"},
      {"06ffffffffffffffff7f00", "a length beyond the bytes"},
      {"07020103ff0103010302", "members out of order"},
      {"070201020102", "a member twice"},
      {"07010100", "a member that is null"},
      {"0701808004"
       "02",
       "an ordinal beyond 16 bits"},
      {"08ffffffff0f", "a count beyond the bytes"},
      {"0802"
       "02",
       "an element missing"},
  };
  for (const Malformed& malformed : cases) {
    Bytes bytes;
    ASSERT_TRUE(from_hex(malformed.hex, bytes)) << malformed.why;
    const auto decoded = decode_value(bytes);
    ASSERT_FALSE(decoded) << malformed.why;
    EXPECT_EQ(decoded.error().code, Errc::kRecordMalformed) << malformed.why;
  }
}

TEST(Value, NestsToItsLimitAndNoFurther) {
  EXPECT_TRUE(decode_value(encode_value(nested(limits::kValueDepthMax))));
  EXPECT_FALSE(decode_value(encode_value(nested(limits::kValueDepthMax + 1))));
}

// Whatever bytes come, decoding ends, and what it accepts is canonical.
TEST(Value, AcceptsOnlyCanonicalBytes) {
  std::size_t accepted = 0;
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    ValueMaker maker{seed};
    Bytes bytes = encode_value(maker.make(4));
    for (std::size_t flips = 1 + maker.below(3); flips > 0; --flips) {
      bytes[maker.below(bytes.size())] = static_cast<char>(maker.below(256));
    }
    const auto decoded = decode_value(bytes);
    if (!decoded) continue;
    ++accepted;
    EXPECT_EQ(to_hex(encode_value(*decoded)), to_hex(bytes));
  }
  EXPECT_GT(accepted, 100u);
}

}  // namespace
}  // namespace satchel
