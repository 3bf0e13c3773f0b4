// What a peer that is broken or hostile may send once it has shown who it is: each is refused with
// an error that says what it was, nothing that was acknowledged is lost, and everybody goes on.
#include <zstd.h>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;

Bytes compressed(const Bytes& content) {
  Bytes out(1 + ZSTD_compressBound(content.size()), '\1');
  out.resize(1 + ZSTD_compress(out.data() + 1, out.size() - 1, content.data(), content.size(), 1));
  return out;
}
// Pointers to pointers, deeper than any frame has them, where a Push's commits should be.
Bytes nested() {
  constexpr std::uint64_t kLevels = 40;
  const std::uint64_t pointer = std::uint64_t{1} << 48;
  Bytes words(1, '\0');
  append_u64(words, (kLevels + 3) << 32);
  append_u64(words, pointer | std::uint64_t{1} << 32);
  append_u64(words, static_cast<std::uint64_t>(wire::Kind::kPush));
  for (std::uint64_t i = 0; i < kLevels; ++i) append_u64(words, pointer);
  append_u64(words, 0);
  return words;
}

struct Hostile {
  const char* name;
  Bytes message;
  Errc code;
  const char* says;
};
std::vector<Hostile> hostile_messages() {
  const Bytes good = wire::encode_frame(wire::Push{std::vector<wire::Commit>(3)}, false);
  Bytes long_text = wire::encode_frame(
      wire::Failure{1, std::string(limits::kFrameTextBytesMax + 1, 'x'), 0}, false);
  return {
      {"nothing", {}, Errc::kFrameMalformed, "an empty message"},
      {"an unknown flag", "\x07" + good.substr(1), Errc::kFrameMalformed, "unknown flag"},
      {"noise", Bytes(1, '\0') + Bytes(64, '\xA5'), Errc::kFrameMalformed, "not a message"},
      {"half a message", good.substr(0, 1 + (good.size() / 16) * 8), Errc::kFrameMalformed,
       "not a message"},
      {"an odd length", good + "x", Errc::kFrameMalformed, "whole words"},
      {"too much", Bytes(1 + limits::kFrameBytesMax + 8, '\0'), Errc::kFrameTooLarge, "a message"},
      {"a bomb", compressed(Bytes(64 << 20, '\0')), Errc::kFrameTooLarge, "after decompression"},
      {"a deep nest", nested(), Errc::kFrameMalformed, "not a message"},
      {"no zstd", "\1" + Bytes(64, 'z'), Errc::kFrameMalformed, "does not say its size"},
      {"a long text", long_text, Errc::kLimitExceeded, "a text in a frame"},
      {"a second challenge", wire::encode_frame(wire::Challenge{Bytes(32, 'c')}, false),
       Errc::kFrameUnexpected, "a challenge out of turn"},
  };
}

struct BadInput : TwoPhones {
  // Two sides of ann's connection, past their greeting.
  struct Connection {
    sync::HubSession hub;
    sync::EdgeSession edge;
  };
  std::unique_ptr<Connection> connect() {
    std::unique_ptr<Connection> both{new Connection{office.session(), ann->session()}};
    EXPECT_TRUE(both->edge.receive(**both->hub.generate()));
    EXPECT_TRUE(both->hub.receive(**both->edge.generate()));
    office.work_for(both->hub);
    EXPECT_TRUE(both->edge.receive(**both->hub.generate()));
    EXPECT_TRUE(both->hub.greeted() && both->edge.welcomed());
    return both;
  }
  // What the hub answers to a Push that was made by hand.
  Status pushed(std::vector<wire::Commit> commits) {
    auto both = connect();
    SATCHEL_TRY(both->hub.receive(wire::encode_frame(wire::Push{std::move(commits)}, false)));
    office.work_for(both->hub);
    for (auto message = both->hub.generate(); message; message = both->hub.generate()) {
      if (!*message) return {};
      const auto frame = wire::decode_frame(**message);
      const auto* failure = std::get_if<wire::Failure>(&*frame);
      if (failure != nullptr) return Error{*errc_from_number(failure->code), failure->context};
    }
    return {};
  }
  void everybody_goes_on() {
    ASSERT_TRUE(ann->set("accounts", shop, "website", Value{"a.example"}));
    const Status synced = ann->sync();
    ASSERT_TRUE(synced) << synced.error().message();
    ASSERT_TRUE(bob->sync());
    EXPECT_EQ(ann->edge->pending_count(), 0U);
    EXPECT_EQ(bob->shows("accounts", shop, "industry"), "\"retail\"") << "acknowledged before";
    EXPECT_EQ(bob->shows("accounts", shop, "website"), "\"a.example\"");
  }
};

