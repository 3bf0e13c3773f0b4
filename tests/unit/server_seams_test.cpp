// Tokens of one workspace, and the notifier that wakes without telling.
#include <gtest/gtest.h>

#include "server/app/notifier.hpp"
#include "server/app/server_keys.hpp"

namespace satchel::server {
namespace {

TEST(Tokens, AreOfOneWorkspace) {
  crypto::Key32 key;
  WorkspaceId ours;
  ours.octets[0] = 1;
  WorkspaceId theirs;
  theirs.octets[0] = 2;
  sync::DeviceId device;
  device.octets[0] = 9;
  const std::string token = AccessTokens{key, ours}.make(device, 1'000'000);
  const auto opened = AccessTokens{key, ours}.open(token, 1'000'000);
  ASSERT_TRUE(opened);
  EXPECT_EQ(*opened, device);
  // Even where both were given one key.
  const auto elsewhere = AccessTokens{key, theirs}.open(token, 1'000'000);
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error(),
            (Error{Errc::kUnauthenticated, "the token is of another workspace"}));
}

struct Ear final : Listening {
  int pokes = 0;
  std::vector<Errc> cuts;
  void poke() override { ++pokes; }
  void cut(const sync::DeviceId&, const std::string&, const Error& error) override {
    cuts.push_back(error.code);
  }
};

struct NotifierTest : testing::Test {
  std::vector<std::function<void()>> posted;
  Notifier notifier{[this](std::function<void()> round) { posted.push_back(std::move(round)); }};
  std::shared_ptr<Ear> ann = std::make_shared<Ear>();
  std::shared_ptr<Ear> bob = std::make_shared<Ear>();

  NotifierTest() {
    notifier.add(ann);
    notifier.add(bob);
  }
  void run_rounds() {
    const auto rounds = std::exchange(posted, {});
    for (const auto& round : rounds) round();
  }
};

TEST_F(NotifierTest, ManyCommitsBeforeARoundAreOneRound) {
  for (int i = 0; i < 100; ++i) notifier.poke_all();
  EXPECT_EQ(posted.size(), 1U);
  EXPECT_EQ(ann->pokes, 0) << "never on the writer's thread";
  run_rounds();
  EXPECT_EQ(ann->pokes, 1);
  EXPECT_EQ(bob->pokes, 1);
}

TEST_F(NotifierTest, ACommitAfterARoundHasBegunIsAnotherRound) {
  notifier.poke_all();
  run_rounds();
  notifier.poke_all();
  run_rounds();
  EXPECT_EQ(ann->pokes, 2);
}

TEST_F(NotifierTest, WhoHasLeftIsNeitherWokenNorKeptAlive) {
  notifier.remove(ann.get());
  bob.reset();
  notifier.poke_all();
  run_rounds();
  EXPECT_EQ(ann->pokes, 0);
  notifier.cut({}, "", Error{Errc::kDeviceRevoked});
  EXPECT_TRUE(ann->cuts.empty());
}

}  // namespace
}  // namespace satchel::server
