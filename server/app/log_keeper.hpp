// Keeps the commit log from growing for ever: looks once a minute at what no device needs any more.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/app/writer.hpp"

namespace satchel::server {

// Thread-safe. A thread of its own, which gives the writer small jobs, so that nobody waits long
// behind one.
class LogKeeper {
 public:
  // Both outlive it; the writer has to be there until stop() is back.
  LogKeeper(sync::Hub& hub, Writer& writer, const sync::LogRetention& retention)
      : hub_(hub), writer_(writer), retention_(retention) {}
  ~LogKeeper() { stop(); }
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

  void start();
  void stop();

 private:
  void work();
  Status trim();
  bool stopped_within(std::chrono::milliseconds time);

  sync::Hub& hub_;
  Writer& writer_;
  const sync::LogRetention retention_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;  // Under mutex_.
  std::thread thread_;
};

}  // namespace satchel::server