TEST_F(BadInput, AHelloIsOfOneConnectionOnlyAndRefusedOnEveryOther) {
  const auto greet = [&](const Bytes& at_device, const Bytes& at_hub, bool played_again) {
    sync::HubSession hub{*office.hub, {at_hub, 4096, {}}};
    sync::HubSession earlier{*office.hub, {at_hub, 4096, {}}};
    sync::EdgeSession edge{*ann->edge, {at_device, *ann->signer, false, 4096}};
    const auto challenge = *hub.generate();
    EXPECT_TRUE(edge.receive(played_again ? **earlier.generate() : *challenge));
    const auto hello = *edge.generate();
    return hub.receive(*hello);
  };
  const Bytes mine(32, 'x');
  const Bytes anothers(32, 'y');
  EXPECT_TRUE(greet(mine, mine, false));
  EXPECT_EQ(greet(mine, anothers, false).error().code, Errc::kUnauthenticated)
      << "somebody stands between the two";
  EXPECT_EQ(greet(mine, mine, true).error().code, Errc::kUnauthenticated)
      << "it was signed for another challenge";
}

TEST_F(BadInput, ADeviceThatLostItsSchemaWantsTheServersThoughItHoldsAnEqualOne) {
  ASSERT_TRUE(ann->set("accounts", shop, "website", Value{"a.example"}));
  sync::HubSession hub = office.session();
  sync::EdgeSession::Config config{Bytes(32, 'x'), *ann->signer};
  config.schema_lost = true;
  sync::EdgeSession edge{*ann->edge, std::move(config)};
  ASSERT_TRUE(edge.receive(**hub.generate()) && hub.receive(**edge.generate()));
  office.work_for(hub);
  ASSERT_TRUE(edge.receive(**hub.generate()));
  EXPECT_EQ(edge.schema_wanted(), office.hub->catalog()->hash());
  EXPECT_FALSE(edge.welcomed());
  EXPECT_FALSE(edge.generate()->has_value()) << "nothing is sent before it is there";
  everybody_goes_on();
}

TEST_F(BadInput, HostileMessagesEndTheirSessionAtTheHubAndNothingElse) {
  for (const Hostile& hostile : hostile_messages()) {
    SCOPED_TRACE(hostile.name);
    const auto both = connect();
    const Status received = both->hub.receive(hostile.message);
    ASSERT_FALSE(received);
    const bool out_of_turn = hostile.code == Errc::kFrameUnexpected;
    EXPECT_EQ(received.error().code, hostile.code) << received.error().message();
    if (!out_of_turn) {
      EXPECT_NE(received.error().context.find(hostile.says), std::string::npos)
          << received.error().message();
    }
    EXPECT_FALSE(received.error().context.empty());
    everybody_goes_on();
  }
}

TEST_F(BadInput, HostileMessagesEndTheirSessionAtTheDeviceAndLoseNoUnsentWork) {
  for (const Hostile& hostile : hostile_messages()) {
    SCOPED_TRACE(hostile.name);
    const auto both = connect();
    ASSERT_TRUE(ann->set("accounts", shop, "size", Value{hostile.name}));
    const Status received = both->edge.receive(hostile.message);
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().code, hostile.code) << received.error().message();
    EXPECT_NE(received.error().context.find(hostile.says), std::string::npos)
        << received.error().message();
    EXPECT_EQ(ann->edge->pending_count(), 1U);
    everybody_goes_on();
    EXPECT_EQ(bob->shows("accounts", shop, "size"), '"' + std::string{hostile.name} + '"');
  }
}

TEST_F(BadInput, ARepeatedPushGetsItsFirstAnswerAndTakesEffectOnce) {
  ASSERT_TRUE(ann->add("accounts", shop, "visitCount", 5));
  const auto commits = ann->unsent();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pushed(commits));
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "visitCount"), "5");
  everybody_goes_on();
  EXPECT_EQ(bob->shows("accounts", shop, "visitCount"), "5");
}

TEST_F(BadInput, CommitsInAnotherOrderStopAtTheGapAndComeAgain) {
  for (const char* value : {"1", "2", "3"})
    ASSERT_TRUE(ann->set("accounts", shop, "size", Value{value}));
  auto commits = ann->unsent();
  ASSERT_EQ(commits.size(), 3U);
  std::swap(commits[1], commits[2]);
  const Status refused = pushed(commits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kCommitGap);
  EXPECT_EQ(refused.error().context, "expected commit 3, got 4");
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "size"), "\"1\"");
  everybody_goes_on();
  EXPECT_EQ(bob->shows("accounts", shop, "size"), "\"3\"");
}

