// Keeps the store from growing for ever: looks once a minute at what of the commit log no device
// needs any more, and once an hour at what else may go (sync/hub/compaction.hpp). Notices, too,
// that everybody has been here since a restore.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/app/writer.hpp"
#include "sync/hub/compaction.hpp"

namespace satchel::server {

// Thread-safe. A thread of its own, which gives the writer small jobs, so that nobody waits long
// behind one.
class LogKeeper {
 public:
  // Both outlive it; the writer has to be there until stop() is back.
  LogKeeper(sync::Hub& hub, Writer& writer, const sync::LogRetention& retention,
            const sync::CompactionRule& rule)
      : hub_(hub), writer_(writer), retention_(retention), rule_(rule) {}
  ~LogKeeper() { stop(); }
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

  void start();
  void stop();

 private:
  void work();
  Status trim();
  Status settle_recovery();
  bool stopped_within(std::chrono::milliseconds time);

  sync::Hub& hub_;
  Writer& writer_;
  const sync::LogRetention retention_;
  const sync::CompactionRule rule_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;  // Under mutex_.
  std::thread thread_;
};

}  // namespace satchel::server
