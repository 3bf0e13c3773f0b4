// Names of the branches that a world came through. The worlds of one smoke run must together come
// through all of them: a simulator that cannot reach a branch is blind to it.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace satchel::sim {

// Every mark there is, so that one that nothing reaches any more is missed.
inline constexpr std::string_view kMarks[] = {
    "cut mid-message",
    "message delivered late",
    "lost ack, repeated commit answered",
    "push replayed",
    "hello replayed",
    "device crashed",
    "server crashed before the commit",
    "server crashed before the ack",
    "store failed",
    "commit denied",
    "commit invalid",
    "commit reduced",
    "frozen write taken out",
    "kept record not deleted",
    "stage reopened",
    "merged outcome",
    "delete against edit",
    "record restored",
    "deleted for good",
    "record changed hands",
    "record evicted",
    "home lost",
    "stage contested",
    "stamp lowered",
    "clock jumped",
    "server restored by tool",
    "raw copy noticed",
    "commit re-offered",
    "known commit re-offered",
    "device restored",
    "device copied",
    "schema upgraded",
    "newer schema adopted",
    "server with an older schema met",
    "register unknown to the server kept",
    "register unknown to the device kept",
    "device restored again",
    "renumbered commit known again",
    "fork noticed",
    "fence noticed",
    "refused write retried",
    "admin write",
    "log trimmed",
    "device behind the log",
    "bootstrap resumed",
    "priority slice sent",
    "page taken back by a power cut",
    "new life cut before its first page",
    "reading cut while it was replaced",
    "territory given",
    "territory taken away",
    "person disabled",
    "replica expired",
    "expired device began anew",
    "deleted record compacted",
    "write to a compacted record came back",
    "write of an expired device applied",
    "losers settled",
    "record came back",
    "moved along with another",
    "left one scope for another",
    "kept, and shown to its author no more",
    "record damaged at the server",
    "record without its name damaged at the server",
    "damaged record passed over",
    "write to a damaged record came back",
    "damaged record told again",
    "record damaged on a device",
    "damaged record pulled again",
    "damaged record healed",
    "quiet exchange weighed",
    "edit by the office weighed",
    "edit by a device weighed",
    "edit of what one may not hold weighed",
};

// One of kMarks, by its place there: a name that is not listed does not compile.
struct Mark {
  std::size_t index = 0;
  explicit consteval Mark(std::string_view name) {
    while (kMarks[index] != name) ++index;
  }
};

// Says that the world whose marks are `marks_` came through here.
#define REACHED(name) marks_.reach(::satchel::sim::Mark{name})

// Value type; thread-compatible.
class Marks {
 public:
  void reach(Mark mark) { reached_[mark.index] = true; }
  void join_with(const Marks& other) {
    for (std::size_t i = 0; i < reached_.size(); ++i)
      reached_[i] = reached_[i] || other.reached_[i];
  }
  [[nodiscard]] bool contains(std::size_t index) const { return reached_[index]; }

 private:
  std::array<bool, std::size(kMarks)> reached_{};
};

}  // namespace satchel::sim
