#include "schema/catalog/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "schema/catalog/base64.hpp"
#include "schema/catalog/json_value.hpp"
#include "schema/catalog/time_text.hpp"
#include "schema/compiler/compile.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {
namespace {

const Catalog& fleet() {
  static const auto catalog = compile_file(SATCHEL_TEST_DATA "/fleet.capnp");
  return **catalog;
}
const FieldDef& field(std::string_view collection, std::string_view name) {
  return *fleet().find(collection)->find(name);
}
const Type& type_of(std::string_view collection, std::string_view name) {
  return field(collection, name).value_type();
}
std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}
std::string text(std::string_view value) {
  std::string out;
  append_json_string(out, value);
  return out;
}

struct NumberSample {
  std::uint64_t bits;
  const char* json;
};

// RFC 8785, appendix B.
TEST(CanonicalJson, WritesNumbersAsTheRfcDoes) {
  const NumberSample samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const NumberSample& sample : samples) {
    EXPECT_EQ(number(std::bit_cast<double>(sample.bits)), sample.json);
  }
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "null");
}

TEST(CanonicalJson, EscapesOnlyWhatTheRfcEscapes) {
  EXPECT_EQ(text("\xE2\x82\xAC$\x0F\nA'B\"\\\\\"/"),
            "\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
  EXPECT_EQ(text(std::string_view{"\b\t\f\r\0\x1F\x7F", 7}), "\"\\b\\t\\f\\r\\u0000\\u001f\x7F\"");
  EXPECT_EQ(text("\xF0\x9F\x98\x80"), "\"\xF0\x9F\x98\x80\"");
}

TEST(CanonicalJson, WritesAReplacementForWhatIsNoUtf8) {
  EXPECT_EQ(text("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(text("\xED\xA0\x80"),
            "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // A surrogate alone.
}

// RFC 8785, 3.2.3: by UTF-16 code units, where the smiling face comes before U+FB33.
TEST(CanonicalJson, SortsNamesByUtf16) {
  const std::vector<std::string> sorted{
      "\r", "1", "\xC2\x80", "\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xEF\xAC\xB3"};
  for (std::size_t a = 0; a < sorted.size(); ++a) {
    for (std::size_t b = 0; b < sorted.size(); ++b) {
      EXPECT_EQ(json_name_less(sorted[a], sorted[b]), a < b) << a << " " << b;
    }
  }
  EXPECT_TRUE(json_name_less("a", "aa"));
  EXPECT_FALSE(json_name_less("aa", "a"));
}

TEST(CanonicalJson, SortsMembersByNameAndNamesUnknownOnesByOrdinal) {
  const Type& state = type_of("vans", "state");
  const Value value{StructMembers{{0, Value{"lost"}},
                                  {1, Value{std::int64_t{9007199254740993}}},
                                  {2, Value{"stolen"}},
                                  {7, Value{ListElements{Value{true}, Value{Data{"\x01\x02"}}}}}}};
  EXPECT_EQ(canonical_json(state, value),
            R"({"@7":[true,"AQI="],"reason":"stolen","since":9007199254740993,"stage":"lost"})");
  EXPECT_EQ(canonical_json(state, Value{StructMembers{}}), "{}");
  EXPECT_EQ(canonical_json(state, Value{}), "null");
}

struct JsonSample {
  const char* collection;
  const char* field;
  const char* json;
  const char* canonical;
};

TEST(ValueFromJson, ReadsEveryKindAndWritesItBack) {
  const JsonSample samples[] = {
      {"vans", "plate", R"("B-\u00e4 \ud83d\ude00")", "\"B-\xC3\xA4 \xF0\x9F\x98\x80\""},
      {"vans", "plate", "null", "null"},
      {"vans", "mileage", "-9223372036854775808", "-9223372036854775808"},
      {"vans", "seats", " 255 ", "255"},
      {"vans", "equipment", R"("jack")", R"("jack")"},
      {"vans", "service", R"("2026-03-05T10:00:00+01:00")", "1772701200000000"},
      {"vans", "extras", "true", "true"},
      {"trips", "ratio", "4", "4"},
      {"trips", "ratio", "-0.0", "0"},
      {"trips", "ratio", "0.1", "0.1"},
      {"trips", "ratio", "1424953923781206.2", "1424953923781206.2"},
      {"trips", "ratio", "123456789012345678901234567890", "1.2345678901234568e+29"},
      {"trips", "ratio", "18446744073709551615", "18446744073709552000"},
      {"trips", "log", R"("AAEC/w==")", R"("AAEC/w==")"},
      {"vans", "price", R"({"currency":"EUR","minor":125})", R"({"currency":"EUR","minor":125})"},
      {"vans", "price", R"({"currency":null,"minor":125})", R"({"minor":125})"},
      {"vans", "state", R"({"since":"2026-03-05","stage":"ready"})",
       R"({"since":1772668800000000,"stage":"ready"})"},
      {"vans", "damages",
       R"({"where":{"lat":52.5,"lon":-13},"photos":[{"hash":"AA==","size":3,)"
       R"("mediaType":"image/png","class":"company"}]})",
       R"({"photos":[{"class":"company","hash":"AA==","mediaType":"image/png",)"
       R"("size":3}],"where":{"lat":52.5,"lon":-13}})"},
  };
  for (const JsonSample& sample : samples) {
    SCOPED_TRACE(sample.json);
    const Type& type = type_of(sample.collection, sample.field);
    const auto value = value_from_json(type, std::string_view{sample.json});
    ASSERT_TRUE(value) << value.error().message();
    EXPECT_EQ(canonical_json(type, *value), sample.canonical);
    EXPECT_TRUE(check_value(type, *value));
    const auto again = value_from_json(type, std::string_view{sample.canonical});
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *value);
  }
}

struct Refusal {
  const char* collection;
  const char* field;
  const char* json;
  Errc code;
  const char* context;
};

TEST(ValueFromJson, RefusesWhatIsNotOfTheType) {
  const Refusal cases[] = {
      {"vans", "plate", "5", Errc::kTypeMismatch, "at \"\": expected text"},
      {"vans", "seats", "256", Errc::kTypeMismatch, "at \"\": expected an integer"},
      {"vans", "seats", "-1", Errc::kTypeMismatch, "at \"\": expected an integer"},
      {"vans", "seats", "1.0", Errc::kTypeMismatch, "at \"\": expected an integer"},
      {"vans", "mileage", "9223372036854775808", Errc::kTypeMismatch,
       "at \"\": expected an integer"},
      {"vans", "mileage", "\"2026-03-05\"", Errc::kTypeMismatch, "at \"\": expected an integer"},
      {"vans", "heaviest", "true", Errc::kTypeMismatch, "at \"\": expected an integer"},
      {"vans", "firstUse", "\"2026-03-05T10:00\"", Errc::kTypeMismatch,
       "at \"\": expected microseconds or an ISO 8601 time with Z or an offset"},
      {"trips", "log", "\"AAE\"", Errc::kTypeMismatch, "at \"\": expected base64"},
      {"trips", "ratio", "\"1\"", Errc::kTypeMismatch, "at \"\": expected a number"},
      {"drivers", "barred", "1", Errc::kTypeMismatch, "at \"\": expected true or false"},
      {"vans", "price", "[]", Errc::kTypeMismatch, "at \"\": expected an object"},
      {"vans", "price", R"({"minor":"x"})", Errc::kTypeMismatch,
       "at \"/minor\": expected an integer"},
      {"vans", "price", R"({"minr":1})", Errc::kTypeMismatch,
       "at \"\": the members of Money are minor, currency"},
      {"vans", "damages", R"({"photos":[{"size":[]}]})", Errc::kTypeMismatch,
       "at \"/photos/0/size\": expected an integer"},
      {"vans", "damages", R"({"photos":[null]})", Errc::kTypeMismatch,
       "at \"/photos/0\": expected an attachment, {hash, size, mediaType, class}"},
      {"vans", "price", R"({"minor":1,"minor":2})", Errc::kInvalidArgument, "at byte"},
      {"vans", "plate", "\"\\ud800\"", Errc::kInvalidArgument, "at byte"},
      {"vans", "plate", "\"\xFF\"", Errc::kInvalidArgument, "at byte"},
      {"vans", "plate", "\"a\" x", Errc::kInvalidArgument, "at byte"},
      {"vans", "plate", "", Errc::kInvalidArgument, "at byte"},
      {"trips", "ratio", "NaN", Errc::kInvalidArgument, "at byte"},
      {"trips", "ratio", "1e400", Errc::kInvalidArgument, "at byte"},
  };
  for (const Refusal& refusal : cases) {
    SCOPED_TRACE(refusal.json);
    const auto value =
        value_from_json(type_of(refusal.collection, refusal.field), std::string_view{refusal.json});
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().code, refusal.code);
    EXPECT_NE(value.error().context.find(refusal.context), std::string::npos)
        << value.error().context;
  }
  const auto whole_map =
      value_from_json(field("vans", "service").type, std::string_view{"{\"oil\":1}"});
  ASSERT_FALSE(whole_map);
  EXPECT_EQ(whole_map.error().code, Errc::kTypeMismatch);
}

TEST(ValueFromJson, NeverRepeatsTheDataInAnError) {
  const auto value =
      value_from_json(type_of("vans", "price"), std::string_view{R"({"Ada Lovelace":"Ada"})"});
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message().find("Ada"), std::string::npos);
}

