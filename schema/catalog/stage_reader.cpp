#include "schema/catalog/stage_reader.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "schema/catalog/nodes.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {
namespace {

using Pairs = std::set<std::pair<std::uint8_t, std::uint8_t>>;

// Reads one table; remembers whether it had to complain.
class StageTableReader {
 public:
  StageTableReader(const Place& place, Complaints& complaints)
      : place_(place), complaints_(complaints) {}

  std::shared_ptr<const StageTable> read(words::StageTable::Reader table) {
    read_stages(table.getStages());
    Pairs moves;
    for (const auto move : table.getMoves()) add_pairs(move.getFrom(), move.getTo(), moves);
    Pairs beats;
    for (const auto order : table.getBeats()) add_pairs(order.getStage(), order.getOver(), beats);
    read_names(table.getServerOnly(), table_.server_only);
    read_names(table.getNeedsReason(), table_.needs_reason);
    table_.moves.assign(moves.begin(), moves.end());
    close(beats);
    if (!sound_) return nullptr;
    return std::make_shared<const StageTable>(std::move(table_));
  }

 private:
  void complain(const std::string& what) {
    complaints_.add(place_, what);
    sound_ = false;
  }

  void read_stages(capnp::List<capnp::Text>::Reader stages) {
    if (stages.size() == 0 || stages.size() > limits::kStagesMax) {
      return complain("a stage table has 1 to " + std::to_string(limits::kStagesMax) + " stages");
    }
    for (const auto stage : stages) {
      const std::string name{view(stage)};
      if (!is_name(name)) complain("a stage's name is letters and digits");
      if (table_.find(name)) complain("the stage " + name + " is listed twice; list it once");
      table_.stages.push_back(name);
    }
  }

  std::optional<std::uint8_t> stage(capnp::Text::Reader name) {
    const auto index = table_.find(view(name));
    if (!index) {
      complain("the stage " + printable(name) + " is not among the stages; add it or correct it");
    }
    return index;
  }

  void add_pairs(capnp::Text::Reader from, capnp::List<capnp::Text>::Reader to, Pairs& into) {
    if (to.size() > limits::kStagesMax) return complain("a stage is listed twice");
    const auto first = stage(from);
    for (const auto name : to) {
      const auto second = stage(name);
      if (first && second) into.emplace(*first, *second);
    }
  }

  void read_names(capnp::List<capnp::Text>::Reader names, std::vector<std::uint8_t>& into) {
    if (names.size() > limits::kStagesMax) return complain("a stage is listed twice");
    std::set<std::uint8_t> found;
    for (const auto name : names) {
      if (const auto index = stage(name)) found.insert(*index);
    }
    into.assign(found.begin(), found.end());
  }

  // What beats a winner beats the loser too (Warshall over at most 64 stages).
  void close(Pairs beats) {
    const auto count = static_cast<std::uint8_t>(table_.stages.size());
    for (std::uint8_t via = 0; via < count; ++via) {
      for (std::uint8_t a = 0; a < count; ++a) {
        if (!beats.contains({a, via})) continue;
        for (std::uint8_t b = 0; b < count; ++b) {
          if (beats.contains({via, b})) beats.emplace(a, b);
        }
      }
    }
    for (std::uint8_t a = 0; a < count; ++a) {
      if (beats.contains({a, a})) {
        return complain("the stage " + table_.stages[a] +
                        " would beat itself; precedence is a strict partial order");
      }
    }
    table_.beats.assign(beats.begin(), beats.end());
  }

  static std::string printable(capnp::Text::Reader name) {
    return is_name(view(name)) ? std::string{view(name)} : std::string{"(not a name)"};
  }

  const Place& place_;
  Complaints& complaints_;
  StageTable table_;
  bool sound_ = true;
};

}  // namespace

std::shared_ptr<const StageTable> read_stage_table(words::StageTable::Reader table,
                                                   const Place& place, Complaints& complaints) {
  return StageTableReader{place, complaints}.read(table);
}

}  // namespace satchel::schema
