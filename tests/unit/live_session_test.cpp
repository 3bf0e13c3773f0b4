// A session that stays: what it says at once and what it puts off.
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::EdgeSession;
using sync::HubSession;

// One live connection, with a hand on the clock.
struct Line {
  Phone& phone;
  HubSession hub_side;
  EdgeSession edge_side;
  std::size_t progress_frames = 0;

  explicit Line(Phone& of) : phone(of), hub_side(of.office.session()), edge_side(of.session(true)) {
    carry();
  }
  // Moves all there is, until nobody has anything more to say.
  void carry() {
    hub_side.poke();
    for (bool moved = true; moved;) {
      moved = false;
      phone.office.work_for(hub_side);
      auto down = hub_side.generate();
      ASSERT_TRUE(down.has_value());
      if (*down) {
        moved = true;
        ASSERT_TRUE(edge_side.receive(**down));
      }
      auto up = edge_side.generate();
      ASSERT_TRUE(up.has_value());
      if (*up) {
        moved = true;
        auto frame = wire::decode_frame(**up);
        ASSERT_TRUE(frame.has_value());
        progress_frames += std::holds_alternative<wire::Progress>(*frame) ? 1 : 0;
        ASSERT_TRUE(hub_side.receive(**up));
      }
    }
  }
};

struct LiveSession : TwoPhones {
  Line anns{*ann};

  void edit(Phone& phone, const std::string& to) {
    ASSERT_TRUE(phone.set("accounts", shop, "industry", Value{to}));
  }
};

TEST_F(LiveSession, OfTwoCopiesTheOneThatWouldHearOfTheOthersWriteTakesAnotherId) {
  Phone copy{*ann, 21};
  Line copys{copy};
  edit(*ann, "first");
  anns.carry();
  copys.hub_side.poke();
  const auto told = copys.hub_side.generate();
  ASSERT_FALSE(told.has_value());
  EXPECT_EQ(told.error().code, Errc::kFenced);
  ASSERT_TRUE(copy.set("accounts", shop, "size", Value{"big"}));
  ASSERT_TRUE(copy.edge->reidentify());
  ASSERT_TRUE(copy.sync_as_host() && copy.sync_as_host());
  anns.carry();
  EXPECT_EQ(ann->shows("accounts", shop, "size"), "\"big\"");
  EXPECT_EQ(copy.shows("accounts", shop, "industry"), "\"first\"");
}

TEST_F(LiveSession, SaysAtMostOnceASecondHowFarItIs) {
  ASSERT_TRUE(anns.edge_side.quiet());
  const std::size_t said = anns.progress_frames;
  ASSERT_GT(said, 0U) << "the first time it is said at once";
  for (int i = 0; i < 3; ++i) {
    edit(*bob, "trade " + std::to_string(i));
    ASSERT_TRUE(bob->sync());
    anns.carry();
    EXPECT_EQ(ann->shows("accounts", shop, "industry"), "\"trade " + std::to_string(i) + "\"");
    EXPECT_EQ(anns.progress_frames, said);
  }
  EXPECT_TRUE(anns.edge_side.owes_progress());
  ann->clock.pass(999'999);
  anns.carry();
  EXPECT_EQ(anns.progress_frames, said) << "not yet a second";
  ann->clock.pass(1);
  anns.carry();
  EXPECT_EQ(anns.progress_frames, said + 1);
  EXPECT_FALSE(anns.edge_side.owes_progress()) << "nothing is left to say";
}

TEST_F(LiveSession, ThatEndedBeforeItSaidHowFarItIsSaysSoWithTheNextHello) {
  const auto known = [this] {
    return (*office.hub->find_replica(ann->edge->state().replica))->progress.seq;
  };
  edit(*bob, "steel");
  ASSERT_TRUE(bob->sync());
  anns.carry();
  const auto held = ann->edge->state().cursor.seq;
  ASSERT_LT(known(), held);
  Line again{*ann};
  EXPECT_EQ(known(), held);
}

}  // namespace
}  // namespace satchel::test