TEST(ValueFromJson, TakesAValueOfTheLimitAndNotOneByteMore) {
  const Type& type = type_of("vans", "plate");
  const std::size_t overhead =
      encode_value(Value{std::string(limits::kValueBytesMax - 100, 'x')}).size() -
      (limits::kValueBytesMax - 100);
  const std::string fits(limits::kValueBytesMax - overhead, 'x');
  EXPECT_TRUE(value_from_json(type, "\"" + fits + "\""));
  const auto beyond = value_from_json(type, "\"" + fits + "x\"");
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::kLimitExceeded);
}

TEST(ParseJson, StopsAtDeepNesting) {
  EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']')));
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
}

TEST(ParseJson, KeepsEveryDoubleThatItsTextNames) {
  std::mt19937_64 random{7};
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!(value - value == 0)) continue;  // Not finite.
    const auto parsed = parse_json("[" + number(value) + ",0.5]");
    ASSERT_TRUE(parsed) << number(value);
    EXPECT_EQ(parsed->as_array().at(0).to_number<double>(), value) << number(value);
  }
}

TEST(ValueFromText, ReadsWhatAPersonTyped) {
  const auto typed = [](std::string_view collection, std::string_view name,
                        std::string_view typed_text) {
    const auto value =
        value_from_text(field(collection, name), type_of(collection, name), typed_text);
    return value ? canonical_json(type_of(collection, name), *value) : value.error().context;
  };
  EXPECT_EQ(typed("vans", "plate", "5"), "\"5\"");
  EXPECT_EQ(typed("vans", "plate", ""), "null");
  EXPECT_EQ(typed("vans", "plate", "\xFF"), "plate: at \"\": expected text");
  EXPECT_EQ(typed("vans", "mileage", "-17"), "-17");
  EXPECT_EQ(typed("vans", "mileage", "17 km"), "mileage: at \"\": expected an integer");
  EXPECT_EQ(typed("vans", "seats", "256"), "seats: at \"\": expected an integer");
  EXPECT_EQ(typed("drivers", "barred", "true"), "true");
  EXPECT_EQ(typed("drivers", "barred", "yes"), "barred: at \"\": expected true or false");
  EXPECT_EQ(typed("trips", "ratio", "0.25"), "0.25");
  EXPECT_EQ(typed("trips", "ratio", "nan"), "ratio: at \"\": expected a number");
  EXPECT_EQ(typed("trips", "started", "2026-03-05T09:00:00Z"), "1772701200000000");
  EXPECT_EQ(typed("trips", "started", "1772701200000000"), "1772701200000000");
  EXPECT_EQ(typed("trips", "log", "AAE="), "\"AAE=\"");
  EXPECT_EQ(typed("vans", "price", R"({"minor":3})"), R"({"minor":3})");
  EXPECT_EQ(typed("vans", "service", "2026-03-05"), "1772668800000000");
}

