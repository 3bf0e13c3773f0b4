// Made-up accounts of about 500 bytes of JSON each.
#pragma once

#include <cstddef>
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

}  // namespace satchel::bench
