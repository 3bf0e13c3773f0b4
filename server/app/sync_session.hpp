// One device's session between its socket, the writer and the notifier.
//
//   socket -> receive -> HubSession -> work -> Writer (bounded queue, group commit)
//   socket <- generate <- HubSession <- done <-+        Notifier -> poke
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <boost/asio/any_io_executor.hpp>

#include "server/app/notifier.hpp"
#include "server/app/writer.hpp"
#include "server/net/ports.hpp"
#include "sync/session/session.hpp"

namespace satchel::server {

// Thread-safe where its bases say so; all else is bound to executor(), a strand over the readers.
class SyncSession final : public SyncChannel,
                          public Listening,
                          public std::enable_shared_from_this<SyncSession> {
 public:
  struct Parts {
    sync::Hub& hub;
    Writer& writer;
    Notifier& notifier;
    std::function<void(const Error&)> on_latched;
  };
  // Registers with the notifier.
  static std::shared_ptr<SyncSession> open(Parts parts, sync::HubSession::Config config,
                                           net::any_io_executor readers, SyncWake wake);

  [[nodiscard]] net::any_io_executor executor() override { return strand_; }
  bool receive(Bytes message) override;
  std::optional<Bytes> generate() override;
  void detach() override;
  [[nodiscard]] bool may_read() const override { return may_read_; }
  [[nodiscard]] bool greeted() const override { return greeted_; }
  [[nodiscard]] std::optional<Closing> closing() const override;

  void poke() override;
  void cut(const sync::DeviceId& device, const std::string& user, const Error& error) override;

 private:
  SyncSession(Parts parts, sync::HubSession::Config config, net::any_io_executor readers,
              SyncWake wake);
  void fail(const Error& error);
  void note_greeting();
  void take_work();
  void stir();
  bool submit();
  void work_done(const std::function<void(const Status&)>& done, const Status& durable);

  Parts parts_;
  net::any_io_executor strand_;
  SyncWake wake_;
  sync::HubSession session_;
  std::optional<Writer::Job> held_;  // Found the queue full; tried again when there is room.
  std::size_t in_flight_ = 0;
  bool idle_ = false;  // The socket was told that there is nothing, and waits for a wake.
  bool waits_for_room_ = false;
  bool detached_ = false;
  bool failed_ = false;
  std::atomic<bool> may_read_ = true;
  std::atomic<bool> greeted_ = false;
  std::atomic<bool> poked_ = false;
  mutable std::mutex mutex_;
  std::optional<Closing> closing_;  // Under mutex_.
};

}  // namespace satchel::server