TEST(WithMember, SetsOneMemberAndKeepsTheOthers) {
  const Type& type = type_of("vans", "damages");
  const auto set = [&](const Value& whole, std::string_view path, std::string_view typed,
                       bool json = false) {
    auto value = with_member(type, whole, path, typed, json);
    EXPECT_TRUE(value) << value.error().message();
    return value ? *value : Value{};
  };
  Value value = set(Value{}, "where.lat", "52.5");
  EXPECT_EQ(canonical_json(type, value), R"({"where":{"lat":52.5}})");
  value = set(value, "text", "scratch");
  value = set(value, "where.lon", "13", true);
  EXPECT_EQ(canonical_json(type, value), R"({"text":"scratch","where":{"lat":52.5,"lon":13}})");
  value = set(set(value, "where.lat", ""), "where.lon", "null", true);
  EXPECT_EQ(canonical_json(type, value), R"({"text":"scratch"})");
  EXPECT_TRUE(set(value, "text", "").is_null());
}

TEST(WithMember, RefusesAPathThatLeadsNowhere) {
  const Type& type = type_of("vans", "damages");
  for (const char* path :
       {"nope", "where.nope", "where.", ".where", "text.more", "where.lat.more"}) {
    const auto value = with_member(type, Value{}, path, "1", false);
    ASSERT_FALSE(value) << path;
    EXPECT_EQ(value.error().code, Errc::kFieldUnknown) << path;
  }
}

