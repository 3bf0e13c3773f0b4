#include "server/app/notifier.hpp"

namespace satchel::server {

void Notifier::add(const std::shared_ptr<Listening>& session) {
  const std::lock_guard lock{mutex_};
  sessions_[session.get()] = session;
}

void Notifier::remove(const Listening* session) {
  const std::lock_guard lock{mutex_};
  sessions_.erase(session);
}

std::vector<std::shared_ptr<Listening>> Notifier::all() const {
  std::vector<std::shared_ptr<Listening>> sessions;
  const std::lock_guard lock{mutex_};
  sessions.reserve(sessions_.size());
  for (const auto& [key, weak] : sessions_) {
    if (auto session = weak.lock()) sessions.push_back(std::move(session));
  }
  return sessions;
}

void Notifier::poke_all() {
  if (round_waits_.exchange(true)) return;
  post_([this] { poke_round(); });
}

void Notifier::poke_round() {
  round_waits_ = false;  // Before the sessions are read: a commit from now on is another round.
  for (const auto& session : all()) session->poke();
}

void Notifier::cut(const sync::DeviceId& device, const std::string& user, const Error& error) {
  for (const auto& session : all()) session->cut(device, user, error);
}

std::size_t Notifier::size() const {
  const std::lock_guard lock{mutex_};
  return sessions_.size();
}

}  // namespace satchel::server
