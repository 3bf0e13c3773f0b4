#include "server/app/sync_session.hpp"

#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "server/app/log.hpp"

namespace satchel::server {
namespace {

// Units of work of one session in the writer's queue at once; its socket is not read beyond.
constexpr std::size_t kWorkInFlightMax = 4;
constexpr std::uint32_t kBusyRetryMs = 1'000;
constexpr std::uint32_t kFullRetryMs = 30'000;
constexpr std::uint16_t kClosePolicy = 1008;
constexpr std::uint16_t kCloseInternal = 1011;
constexpr std::uint16_t kCloseTryLater = 1013;

std::uint32_t retry_after(Errc code) {
  if (code == Errc::kStoreFull || code == Errc::kStoreDiskFull || code == Errc::kStoreReadOnly) {
    return kFullRetryMs;
  }
  return code == Errc::kBackpressure || code == Errc::kStoreLatched ? kBusyRetryMs : 0;
}

std::uint16_t close_code(Errc code) {
  if (retry_after(code) != 0) return kCloseTryLater;
  return code == Errc::kInternal || is_store_error(code) ? kCloseInternal : kClosePolicy;
}

}  // namespace

SyncSession::SyncSession(Parts parts, sync::HubSession::Config config, net::any_io_executor readers,
                         SyncWake wake)
    : parts_(std::move(parts)),
      strand_(net::make_strand(readers)),
      wake_(std::move(wake)),
      session_(parts_.hub, std::move(config)) {}

std::shared_ptr<SyncSession> SyncSession::open(Parts parts, sync::HubSession::Config config,
                                               net::any_io_executor readers, SyncWake wake) {
  std::shared_ptr<SyncSession> session{
      new SyncSession(std::move(parts), std::move(config), std::move(readers), std::move(wake))};
  session->parts_.notifier.add(session);
  return session;
}

bool SyncSession::receive(Bytes message) {
  if (failed_) return false;
  const Status received = session_.receive(message);
  if (!received) {
    fail(received.error());
    return false;
  }
  take_work();
  stir();
  return true;
}

std::optional<Bytes> SyncSession::generate() {
  if (failed_ || detached_) return std::nullopt;
  auto frame = session_.generate();
  if (!frame) {
    fail(frame.error());
    return std::nullopt;
  }
  take_work();
  idle_ = !*frame;
  return std::move(*frame);
}

// After whatever may have made a message, or room to read.
void SyncSession::stir() {
  if (idle_) {
    wake_(generate());
  } else {
    wake_({});
  }
}

void SyncSession::detach() {
  detached_ = true;
  held_.reset();
  parts_.notifier.remove(this);
  // A device that hangs up as soon as it is done has said where it stands: where the writer has no
  // room for it, the next session says it again.
  auto last = failed_ ? std::nullopt : session_.closing_work();
  if (!last) return;
  Writer::Job job{.run = std::move(last->run), .done = [](const Status&) {}, .alone = false};
  static_cast<void>(parts_.writer.try_submit(job));
}

std::optional<Closing> SyncSession::closing() const {
  const std::lock_guard lock{mutex_};
  return closing_;
}

void SyncSession::fail(const Error& error) {
  if (failed_) return;
  failed_ = true;
  const std::string device = session_.device() ? to_text(session_.device()->id) : std::string{};
  log(LogLevel::kWarning, "session_failed",
      {{"device_id", device},
       {"code", std::string(wire_name(error.code))},
       {"detail", error.context}});
  Closing closing{.code = close_code(error.code), .last_frame = {}};
  // A cut session has told the device why already.
  if (error.code != Errc::kConnectionCut) {
    closing.last_frame = sync::HubSession::failure_frame(error, retry_after(error.code));
  }
  {
    const std::lock_guard lock{mutex_};
    closing_ = std::move(closing);
  }
  if (error.code == Errc::kStoreLatched) parts_.on_latched(error);
  wake_({});
}

// The greeting is durable some time after the hello was received: asked after every step.
void SyncSession::note_greeting() {
  if (greeted_) return;
  if (!session_.greeted()) return;
  greeted_ = true;
  log(LogLevel::kInfo, "device_connected", {{"device_id", to_text(session_.device()->id)}});
}

void SyncSession::take_work() {
  note_greeting();
  while (!failed_ && !detached_ && in_flight_ < kWorkInFlightMax) {
    if (!held_) {
      auto work = session_.take_work();
      if (!work) break;
      held_ = Writer::Job{
          .run = std::move(work->run),
          .done =
              [self = shared_from_this(), done = std::move(work->done)](const Status& durable) {
                net::post(self->strand_, [self, done, durable] { self->work_done(done, durable); });
              },
          .alone = false};
    }
    if (!submit()) break;
  }
  may_read_ = in_flight_ < kWorkInFlightMax && !held_;
}

// Moves held_ to the writer; where its queue is full, comes back when there is room.
bool SyncSession::submit() {
  if (parts_.writer.try_submit(*held_)) {
    held_.reset();
    ++in_flight_;
    return true;
  }
  if (waits_for_room_) return false;
  waits_for_room_ = true;
  parts_.writer.when_room([weak = weak_from_this(), strand = strand_] {
    net::post(strand, [weak] {
      const auto self = weak.lock();
      if (!self) return;
      self->waits_for_room_ = false;
      self->take_work();
      self->stir();
    });
  });
  return false;
}

void SyncSession::work_done(const std::function<void(const Status&)>& done, const Status& durable) {
  --in_flight_;
  if (detached_) return;
  done(durable);
  if (!durable) fail(durable.error());
  take_work();
  stir();
}

// From a reader thread: deferred, it stays on that thread where that has nothing else to do.
void SyncSession::poke() {
  if (poked_.exchange(true)) return;
  net::defer(strand_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->detached_) return;
    self->poked_ = false;
    self->session_.poke();
    self->stir();
  });
}

void SyncSession::cut(const sync::DeviceId& device, const std::string& user, const Error& error) {
  net::post(strand_, [weak = weak_from_this(), device, user, error] {
    const auto self = weak.lock();
    if (!self || self->detached_) return;
    const auto& mine = self->session_.device();
    const bool other_device = !device.is_zero() && (!mine || mine->id != device);
    const bool other_user = !user.empty() && (!mine || mine->user != user);
    if (!other_device && !other_user) self->fail(error);
  });
}

}  // namespace satchel::server
