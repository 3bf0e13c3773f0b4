#include "sync/merge/sentence.hpp"

#include <algorithm>

#include "schema/catalog/json.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/shown_json.hpp"

namespace satchel::sync {
namespace {

using schema::FieldDef;
using schema::Reopening;
using schema::Rule;

// "a", "a and b", "a, b and c"; past eight "... and 3 more".
std::string listed(const std::vector<std::string>& parts) {
  constexpr std::size_t kNamedMax = 8;
  const std::size_t named = parts.size() > kNamedMax ? kNamedMax - 1 : parts.size();
  std::string out;
  for (std::size_t i = 0; i < named; ++i) {
    if (i > 0) out += i + 1 == parts.size() ? " and " : ", ";
    out += parts[i];
  }
  if (named < parts.size()) out += " and " + std::to_string(parts.size() - named) + " more";
  return out;
}

std::string quoted(std::string_view text) {
  std::string out;
  schema::append_json_string(out, text);
  return out;
}

std::string upper_first(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

// Tells one field's story. Thread-bound; the references outlive it.
class Teller {
 public:
  Teller(const FieldDef& field, std::span<const Entry> entries, const FieldReading& reading,
         const NameOfReplica& name)
      : field_(field), entries_(entries), reading_(reading), name_(name) {}

  std::string tell();

 private:
  struct Contest {
    const Entry* entry = nullptr;
    RegisterReading shown;
  };

  std::string by(const Sibling& sibling) const {
    return "by " + person_of(name_, sibling.dot.replica) + " (" + utc_text(sibling.stamp) + ")";
  }
  std::string named() const { return "the field " + field_.name; }
  std::string rule() const { return " (" + std::string{schema::name_of(field_.rule)} + ")"; }
  std::string stage_name(const Sibling& sibling) const {
    const auto stage = stage_of(field_, sibling.value);
    return stage ? quoted(*stage) : "a cleared stage";
  }
  std::vector<const Sibling*> losers(const Contest& contest) const;
  std::string kept(const Contest& contest, std::string_view noun, std::string_view fate) const;
  std::string stage_reason(const Contest& contest) const;
  std::string latest_reason(const Contest& contest) const;
  std::string reason(const Contest& contest) const;
  std::string contested_stage(const Contest& contest) const;
  std::string register_story(const Contest& contest) const;
  std::string membership_story(const Contest& contest) const;
  std::string reopened(const ReopenedReading& reading) const;
  std::string plain() const;
  std::string map() const;
  std::string counter() const;
  std::string extreme() const;

  const FieldDef& field_;
  std::span<const Entry> entries_;
  const FieldReading& reading_;
  const NameOfReplica& name_;
};

std::vector<const Sibling*> Teller::losers(const Contest& contest) const {
  std::vector<const Sibling*> lost;
  for (const Sibling& sibling : contest.entry->state.siblings) {
    if (&sibling != contest.shown.shown) lost.push_back(&sibling);
  }
  return lost;
}

// "the concurrent write by Ann (...) is kept and can be restored"
std::string Teller::kept(const Contest& contest, std::string_view noun,
                         std::string_view fate) const {
  std::vector<std::string> parts;
  for (const Sibling* sibling : losers(contest)) parts.push_back(by(*sibling));
  const bool one = parts.size() == 1;
  return "the concurrent " + std::string{noun} + (one ? " " : "s ") + listed(parts) +
         (one ? " is " : " are ") + std::string{fate};
}

std::string Teller::latest_reason(const Contest& contest) const {
  const auto lost = losers(contest);
  const bool tie = std::any_of(lost.begin(), lost.end(), [&](const Sibling* sibling) {
    return sibling->stamp == contest.shown.shown->stamp;
  });
  return tie ? "it is the latest of the concurrent writes, by replica id among equal stamps"
             : "it is the latest of the concurrent writes";
}

std::string Teller::stage_reason(const Contest& contest) const {
  const std::string shown = stage_name(*contest.shown.shown);
  std::vector<std::string> beaten;
  for (const Sibling* sibling : losers(contest)) {
    std::string stage = stage_name(*sibling);
    const bool told = std::find(beaten.begin(), beaten.end(), stage) != beaten.end();
    if (stage != shown && !told) beaten.push_back(std::move(stage));
  }
  if (beaten.empty()) return "all moved to " + shown + " and the latest is shown";
  return shown + " beats " + listed(beaten);
}

std::string Teller::reason(const Contest& contest) const {
  switch (register_rule(field_)) {
    case Rule::kMulti:
      return contest.shown.flagged ? latest_reason(contest)
                                   : "all concurrent writes wrote the same";
    case Rule::kOnce:
    case Rule::kLog: return "the first write stands";
    case Rule::kDeny: return "the most restrictive of the concurrent values stands";
    case Rule::kMax: return "the greatest of the concurrent values stands";
    case Rule::kMin: return "the least of the concurrent values stands";
    case Rule::kStage: return stage_reason(contest);
    default: return latest_reason(contest);
  }
}

std::string Teller::contested_stage(const Contest& contest) const {
  std::vector<std::string> branches;
  for (const Sibling& sibling : contest.entry->state.siblings) {
    branches.push_back(stage_name(sibling) + ' ' + by(sibling));
  }
  return named() + " is contested because none of " + listed(branches) + " beats all others" +
         rule() + "; the latest that none beats, " + stage_name(*contest.shown.shown) +
         ", is shown and the others are kept until a person decides";
}

// Of one register with at least one sibling, without the full stop.
std::string Teller::register_story(const Contest& contest) const {
  const Sibling& shown = *contest.shown.shown;
  const bool cleared = !contest.shown.present;
  if (contest.entry->state.siblings.size() == 1) {
    return person_of(name_, shown.dot.replica) + (cleared ? " cleared " : " wrote ") + field_.name +
           " (" + utc_text(shown.stamp) + ") and nobody wrote it concurrently" + rule();
  }
  if (contest.shown.contested) return contested_stage(contest);
  const bool once = register_rule(field_) == Rule::kOnce;
  const std::string fate =
      once ? "kept until the server returns it to its author" : "kept and can be restored";
  return std::string{cleared ? "the clearing of " : "the write of "} + field_.name + ' ' +
         by(shown) + (cleared ? " stands" : " is shown") +
         (contest.shown.flagged ? " until a person decides" : "") + " because " + reason(contest) +
         rule() + "; " + kept(contest, "write", fate);
}

// Of one element of a set with several siblings.
std::string Teller::membership_story(const Contest& contest) const {
  const bool access = register_rule(field_) == Rule::kAccessSet;
  const auto lost = losers(contest);
  const bool removed = !contest.shown.present;
  const bool opposed = std::any_of(lost.begin(), lost.end(), [&](const Sibling* sibling) {
    return is_null_bytes(sibling->value) != removed;
  });
  const bool all_opposed = std::all_of(lost.begin(), lost.end(), [&](const Sibling* sibling) {
    return is_null_bytes(sibling->value) != removed;
  });
  const std::string what = removed ? "removal" : "add";
  const std::string noun = !all_opposed ? "write" : removed ? "add" : "removal";
  const std::string element = quoted(key_text(field_, contest.entry->key));
  if (!opposed) {
    return "several replicas wrote the same " + what + " of " + element + " in " + field_.name +
           " concurrently" + rule() + ", so nothing was lost";
  }
  return "the " + what + " of " + element + " in " + field_.name + ' ' + by(*contest.shown.shown) +
         " stands because " + (access ? "a removal wins against a concurrent add"
                                      : "an add wins against a concurrent removal") +
         rule() + "; " + kept(contest, noun, "kept and can be restored");
}

// Without the full stop.
std::string Teller::reopened(const ReopenedReading& reading) const {
  const Reopening& how = *field_.reopening;
  return named() + " is " + quoted(field_.stages->stages[how.to]) +
         " again because the entry that was added to " + how.log + ' ' + by(*reading.by) +
         " had not seen the move to " + stage_name(*reading.moved) + ' ' + by(*reading.moved) +
         rule() + "; the move is kept and can be restored";
}

std::string Teller::plain() const {
  if (reading_.reopened) return reopened(read_reopened(field_, entries_));
  const bool written = !entries_.empty() && entries_.front().key.empty();
  if (!written || entries_.front().state.siblings.empty()) {
    return named() + " was never written" + rule();
  }
  return register_story(
      {&entries_.front(), read_register(field_.rule, field_, entries_.front().state)});
}

std::string Teller::map() const {
  const Rule each = register_rule(field_);
  std::vector<Contest> contests;
  for (const Entry& entry : entries_) {
    if (entry.state.siblings.size() < 2) continue;
    contests.push_back({&entry, read_register(each, field_, entry.state)});
  }
  const std::string noun = each == Rule::kSet || each == Rule::kAccessSet ? "element" : "entry";
  const std::string nouns = noun == "entry" ? "entries" : "elements";
  const std::size_t count = reading_.items.size();
  if (contests.empty()) {
    return named() + " shows " + std::to_string(count) + ' ' + (count == 1 ? noun : nouns) +
           " and no " + noun + " was written concurrently" + rule();
  }
  // The one that a person should look at first, else the first by key.
  auto told = std::find_if(contests.begin(), contests.end(),
                           [](const Contest& contest) { return contest.shown.flagged; });
  if (told == contests.end()) told = contests.begin();
  std::string story = each == Rule::kSet || each == Rule::kAccessSet
                          ? membership_story(*told)
                          : "under " + quoted(key_text(field_, told->entry->key)) + " " +
                                register_story(*told);
  if (contests.size() > 1) {
    const std::size_t more = contests.size() - 1;
    story += ", and " + std::to_string(more) + " more " +
             (more == 1 ? noun + " was" : nouns + " were") + " written concurrently";
  }
  return story;
}

std::string Teller::counter() const {
  std::vector<std::string> parts;
  for (const Entry& entry : entries_) {
    const RegisterReading own = read_register(Rule::kLww, field_, entry.state);
    if (!own.present) continue;
    std::string part;
    append_encoded_json(part, field_.type, own.shown->value);
    parts.push_back(part + " by " + person_of(name_, own.shown->dot.replica));
  }
  if (parts.empty()) return named() + " was never counted" + rule();
  return "the total " + shown_json(field_, reading_) + " of " + field_.name + " is the sum of " +
         listed(parts) + rule() + ", so nothing was lost";
}

std::string Teller::extreme() const {
  const bool max = schema::rule_in_force(field_.rule) == Rule::kMax;
  std::size_t authors = 0;
  const Sibling* winner = nullptr;
  for (const Entry& entry : entries_) {
    if (!entry.state.siblings.empty()) ++authors;
    for (const Sibling& sibling : entry.state.siblings) {
      const SiblingName name{entry.key, sibling.dot};
      const auto& winners = reading_.winners;
      if (std::find(winners.begin(), winners.end(), name) != winners.end()) winner = &sibling;
    }
  }
  if (winner == nullptr) return named() + " was never written" + rule();
  return "the value " + shown_json(field_, reading_) + " of " + field_.name + ' ' + by(*winner) +
         " is the " + (max ? "greatest" : "least") + " that " + std::to_string(authors) +
         (authors == 1 ? " replica" : " replicas") + " wrote" + rule() + ", so no " +
         (max ? "lesser" : "greater") + " one takes its place";
}

std::string Teller::tell() {
  std::string story;
  if (reading_.withheld && !reading_.present) {
    story = named() + " is withheld from this replica by policy";
  } else {
    switch (schema::rule_in_force(field_.rule)) {
      case Rule::kSet:
      case Rule::kAccessSet:
      case Rule::kLog:
      case Rule::kMap: story = map(); break;
      case Rule::kCounter: story = counter(); break;
      case Rule::kMax:
      case Rule::kMin: story = extreme(); break;
      default: story = plain();
    }
  }
  return upper_first(std::move(story)) + '.';
}

}  // namespace

std::string person_of(const NameOfReplica& name, const ReplicaId& replica) {
  std::string person = name ? name(replica) : std::string{};
  return person.empty() ? "replica " + to_text(replica).substr(0, 8) : person;
}

std::string sentence_of(const FieldDef& field, std::span<const Entry> entries,
                        const FieldReading& reading, const NameOfReplica& name) {
  return Teller{field, entries, reading, name}.tell();
}

}  // namespace satchel::sync
