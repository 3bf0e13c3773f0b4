// Made-up accounts of about 500 bytes of JSON each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace satchel::bench {

// The id of the account of this number: a UUIDv7 that follows from it.
std::string account_id(std::size_t number);

// Accounts belong to the reps rep0 to rep19, whom the server must know first.
inline constexpr std::size_t kOwners = 20;

// And to territories that reps of the benchmark have been given all of (Server::add_rep).
inline constexpr std::size_t kTerritories = 50;
inline std::string territory_name(std::size_t number) {
  return "T" + std::to_string(number % kTerritories);
}

// One line of NDJSON, as `satchelctl import` reads it.
std::string account_line(std::size_t number);

// Writes the accounts of numbers [first, end); gives the mean bytes of a line.
double write_accounts(const std::string& file, std::size_t first, std::size_t end);

// The company of the stages that grow it: one slice with a day's visits, fifty little ones whose
// devices push, and all else in the territories of territory_name.
inline constexpr std::size_t kDayAccounts = 1'980;
inline constexpr std::size_t kDayVisits = 20;
inline constexpr std::size_t kPushers = 50;
inline constexpr std::size_t kPusherAccounts = 40;
inline constexpr std::size_t kSpecialAccounts = kDayAccounts + kPushers * kPusherAccounts;
std::string company_territory(std::size_t number);

// Writes the accounts of numbers [0, end) of that company as CSV; gives the mean bytes of a row.
double write_company(const std::string& file, std::size_t end);

// Writes the visits of the day that begins at `now_us`, NDJSON: at the first accounts, of `owner`.
void write_day(const std::string& file, const std::string& owner, std::int64_t now_us);
std::string visit_id(std::size_t number);

}  // namespace satchel::bench
