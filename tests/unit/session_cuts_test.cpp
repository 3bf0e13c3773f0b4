// An exchange cut at every byte, one after the other: a commit takes effect exactly once, and a
// device that comes back is served at its first attempt.
#include <gtest/gtest.h>

#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

enum class Way { kUp, kDown };

// Carries so many bytes in one direction. The message that the next one lies in never arrives, nor
// does anything after it: a WebSocket gives whole messages or none.
class CutWire {
 public:
  CutWire(Way way, std::size_t room) : way_(way), room_(room) {}
  bool carries(bool to_hub, const Bytes& message) {
    if (cut_ || to_hub != (way_ == Way::kUp)) return !cut_;
    cut_ = message.size() > room_;
    if (!cut_) room_ -= message.size();
    return !cut_;
  }
  [[nodiscard]] bool cut() const { return cut_; }

 private:
  Way way_;
  std::size_t room_;
  bool cut_ = false;
};

struct SessionCuts : testing::Test {
  std::unique_ptr<TwoReps> reps;
  RecordId shop;
  std::size_t added = 0;

  // A long log makes memory stores slow: two reps serve for so many cuts.
  static constexpr std::size_t kServed = 64;
  void begin_anew() {
    reps = std::make_unique<TwoReps>();
    added = 0;
    shop = reps->ann->create("accounts", "industry", Value{"retail"});
    EXPECT_TRUE(reps->ann->sync() && reps->bob->sync());
  }

  // One increment of ann's, pushed while now and then something of bob's is on its way to her, over
  // a wire cut at that byte. False: it was longer than the whole exchange.
  bool survives_a_cut_at(Way way, std::size_t byte, bool restarts) {
    auto& [office, ann, bob] = *reps;
    ++added;
    EXPECT_TRUE(ann->add("accounts", shop, "visitCount", 1));
    if (added % 4 == 1) {
      EXPECT_TRUE(bob->set("accounts", shop, "size", Value{std::to_string(added)}) && bob->sync());
    }
    CutWire wire{way, byte};
    const Status first =
        ann->sync([&](bool to_hub, const Bytes& message) { return wire.carries(to_hub, message); });
    EXPECT_EQ(first.has_value(), !wire.cut());
    if (!first) {
      EXPECT_EQ(first.error().code, Errc::kConnectionCut);
      if (restarts) ann->restart();
      EXPECT_TRUE(ann->sync()) << "the second connection is the last one needed";
    }
    EXPECT_EQ(ann->edge->pending_count(), 0U);
    const std::string wanted = std::to_string(added);
    EXPECT_EQ(hub_shows(office, *ann, "accounts", shop, "visitCount"), wanted);
    EXPECT_EQ(ann->shows("accounts", shop, "visitCount"), wanted);
    EXPECT_EQ(ann->shows("accounts", shop, "size"), bob->shows("accounts", shop, "size"));
    return wire.cut();
  }

  void survives_every_cut(Way way, std::size_t bytes_min) {
    std::size_t byte = 0;
    for (;; ++byte) {
      if (byte % kServed == 0) begin_anew();
      if (HasFailure() || !survives_a_cut_at(way, byte, byte % 2 == 1)) break;
    }
    EXPECT_FALSE(HasFailure()) << "cut at byte " << byte;
    EXPECT_GT(byte, bytes_min) << "the whole exchange was walked";
  }
};

TEST_F(SessionCuts, AtEveryByteOnTheWayUpTakeAnIncrementToEffectOnce) {
  survives_every_cut(Way::kUp, 400);
}

TEST_F(SessionCuts, AtEveryByteOnTheWayDownTakeAnIncrementToEffectOnce) {
  survives_every_cut(Way::kDown, 400);
}

}  // namespace
}  // namespace satchel::test
