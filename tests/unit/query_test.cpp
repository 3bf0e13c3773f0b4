// The query language: what is read, what is refused and where, and what it finds. What it finds is
// compared with a second evaluator that knows only the JSON of the records and shares no code.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include <boost/json.hpp>

#include "schema/catalog/built_in.hpp"
#include "schema/model/limits.hpp"
#include "sdk/query/expression.hpp"
#include "tests/support/replica_home.hpp"
#include "tests/support/seeds.hpp"

namespace satchel {
namespace {

namespace json = boost::json;
using test::kCare;

const schema::CollectionDef& collection_named(std::string_view name) {
  static const auto catalog = *schema::built_in_crm();
  return *catalog->find(name);
}

std::string refusal(std::string_view collection, std::string_view text) {
  const auto node = sdk::parse_expression(collection_named(collection), text);
  return node ? "accepted" : std::string{wire_name(node.error().code)} + ' ' + node.error().context;
}

TEST(Expression, NamesTheColumnOfWhatItCannotRead) {
  EXPECT_EQ(refusal("accounts", "territory ="),
            "query_invalid column 12: a text in quotes is expected here");
  EXPECT_EQ(refusal("accounts", "nothing = 1"),
            "query_invalid column 1: accounts has no field \"nothing\"");
  EXPECT_EQ(refusal("accounts", "name = \"a"),
            "query_invalid column 8: this text has no closing quote");
  EXPECT_EQ(refusal("accounts", "(name = \"a\""), "query_invalid column 12: `)` is expected here");
  EXPECT_EQ(refusal("accounts", "name = \"a\" name"),
            "query_invalid column 12: `and`, `or` or the end is expected here");
  EXPECT_EQ(refusal("accounts", "visitCount = \"a\""),
            "query_invalid column 14: a number or an ISO 8601 time is expected here");
  EXPECT_EQ(refusal("accounts", "naturalPerson < true"),
            "query_invalid column 17: true and false can only be compared with = and !=");
  EXPECT_EQ(refusal("accounts", "visitCount like \"1%\""),
            "query_invalid column 17: `like` is for fields that hold text");
  EXPECT_EQ(refusal("opportunities", "amount = 3"),
            "query_invalid column 10: this field has no value to compare; name a member of it");
  EXPECT_EQ(refusal("opportunities", "amount.major = 3"),
            "query_invalid column 1: opportunities.amount has no member \"major\"");
  EXPECT_EQ(refusal("accounts", "name ? 3"),
            "query_invalid column 6: this character begins nothing that is known here");
  EXPECT_EQ(refusal("accounts", "status in \"active\""),
            "query_invalid column 11: `(` is expected here");
}

TEST(Expression, ComparesTimesWithDatesAsPeopleWriteThem) {
  EXPECT_EQ(refusal("accounts", "lastVisitAt > 2024-05-01"), "accepted");
  EXPECT_EQ(refusal("accounts", "lastVisitAt > \"2024-05-01\""), "accepted");
  EXPECT_EQ(refusal("accounts", "lastVisitAt <= 2024-05-01T08:30:00Z"), "accepted");
  EXPECT_EQ(refusal("accounts", "lastVisitAt in (2024-05-01, \"2024-05-02T00:00:00+02:00\")"),
            "accepted");
  EXPECT_TRUE(refusal("accounts", "lastVisitAt > 2024-13-01").starts_with("query_invalid"));
}

TEST(Expression, TakesAsManyLevelsAsItsLimitAndNoMore) {
  const auto nested = [](std::size_t parentheses) {
    return std::string(parentheses, '(') + "name = \"a\"" + std::string(parentheses, ')');
  };
  EXPECT_EQ(refusal("accounts", nested(limits::kQueryDepthMax - 1)), "accepted");
  EXPECT_TRUE(
      refusal("accounts", nested(limits::kQueryDepthMax)).starts_with("limit_exceeded column "));
  EXPECT_TRUE(refusal("accounts", nested(100'000 / 4)).starts_with("limit_exceeded"));
}

TEST(Expression, TakesAsManyBytesAsItsLimitAndNoMore) {
  const std::string head = "name = \"";
  const std::string whole = head + std::string(limits::kQueryBytesMax - head.size() - 1, 'x') + '"';
  ASSERT_EQ(whole.size(), limits::kQueryBytesMax);
  EXPECT_EQ(refusal("accounts", whole), "accepted");
  EXPECT_TRUE(refusal("accounts", whole + ' ').starts_with("limit_exceeded"));
}

TEST(Expression, NeverRepeatsALiteralInAnError) {
  for (const char* text :
       {"visitCount = \"canary\"", "name = canary", "name like canary", "name = \"canary"}) {
    EXPECT_EQ(refusal("accounts", text).find("canary"), std::string::npos) << text;
  }
}

// ---- What it finds ------------------------------------------------------------------------------

// A second evaluator: an expression as text, and what it means on the JSON of a record.
using Meaning = std::function<bool(const json::object& fields)>;
struct Case {
  std::string text;
  Meaning holds;
};

// The value at a dotted path; null where there is none.
json::value at_path(const json::object& fields, const std::string& path) {
  json::value value = fields;
  std::size_t from = 0;
  while (from <= path.size()) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    if (!value.is_object()) return nullptr;
    const auto* member = value.get_object().if_contains(path.substr(from, dot - from));
    if (member == nullptr) return nullptr;
    json::value next = *member;
    value = std::move(next);
    from = dot + 1;
  }
  return value;
}

// Lists stand for each of their elements.
bool any_value(const json::value& value, const std::function<bool(const json::value&)>& test) {
  if (value.is_null()) return false;
  if (!value.is_array()) return test(value);
  for (const json::value& element : value.get_array()) {
    if (test(element)) return true;
  }
  return false;
}

int sign_of(const json::value& value, double number) {
  const double held = value.to_number<double>();
  return held < number ? -1 : held > number ? 1 : 0;
}
int sign_of(const json::value& value, const std::string& text) {
  const std::string held{value.get_string().c_str()};
  return held < text ? -1 : held > text ? 1 : 0;
}

template <class Literal>
Case comparison(const std::string& path, const std::string& op, const Literal& literal,
                const std::string& written) {
  const auto holds = [=](const json::object& fields) {
    const bool is = any_value(at_path(fields, path), [&](const json::value& value) {
      const int sign = sign_of(value, literal);
      if (op == "=" || op == "!=") return sign == 0;
      if (op == "<") return sign < 0;
      if (op == "<=") return sign <= 0;
      return op == ">" ? sign > 0 : sign >= 0;
    });
    return op == "!=" ? !is : is;
  };
  return {path + ' ' + op + ' ' + written, holds};
}

Case negation(const Case& inner) {
  return {"not (" + inner.text + ')', [=](const json::object& f) { return !inner.holds(f); }};
}
Case both(const Case& a, const Case& b) {
  return {'(' + a.text + ") and (" + b.text + ')',
          [=](const json::object& f) { return a.holds(f) && b.holds(f); }};
}
Case either(const Case& a, const Case& b) {
  return {'(' + a.text + ") or (" + b.text + ')',
          [=](const json::object& f) { return a.holds(f) || b.holds(f); }};
}

class Generator {
 public:
  explicit Generator(test::Gen& random) : random_(random) {}

  std::size_t below(std::size_t end) { return random_.below(end); }
  template <class T>
  T one_of(std::initializer_list<T> of) {
    return *(of.begin() + static_cast<std::ptrdiff_t>(below(of.size())));
  }

  // Fields of an opportunity, each there or not.
  std::string fields() {
    json::object fields;
    if (below(4) != 0) fields["name"] = text();
    if (below(3) != 0) fields["forecastCategory"] = text();
    if (below(3) != 0) fields["closeDate"] = number() * 1'000'000;
    if (below(3) != 0) fields["probability"] = static_cast<double>(number()) / 4;
    if (below(3) != 0) fields["amount"] = {{"minor", number()}, {"currency", "EUR"}};
    if (below(2) != 0) fields["competitors"] = {text(), text()};
    if (below(2) != 0) fields["contacts"] = {{"a", text()}, {"b", text()}};
    if (below(3) != 0)
      fields["pipeline"] = {
          {"stage", one_of<const char*>({"prospecting", "qualification", "won"})}};
    return json::serialize(fields);
  }

  Case leaf() {
    const std::string op = one_of<const char*>({"=", "!=", "<", "<=", ">", ">="});
    switch (below(9)) {
      case 0:
      case 1: return text_case("name", op);
      case 2: return text_case("forecastCategory", op);
      case 3: return text_case("competitors", op);
      case 4: return text_case("contacts.a", op);
      case 5: {
        const int at = number();
        return comparison("closeDate", op, at * 1e6, std::to_string(at) + "000000");
      }
      case 6: {
        const int quarter = number();
        return comparison("probability", op, quarter / 4.0, std::to_string(quarter / 4.0));
      }
      case 7: {
        const int minor = number();
        return comparison("amount.minor", op, static_cast<double>(minor), std::to_string(minor));
      }
      default: return special();
    }
  }

  Case any(int depth) {
    if (depth == 0) return leaf();
    switch (below(4)) {
      case 0: return negation(any(depth - 1));
      case 1: return either(any(depth - 1), any(depth - 1));
      case 2: return both(any(depth - 1), any(depth - 1));
      default: return leaf();
    }
  }

 private:
  int number() { return static_cast<int>(below(9)) - 4; }
  std::string text() {
    return one_of<const char*>(
        {"a", "ab", "abcdefgh1", "abcdefgh2", "b", "Zürich", "Z\xc3\xbcrich 2", "10%", ""});
  }
  Case text_case(const std::string& path, const std::string& op) {
    const std::string literal = text();
    return comparison(path, op, literal, '"' + literal + '"');
  }
  Case special() {
    switch (below(4)) {
      case 0: return {"amount exists", [](const json::object& f) { return f.contains("amount"); }};
      case 1: {
        const std::string a = text();
        const std::string b = text();
        return {"name in (\"" + a + "\", \"" + b + "\")", [=](const json::object& f) {
                  const json::value name = at_path(f, "name");
                  return name.is_string() && (name.get_string() == a || name.get_string() == b);
                }};
      }
      case 2:
        return {"name like \"ab%\"", [](const json::object& f) {
                  const json::value name = at_path(f, "name");
                  return name.is_string() && name.get_string().starts_with("ab");
                }};
      default: {
        const std::string stage = one_of<const char*>({"won", "prospecting"});
        return {"pipeline = \"" + stage + '"', [=](const json::object& f) {
                  const json::value held = at_path(f, "pipeline.stage");
                  return held.is_string() && held.get_string() == stage;
                }};
      }
    }
  }

  test::Gen& random_;
};

std::set<std::string> ids_found(sdk::Replica& replica, const std::string& expression) {
  const auto found = replica.query(kCare, "opportunities", expression, {});
  std::set<std::string> ids;
  EXPECT_TRUE(found.has_value()) << expression << ": " << (found ? "" : found.error().message());
  if (!found) return ids;
  for (const std::string& row : found->rows) {
    ids.insert(json::parse(row).as_object().at("id").as_string().c_str());
  }
  return ids;
}

void compare_with_json(sdk::Replica& replica, Generator& generator, int count) {
  const auto all = replica.query(kCare, "opportunities", "", {});
  ASSERT_TRUE(all.has_value());
  for (int i = 0; i < count; ++i) {
    const Case each = generator.any(3);
    std::set<std::string> expected;
    for (const std::string& row : all->rows) {
      const json::object record = json::parse(row).as_object();
      if (each.holds(record.at("fields").as_object()))
        expected.insert(record.at("id").as_string().c_str());
    }
    ASSERT_EQ(ids_found(replica, each.text), expected) << each.text;
  }
}

// Queries run between writes, so that indexes that were built before them must take notice.
TEST(Query, FindsWhatASecondEvaluatorFindsInTheJson) {
  const auto one_history = [](test::Gen& random) {
    test::ReplicaHome home;
    const auto replica = home.open();
    Generator generator{random};
    std::vector<std::string> ids;
    for (int round = 0; round < 3; ++round) {
      const auto made = test::write(*replica, [&](sdk::WriteScope& scope) -> Status {
        for (int i = 0; i < 20; ++i) {
          auto id = scope.create("opportunities");
          if (!id) return id.error();
          ids.push_back(*id);
          SATCHEL_TRY(scope.put("opportunities", *id, generator.fields()));
        }
        return {};
      });
      ASSERT_TRUE(made.has_value()) << made.error().message();
      compare_with_json(*replica, generator, 40);
      for (int i = 0; i < 10; ++i) {
        const std::string& id = ids[generator.below(ids.size())];
        const auto changed = test::write(*replica, [&](sdk::WriteScope& scope) -> Status {
          if (generator.below(4) == 0) return scope.erase("opportunities", id);
          return scope.set("opportunities", id, "name", generator.below(3) == 0 ? "null" : "\"ab\"",
                           sdk::WriteScope::Form::kJson);
        });
        if (!changed) {
          EXPECT_EQ(changed.error().code, Errc::kRecordDeleted);
        }
      }
      compare_with_json(*replica, generator, 40);
    }
  };
  test::for_each_seed(one_history, 2);
}

// ---- Plans, order, limits, words ----------------------------------------------------------------

class Accounts : public testing::Test {
 protected:
  void SetUp() override {
    replica = home.open();
    for (const char* fields : {R"({"name":"Müller & Söhne","type":"shop","industry":"food"})",
                               R"({"name":"Muller Straße","type":"shop","industry":"steel"})",
                               R"({"name":"Zeta","type":"office","industry":"food"})",
                               R"({"name":"Alpha","type":"office"})"}) {
      ids.push_back(test::make_record(*replica, "accounts", fields));
    }
  }
  json::object plan_of(const std::string& expression) {
    const auto rows = replica->query(kCare, "accounts", expression, {});
    EXPECT_TRUE(rows.has_value());
    return json::parse(rows->plan).as_object();
  }
  std::vector<std::string> names(const sdk::Rows& rows) {
    std::vector<std::string> out;
    for (const std::string& row : rows.rows) {
      out.emplace_back(json::parse(row).at("fields").at("name").as_string().c_str());
    }
    return out;
  }
  test::ReplicaHome home;
  std::unique_ptr<sdk::Replica> replica;
  std::vector<std::string> ids;
};

TEST_F(Accounts, ScanOnlyWhatTheIndexNames) {
  EXPECT_EQ(
      plan_of("type = \"shop\""),
      (json::object{{"index", "type"}, {"kind", "equality"}, {"matched", 2}, {"scanned", 2}}));
  EXPECT_EQ(plan_of("website = \"x\" and name >= \"Zeta\""),
            (json::object{{"index", "name"}, {"kind", "ordered"}, {"matched", 0}, {"scanned", 1}}));
  EXPECT_EQ(plan_of("website = \"x\""),
            (json::object{{"index", nullptr}, {"kind", "scan"}, {"matched", 0}, {"scanned", 4}}));
  EXPECT_EQ(plan_of("not type = \"shop\"").at("kind").as_string(), "scan");
  EXPECT_EQ(plan_of("type = \"shop\" or website = \"x\"").at("kind").as_string(), "scan");
}

TEST_F(Accounts, AreReadNoFurtherThanTheLimitWhereNoOrderIsAskedFor) {
  const auto all = *replica->query(kCare, "accounts", "type = \"shop\"", {"", 0});
  ASSERT_EQ(all.rows.size(), 2U);
  const auto first = *replica->query(kCare, "accounts", "type = \"shop\"", {"", 1});
  EXPECT_EQ(first.rows, std::vector<std::string>{all.rows[0]});
  EXPECT_EQ(json::parse(first.plan).at("scanned").as_int64(), 1);
  const auto last = *replica->query(kCare, "accounts", "type = \"shop\"", {"-id", 1});
  EXPECT_EQ(last.rows, std::vector<std::string>{all.rows[1]}) << "an order needs all of them";
}

TEST_F(Accounts, ComeInTheOrderAskedForWithAbsentValuesLast) {
  EXPECT_EQ(names(*replica->query(kCare, "accounts", "", {"industry,-name", 0})),
            (std::vector<std::string>{"Zeta", "Müller & Söhne", "Muller Straße", "Alpha"}));
  EXPECT_EQ(names(*replica->query(kCare, "accounts", "", {"-industry,name", 2})),
            (std::vector<std::string>{"Muller Straße", "Müller & Söhne"}));
  EXPECT_EQ(replica->query(kCare, "accounts", "", {"nothing", 0}).error().code,
            Errc::kQueryInvalid);
}

TEST_F(Accounts, AreFoundByFoldedWordsThatBeginLikeThoseAsked) {
  // In the order of their ids, which two of one millisecond have by chance.
  auto both = names(*replica->search(kCare, "MULL", "", 10));
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, (std::vector<std::string>{"Muller Straße", "Müller & Söhne"}));
  EXPECT_EQ(names(*replica->search(kCare, "strasse müller", "accounts", 10)),
            (std::vector<std::string>{"Muller Straße"}));
  EXPECT_TRUE(replica->search(kCare, "uller", "", 10)->rows.empty());
  ASSERT_TRUE(test::write(*replica, [&](sdk::WriteScope& scope) {
                return scope.set("accounts", ids[2], "name", "\"Müllerin\"",
                                 sdk::WriteScope::Form::kJson);
              }).has_value());
  EXPECT_EQ(replica->search(kCare, "mullerin", "", 10)->rows.size(), 1U);
  EXPECT_EQ(replica->search(kCare, "zeta", "", 10)->rows.size(), 0U);
}

TEST_F(Accounts, OfAnUnknownPurposeAreShownToNobody) {
  EXPECT_EQ(replica->query("Nonsense", "accounts", "", {}).error().code, Errc::kPolicyDenied);
  EXPECT_EQ(replica->query("Nonsense", "accounts", "type = \"shop\"", {}).error().code,
            Errc::kPolicyDenied);
  EXPECT_EQ(replica->search("Nonsense", "zeta", "", 1).error().code, Errc::kPolicyDenied);
}

}  // namespace
}  // namespace satchel
