// Requests, routes and the limit of connections, without sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "schema/model/limits.hpp"
#include "server/http/json.hpp"
#include "server/http/router.hpp"
#include "server/net/head_scan.hpp"
#include "server/net/listener.hpp"

namespace satchel::server {
namespace {

TEST(Request, TargetIsDecoded) {
  Request request;
  ASSERT_TRUE(parse_target("/a%20b/c+d?x=1%262&y=a+b&z", request));
  EXPECT_EQ(request.path, "/a b/c+d");
  EXPECT_EQ(request.parameter("x"), "1&2");
  EXPECT_EQ(request.parameter("y"), "a b");
  EXPECT_EQ(request.parameter("z"), "");
  EXPECT_EQ(request.parameter("none"), "");
}

TEST(Request, BrokenTargetsAreRefused) {
  for (const char* target : {"", "a", "http://a/b", "/%", "/%2", "/%zz", "/%00", "/a?x=%2"}) {
    Request request;
    EXPECT_FALSE(parse_target(target, request)) << target;
  }
}

TEST(Request, BearerIsTheTokenOfItsSchemeOnly) {
  Request request;
  request.authorization = "Bearer abc";
  EXPECT_EQ(request.bearer(), "abc");
  request.authorization = "Basic abc";
  EXPECT_EQ(request.bearer(), "");
}

TEST(Problem, CarriesCodeStatusAndRequest) {
  Request request;
  request.request_id = "r7";
  const Response response = problem(request, Error{Errc::kStoreFull, "records"});
  EXPECT_EQ(response.status, 507u);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = parse_object(response.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(*get_text(*body, "code"), "store_full");
  EXPECT_EQ(*get_text(*body, "detail"), "records");
  EXPECT_EQ(*get_text(*body, "request_id"), "r7");
}

// Its verdict, and how many bytes it took for the head, whatever pieces they come in.
std::pair<HeadScan::Verdict, std::size_t> scanned(std::string_view bytes, std::size_t piece) {
  HeadScan scan{64};
  auto verdict = HeadScan::Verdict::kMore;
  while (verdict == HeadScan::Verdict::kMore && !bytes.empty()) {
    verdict = scan.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return {verdict, scan.size()};
}

TEST(HeadScan, JudgesAHeadAlikeWhereverItIsCut) {
  using enum HeadScan::Verdict;
  const std::pair<std::string_view, HeadScan::Verdict> heads[] = {
      {"GET /a HTTP/1.1\r\nHost: a\r\n\r\nbody", kWhole},
      {"GET /a HTTP/1.1\r\nHost: a\r\n", kMore},
      {"GET /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n", kBad},
      {"GET /a HTTP/1.1\r\nX : a\r\n\r\n", kBad},
      {"GET /a HTTP/1.1\nX: a\n\n", kBad},
      {"GET /a HTTP/11\r\n\r\n", kBad}};
  for (const auto& [head, verdict] : heads) {
    const auto whole = scanned(head, head.size());
    EXPECT_EQ(whole.first, verdict) << head;
    for (std::size_t piece = 1; piece < head.size(); ++piece)
      EXPECT_EQ(scanned(head, piece), whole) << head << " in pieces of " << piece;
  }
}

TEST(HeadScan, TellsWhichPartOfAHeadIsTooLong) {
  const std::string long_text(65, 'x');
  const std::pair<std::string, HeadScan::Part> heads[] = {
      {long_text, HeadScan::Part::kMethod},
      {"GET /" + long_text, HeadScan::Part::kTarget},
      {"GET /" + std::string(55, 'x') + " HTTP/1.1\r\n", HeadScan::Part::kVersion},
      {"GET / HTTP/1.1\r\nX: " + long_text, HeadScan::Part::kLines}};
  for (const auto& [head, part] : heads) {
    HeadScan scan{64};
    EXPECT_EQ(scan.feed(head), HeadScan::Verdict::kTooLong) << head;
    EXPECT_EQ(scan.part(), part) << head;
  }
}

TEST(Json, BodiesThatAreNoObjectsAreRefused) {
  EXPECT_TRUE(parse_object(""));
  EXPECT_FALSE(parse_object("[]"));
  EXPECT_FALSE(parse_object("{"));
  EXPECT_TRUE(parse_object("{\"a\":" + std::string(15, '[') + std::string(15, ']') + "}"));
  EXPECT_FALSE(parse_object("{\"a\":" + std::string(16, '[') + std::string(16, ']') + "}"));
}

Response say_one(RouteContext&, const Request&, const PathParameters& path) {
  return json_response(200, Bytes{"one " + path.get("id")});
}
Response say_redeem(RouteContext&, const Request&, const PathParameters& path) {
  return json_response(200, Bytes{"redeem " + path.get("id")});
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add("GET", "/v1/things/{id}", say_one);
    router_.add("POST", "/v1/things/{id}:redeem", say_redeem);
  }
  Response ask(const char* method, const char* path) {
    Request request;
    request.method = method;
    request.path = path;
    // The routes of this test do not look at it.
    alignas(RouteContext) static char nothing[sizeof(RouteContext)];
    return router_.answer(*reinterpret_cast<RouteContext*>(nothing), request);
  }
  Router router_;
};

TEST_F(RouterTest, NamesMatchOneSegment) {
  EXPECT_EQ(ask("GET", "/v1/things/7").body, "one 7");
  EXPECT_EQ(ask("HEAD", "/v1/things/7").body, "one 7");
  EXPECT_EQ(ask("GET", "/v1/things/7/8").status, 404u);
  EXPECT_EQ(ask("GET", "/v1/things/").status, 404u);
  EXPECT_EQ(ask("GET", "/v1/things").status, 404u);
}

TEST_F(RouterTest, VerbsFollowAColon) {
  EXPECT_EQ(ask("POST", "/v1/things/7:redeem").body, "redeem 7");
  EXPECT_EQ(ask("POST", "/v1/things/:redeem").status, 404u);
  EXPECT_EQ(ask("POST", "/v1/things/7:other").status, 404u);
}

TEST_F(RouterTest, AKnownPathWithAnotherMethodNamesTheMethodsThereAre) {
  const Response response = ask("DELETE", "/v1/things/7");
  EXPECT_EQ(response.status, 405u);
  ASSERT_EQ(response.headers.size(), 1u);
  EXPECT_EQ(response.headers[0], (std::pair<std::string, std::string>{"Allow", "GET"}));
}

TEST(ConnectionBudget, GivesItsLimitAndNotOneMore) {
  ConnectionBudget budget{limits::kConnectionsMax};
  for (std::size_t i = 0; i < limits::kConnectionsMax; ++i) ASSERT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  budget.give_back();
  EXPECT_TRUE(budget.take());
}

TEST(ConnectionBudget, GivesAFewPlacesMoreForThoseThatAreBeingCut) {
  ConnectionBudget budget{3};
  while (budget.take()) {
  }
  int places = 0;
  while (places < 1000 && budget.take_place()) ++places;
  EXPECT_EQ(places, 64);
  EXPECT_FALSE(budget.take()) << "only who takes a place may go beyond the limit";
}

}  // namespace
}  // namespace satchel::server
