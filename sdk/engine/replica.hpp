// The engine behind a satchel_replica: the store and the edge, one thread for sync and events, and
// the doors through which hosts read and write.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "sdk/engine/core.hpp"
#include "sdk/engine/delivery.hpp"
#include "sdk/engine/gate.hpp"
#include "sdk/engine/sync_driver.hpp"
#include "sdk/engine/verify.hpp"

namespace satchel::sdk {

struct Rows {
  std::vector<std::string> rows;
  std::string plan{};
  // Where records could not be read: these rows are not all there are. Names them.
  std::optional<Error> damage{};
  std::set<RecordId> unreadable{};
};
struct QueryOptions {
  std::string order{};
  std::size_t limit = 0;
};

class WriteScope;

// Thread-safe. Every JSON text has the shape that satchel.h gives it.
class Replica final : private SyncHost {
 public:
  static Result<std::unique_ptr<Replica>> open(Config config);
  static Result<std::unique_ptr<Replica>> enroll(Config config, std::string_view code,
                                                 std::string_view device_name,
                                                 milliseconds timeout);
  static Status wipe(const Config& config);
  // Stops and waits for what runs. Not from a handler: see may_block().
  ~Replica() override;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  Status suspend();
  Status resume();
  Result<crypto::KeyStrength> rotate_keys();
  Result<VerifyReport> verify();
  Result<std::string> heal();
  Result<std::size_t> narrow(std::uint32_t days);  // Edge::narrow.
  Result<std::string> status();
  Result<std::int64_t> trusted_now_us();
  Result<std::string> schema();

  Result<std::string> get(std::string_view purpose, std::string_view collection,
                          std::string_view id);
  Result<Rows> query(std::string_view purpose, std::string_view collection,
                     std::string_view expression, const QueryOptions& options);
  Result<Rows> search(std::string_view purpose, std::string_view text, std::string_view collection,
                      std::size_t limit);
  Result<Rows> conflicts(std::string_view purpose, std::string_view collection);
  Result<Rows> explain(std::string_view purpose, std::string_view collection, std::string_view id,
                       std::string_view field);
  Result<Rows> dump(std::string_view purpose, bool clocks);
  Result<Rows> pending();
  Result<std::string> pending_item(std::uint64_t commit);
  Result<Rows> inbox();
  Result<std::string> inbox_item(std::uint64_t item);
  Result<std::uint64_t> inbox_retry(std::uint64_t item);
  Status inbox_discard(std::uint64_t item);

  Result<std::unique_ptr<WriteScope>> begin_write(std::string_view purpose, milliseconds deadline);

  // Not from a handler.
  Result<std::string> sync_once(milliseconds timeout, unsigned retries);
  Status sync_start();
  Status sync_stop();
  Status sync_reachable(bool reachable);

  std::shared_ptr<Subscription> observe_status(EventHandler handler);
  Result<std::shared_ptr<Subscription>> observe_changes(std::string_view purpose,
                                                        EventHandler handler);
  Result<std::shared_ptr<Subscription>> observe_query(std::string_view purpose,
                                                      std::string_view collection,
                                                      std::string_view expression,
                                                      const QueryOptions& options,
                                                      EventHandler handler);
  // Whether the calling thread is the engine's or inside a handler.
  [[nodiscard]] bool in_callback() const;

 private:
  friend class WriteScope;
  explicit Replica(Config config);

  // SyncHost
  Gate& gate() override { return gate_; }
  Core* core() override { return core_.get(); }
  const Config& config() override { return config_; }
  void status_changed() override;
  void wipe_ordered() override;
  void log(LogLevel level, std::string_view line) override;

  // kCancelled while suspended, kDeviceWiped once the server has ordered that. Under the gate.
  Result<Core*> held_core();
  // The same, to read or write: kStoreCorrupt while the schema is lost.
  Result<Core*> open_core();
  void adopt(std::unique_ptr<Core> core);
  void on_change(std::span<const sync::RecordChange> changes);
  void start_engine();
  // kUsage on the engine's thread, in a handler, or while this thread has a write open.
  Status may_block();
  Status make_enrolment(std::string_view code, std::string_view device_name, milliseconds timeout);
  Result<std::string> ask(const Endpoint& endpoint, HttpsRequest request, milliseconds timeout);
  void mark_status();

  Status find_conflicts(Core& core);
  Result<Rows> run_query(Core& core, std::string_view purpose,
                         const schema::CollectionDef& collection, std::string_view expression,
                         const QueryOptions& options);

  // Changed records that a subscriber has not been told of.
  struct ChangeFeed {
    struct Item {
      CollectionId collection = 0;
      std::set<FieldId> fields;
      Sequence seq = 0;
      bool gone = false;
    };
    std::mutex mutex;
    std::map<RecordId, Item> items;
    std::shared_ptr<Subscription> subscription;
  };
  struct LiveQuery {
    std::atomic<CollectionId> collection{0};
    std::map<std::string, std::string> shown;  // By id; touched on the delivering thread alone.
    bool told = false;
    std::shared_ptr<Subscription> subscription;
  };
  Result<std::optional<Event>> collect_changes(ChangeFeed& feed, const std::string& purpose);
  Result<std::optional<Event>> collect_query(LiveQuery& live, const std::string& purpose,
                                             const std::string& collection,
                                             const std::string& expression,
                                             const QueryOptions& options);

  Config config_;
  Gate gate_;
  std::unique_ptr<Core> core_;                              // Under gate_.
  bool wiped_ = false;                                      // Under gate_.
  std::optional<std::unordered_set<RecordId>> conflicted_;  // Under gate_; built when first asked.
  std::vector<sync::UnreadableRecord> conflicts_unread_;    // Under gate_; of which nobody knows.
  std::unordered_set<RecordId> to_recheck_;                 // Under gate_.

  Loop loop_;
  SyncDriver driver_{loop_, *this};
  std::mutex engine_mutex_;
  std::thread engine_;  // Under engine_mutex_.
  bool closing_ = false;
  std::atomic<std::thread::id> engine_id_{};
  std::shared_ptr<Delivery> delivery_;

  std::mutex observers_mutex_;
  std::vector<std::shared_ptr<ChangeFeed>> feeds_;
  std::vector<std::shared_ptr<LiveQuery>> live_queries_;
  std::vector<std::shared_ptr<Subscription>> status_observers_;
};

}  // namespace satchel::sdk