TEST_F(BadInput, AForkAndAnothersDotEndTheSessionAndSayWhichCommit) {
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}));
  auto commits = ann->unsent();
  ASSERT_TRUE(pushed(commits));
  auto forked = commits;
  forked[0].header.purpose = "ServiceProvision";
  forked[0].header.content_hash = sync::content_hash(forked[0].header, forked[0].sections);
  const Status fork = pushed(forked);
  ASSERT_FALSE(fork);
  EXPECT_EQ(fork.error(), (Error{Errc::kCommitFork, "commit 2"}));
  commits[0].header.replica = bob->edge->state().replica;
  const Status foreign = pushed(commits);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error(), (Error{Errc::kForeignDot, "commit 2 names another replica"}));
  everybody_goes_on();
  EXPECT_EQ(bob->shows("accounts", shop, "size"), "\"big\"");
}

TEST_F(BadInput, ACommitWhoseBodyIsBrokenIsRefusedAloneAndToldToItsAuthor) {
  for (const char* value : {"1", "2"})
    ASSERT_TRUE(ann->set("accounts", shop, "size", Value{value}));
  auto commits = ann->unsent();
  commits[0].sections[1].bytes.pop_back();
  commits[0].header.content_hash = sync::content_hash(commits[0].header, commits[0].sections);
  auto txn = office.hub->begin();
  const auto outcome = (*txn)->ingest({ann->edge->state().replica, "ann", Role::kRep, commits});
  ASSERT_TRUE(outcome && outcome->results.size() == 2);
  EXPECT_EQ(outcome->results[0].outcome, wire::Outcome::kInvalid);
  EXPECT_EQ(outcome->results[0].code, static_cast<std::int32_t>(Errc::kCommitInvalid));
  EXPECT_EQ(outcome->results[0].rule, "body");
  EXPECT_EQ(outcome->results[1].outcome, wire::Outcome::kApplied) << "it delays only itself";
}

// A hub whose store is full says whose store it is, and when to come again.
TEST_F(TwoPhones, AServerThatIsFullIsComeBackToWithAllThatItDidNotTake) {
  const RecordId kept = ann->create("accounts", "industry", Value{"steel"});
  sync::HubSession hub_side = office.session();
  sync::EdgeSession edge_side = ann->session();
  Status ended;
  for (int step = 0; step < 100 && ended; ++step) {
    while (auto work = hub_side.take_work()) {
      if (hub_side.greeted()) office.disk->fail_after(0, Errc::kStoreFull);
      work->done(office.run(*work));
    }
    auto down = hub_side.generate();
    if (!down) {  // As the host tells it.
      ended = edge_side.receive(sync::HubSession::failure_frame(down.error(), 30'000));
    } else if (*down) {
      ended = edge_side.receive(**down);
    }
    auto up = edge_side.generate();
    ASSERT_TRUE(up);
    if (*up && ended) ended = hub_side.receive(**up);
  }
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::kStoreFull);
  EXPECT_TRUE(ended.error().context.starts_with("of the server's store"));
  EXPECT_TRUE(edge_side.server_failed());
  EXPECT_EQ(edge_side.retry_after_ms(), 30'000U);
  EXPECT_EQ(ann->edge->pending_count(), 1U);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", kept, "industry"), "\"steel\"");
}

TEST_F(TwoPhones, ACounterPastItsRangeIsRefusedAtItsAuthorAndByTheServer) {
  const auto add = [&](Phone& phone, std::int64_t n) {
    return phone.add("accounts", shop, "visitCount", n);
  };
  ASSERT_TRUE(add(*ann, INT64_MAX));
  const auto past = add(*ann, 1);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, Errc::kLimitExceeded);
  EXPECT_NE(past.error().context.find("accounts.visitCount"), Bytes::npos);
  EXPECT_NE(past.error().context.find(std::to_string(INT64_MAX)), Bytes::npos);
  EXPECT_FALSE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().add("accounts", shop, "visitCount", INT64_MIN));
    return txn.builder().add("accounts", shop, "visitCount", INT64_MIN);
  })) << "nor in two steps of one commit";
  ASSERT_TRUE(add(*bob, 5)) << "who cannot know of it";
  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "visitCount"), std::to_string(INT64_MAX));
  const auto inbox = bob->edge->inbox();
  ASSERT_EQ(inbox->size(), 1U);
  EXPECT_EQ(inbox->front().result.outcome, wire::Outcome::kInvalid);
  EXPECT_EQ(inbox->front().result.code, static_cast<std::int32_t>(Errc::kLimitExceeded));
  EXPECT_EQ(inbox->front().result.rule, "visitCount");
}

}  // namespace
}  // namespace satchel::test