TEST(CheckValue, RefusesBytesOfAnotherType) {
  const auto ok = [](std::string_view collection, std::string_view name, const Value& value) {
    return static_cast<bool>(check_value(type_of(collection, name), value));
  };
  EXPECT_TRUE(ok("vans", "plate", Value{}));
  EXPECT_TRUE(ok("vans", "seats", Value{std::int64_t{255}}));
  EXPECT_FALSE(ok("vans", "seats", Value{std::int64_t{256}}));
  EXPECT_FALSE(ok("vans", "seats", Value{"5"}));
  EXPECT_FALSE(ok("vans", "plate", Value{"\xC3"}));
  EXPECT_FALSE(ok("trips", "ratio", Value{-0.0}));
  EXPECT_FALSE(ok("trips", "ratio", Value{std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_TRUE(ok("vans", "price", Value{StructMembers{{9, Value{"a newer member"}}}}));
  const Status bad = check_value(type_of("vans", "price"), Value{StructMembers{{0, Value{"x"}}}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().context, "at \"/minor\": not of the schema's type");
}

TEST(ParseTime, ReadsIso8601) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("1970-01-01"), 0);
  EXPECT_EQ(parse_time("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_EQ(parse_time("2026-03-05T10:00:00.25+01:00"), 1772701200250000);
  EXPECT_EQ(parse_time("2026-03-05T10:00:00.25+0100"), 1772701200250000);
  EXPECT_EQ(parse_time("2026-03-05 09:00:00Z"), 1772701200000000);
  EXPECT_EQ(parse_time("2026-03-05T04:30-04:30"), 1772701200000000);
  EXPECT_EQ(parse_time("2026-03-05T09:00:00.1234567Z"), 1772701200123456);
  EXPECT_EQ(parse_time("2024-02-29"), 1709164800000000);
  EXPECT_EQ(parse_time("9999-12-31T23:59:59Z"), 253402300799000000);
}

TEST(ParseTime, RefusesWhatNamesNoMoment) {
  for (const char* text :
       {"", "2026", "2026-03", "2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01",
        "2026-03-05T10:00:00", "2026-03-05T24:00:00Z", "2026-03-05T10:60:00Z",
        "2026-03-05T10:00:60Z", "2026-03-05T10:00:00.Z", "2026-03-05T10:00:00+24:00",
        "2026-03-05T10:00:00Zx", "2026-3-5", "26-03-05", "2026-03-05T", "yesterday",
        "2026-03-05T10:00:00.1234567890Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Base64, IsStrictAndComesBack) {
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + size);
    std::string encoded;
    append_base64(encoded, bytes);
    Bytes decoded;
    ASSERT_TRUE(from_base64(encoded, decoded)) << encoded;
    EXPECT_EQ(decoded, bytes);
  }
  Bytes ignored;
  for (const char* text :
       {"A", "AA", "AAA", "AA=A", "====", "AAA=AAAA", "AB==", "AAB=", "A A=", "AA-_"}) {
    EXPECT_FALSE(from_base64(text, ignored)) << text;
  }
}

}  // namespace
}  // namespace satchel::schema
