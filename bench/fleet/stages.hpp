// What the fleet benchmark does, one function per line of its table. Each prints its figures.
#pragma once

#include <cstddef>
#include <memory>
#include <satchel/satchel.hpp>
#include <string>

#include "bench/fleet/relay.hpp"
#include "bench/fleet/server.hpp"

namespace satchel::bench {

inline constexpr const char* kPurpose = "CustomerRelationshipManagement";

struct Setting {
  std::string bin;     // Where the shipped binaries lie.
  std::string folder;  // Everything is written below it.
  std::string self;    // This program, to be run as a device in a process of its own.
  std::size_t records = 100'000;
  std::size_t idle_devices = 200;
  std::size_t edits = 300;
  int rounds = 3;
  std::size_t devices = 1'000;  // That come back after an outage.
  std::size_t handovers = 30;
  std::string only;   // The name of one stage; empty: all.
  std::string peers;  // The script of the slow peers; empty: nothing is measured beside them.
};

// Gives up where the SDK answers an error.
template <class T>
T take(Result<T> result) {
  if (!result) give_up(result.error().message());
  return std::move(*result);
}
void take(const Status& status);

Config home(const Setting& setting, const std::string& name, const Relay* relay = nullptr);
// Enrols a device under a fresh code and leaves its home closed.
void enroll(const Server& server, const Config& config, const std::string& user);

// A company of Setting::records accounts, imported in three steps; between them it is measured what
// a sync costs when nothing or one record changed.
void grow_company(const Setting& setting, Server& server, Relay& relay);
// First sync of fresh devices, each a process of its own. Leaves homes "first0" .. behind.
void measure_first_sync(const Setting& setting, Server& server, Relay& relay);
// 2,000 records with two changed fields, from a device that holds all.
void measure_push(const Setting& setting, Relay& relay);
void measure_open(const Setting& setting);
void measure_edit(const Setting& setting, Server& server);
// On a server of its own, whose devices hold little.
void measure_idle(const Setting& setting);
// On a server of its own: syncs alone and beside a thousand peers that drip and do not read.
void measure_slow_peers(const Setting& setting);

// Reps rep0 to rep19 and the first accounts (accounts.hpp) that they own; ann holds them all.
void import_accounts(const Setting& setting, Server& server, std::size_t records);
// Of a fresh device of ann in a process of its own, through the relay; gives up where it received
// less than all.
double first_sync_seconds(const Setting& setting, const Server& server, const std::string& name,
                          const Relay& relay);

// Each of these on a server of its own.
// An account with 500 dependents goes to and fro between two live devices.
void measure_handover(const Setting& setting);
// First sync over a line with round trips of 100 ms.
void measure_far(const Setting& setting);
// Setting::devices come back at once with commits of their own.
void measure_outage(const Setting& setting);

// What is measured of a company of a size.
struct ScaleParts {
  bool slices = false;   // First sync of a slice, one change, 1,000 changes, memory.
  bool ingest = false;   // 50 devices push.
  bool restart = false;  // kill -9 and start.
};
// A company of `wanted` accounts, but at least those of its slices, imported from CSV, and what
// `parts` say of it.
void measure_scale(const Setting& setting, std::size_t wanted, const ScaleParts& parts);

// What a device's own process does; each prints one line.
int run_first_sync(const Setting& setting, const std::string& name, const std::string& connect);
int run_open(const Setting& setting, const std::string& name);

}  // namespace satchel::bench
