// Watches a query while the replica syncs in the background, until so many rows were seen.
//
//   live_query FOLDER COLLECTION EXPRESSION COUNT
#include <satchel/satchel.hpp>

#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <set>
#include <string>

namespace {

constexpr const char* kPurpose = "CustomerRelationshipManagement";

int fail(const satchel::Error& error) {
  std::cerr << error.name() << ": " << error.message() << '\n';
  return error.exit_status();
}

// The rows that the query shows; told on the SDK's thread, waited for on ours.
class Screen {
 public:
  void take(const satchel::Event& event) {
    const std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < event.size(); ++i) {
      auto row = satchel::Record::parse(event[i]);
      if (!row) continue;
      const std::string id = (*row)["id"].text_or("");
      if ((*row)["change"].text_or("") == "removed") {
        shown_.erase(id);
      } else {
        shown_.insert(id);
      }
      std::cout << event[i] << '\n';
    }
    changed_.notify_all();
  }
  bool wait_for(std::size_t count, std::chrono::seconds patience) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, patience, [&] { return shown_.size() >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> shown_;
};

int run(char** words) {
  satchel::Config config;
  config.path = words[1];
  auto db = satchel::Replica::open(config);
  if (!db) return fail(db.error());
  Screen screen;
  auto live = db->observe_query(kPurpose, words[2], words[3], {},
                                [&screen](const satchel::Event& event) { screen.take(event); });
  if (!live) return fail(live.error());
  if (auto started = db->sync_start(); !started) return fail(started.error());
  const auto wanted = static_cast<std::size_t>(std::strtoul(words[4], nullptr, 10));
  const bool seen = screen.wait_for(wanted, std::chrono::seconds{30});
  live->cancel_and_wait();
  return seen ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5) return run(argv);
  std::cerr << "usage: live_query FOLDER COLLECTION EXPRESSION COUNT\n";
  return 2;
}
