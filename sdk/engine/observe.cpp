// Change streams, live queries and status: what becomes of a change on its way to a subscriber.
#include <utility>

#include "sdk/engine/render.hpp"
#include "sdk/engine/replica.hpp"
#include "sync/merge/life.hpp"

namespace satchel::sdk {

// Called by the edge, with the gate held: only notes what changed.
void Replica::on_change(std::span<const sync::RecordChange> changes) {
  core_->indexes->on_change(changes);
  if (conflicted_) {
    for (const sync::RecordChange& change : changes) to_recheck_.insert(change.id);
  }
  if (engine_id_.load() == std::this_thread::get_id()) driver_.note_received(changes.size());
  const std::lock_guard hold{observers_mutex_};
  std::erase_if(feeds_, [](const auto& feed) { return feed->subscription->cancelled(); });
  std::erase_if(live_queries_, [](const auto& live) { return live->subscription->cancelled(); });
  for (const auto& feed : feeds_) {
    const std::lock_guard hold_feed{feed->mutex};
    for (const sync::RecordChange& change : changes) {
      ChangeFeed::Item& item = feed->items[change.id];
      item.collection = change.collection;
      item.fields.insert(change.fields.begin(), change.fields.end());
      item.seq = std::max(item.seq, change.seq);
      item.gone = change.gone;
    }
    feed->subscription->mark();
  }
  for (const auto& live : live_queries_) {
    for (const sync::RecordChange& change : changes) {
      if (change.collection == live->collection) live->subscription->mark();
    }
  }
  for (const auto& observer : status_observers_) observer->mark();
  if (!feeds_.empty() || !live_queries_.empty() || !status_observers_.empty()) {
    delivery_->schedule();
  }
}

void Replica::status_changed() {
  const std::lock_guard hold{observers_mutex_};
  std::erase_if(status_observers_, [](const auto& each) { return each->cancelled(); });
  if (status_observers_.empty()) return;
  for (const auto& observer : status_observers_) observer->mark();
  delivery_->schedule();
}

std::shared_ptr<Subscription> Replica::observe_status(EventHandler handler) {
  const auto collect = [this]() -> std::optional<Event> {
    auto snapshot = status();
    if (!snapshot) return std::nullopt;
    return Event{{std::move(*snapshot)}};
  };
  auto subscription = std::make_shared<Subscription>(collect, std::move(handler));
  subscription->mark();
  {
    const std::lock_guard hold{observers_mutex_};
    status_observers_.push_back(subscription);
  }
  delivery_->add(subscription);
  delivery_->schedule();
  return subscription;
}

Result<std::shared_ptr<Subscription>> Replica::observe_changes(std::string_view purpose,
                                                               EventHandler handler) {
  if (!sync::is_known_purpose(purpose)) return Error{Errc::kPolicyDenied, "unknown purpose"};
  const auto feed = std::make_shared<ChangeFeed>();
  const auto collect = [this, weak = std::weak_ptr{feed},
                        by = std::string{purpose}]() -> std::optional<Event> {
    const auto alive = weak.lock();
    if (!alive) return std::nullopt;
    auto event = collect_changes(*alive, by);
    if (event) return std::move(*event);
    log(LogLevel::kWarning, "a change could not be read: " + event.error().message());
    return std::nullopt;
  };
  feed->subscription = std::make_shared<Subscription>(collect, std::move(handler));
  {
    const std::lock_guard hold{observers_mutex_};
    feeds_.push_back(feed);
  }
  delivery_->add(feed->subscription);
  return feed->subscription;
}

Result<std::optional<Event>> Replica::collect_changes(ChangeFeed& feed,
                                                      const std::string& purpose) {
  std::map<RecordId, ChangeFeed::Item> items;
  {
    const std::lock_guard hold{feed.mutex};
    items.swap(feed.items);
  }
  if (items.empty()) return std::optional<Event>{};
  const Gate::Hold hold{gate_};
  auto core = open_core();
  if (!core) return core.error();
  Event event;
  for (const auto& [id, item] : items) {
    const schema::CollectionDef* collection = (*core)->edge->catalog().find(item.collection);
    if (collection == nullptr) continue;
    auto record = (*core)->edge->shown(id, purpose);
    if (!record && sync::is_damage(record.error().code)) {
      log(LogLevel::kWarning, "a change could not be read: " + record.error().message());
      continue;
    }
    if (!record) return record.error();
    const bool alive = *record && sync::is_alive(**record, collection->life);
    event.rows.push_back(change_json(*collection, id, alive ? &**record : nullptr,
                                     {item.fields.begin(), item.fields.end()}, item.seq));
  }
  return std::optional<Event>{std::move(event)};
}

Result<std::shared_ptr<Subscription>> Replica::observe_query(std::string_view purpose,
                                                             std::string_view collection,
                                                             std::string_view expression,
                                                             const QueryOptions& options,
                                                             EventHandler handler) {
  // A query that cannot be run is refused here, not in silence later.
  if (auto tried = query(purpose, collection, expression, options); !tried) return tried.error();
  const auto live = std::make_shared<LiveQuery>();
  const auto collect = [this, weak = std::weak_ptr{live}, by = std::string{purpose},
                        of = std::string{collection}, text = std::string{expression},
                        options]() -> std::optional<Event> {
    const auto alive = weak.lock();
    if (!alive) return std::nullopt;
    auto event = collect_query(*alive, by, of, text, options);
    if (event) return std::move(*event);
    log(LogLevel::kWarning, "a live query could not be run: " + event.error().message());
    return std::nullopt;
  };
  live->subscription = std::make_shared<Subscription>(collect, std::move(handler));
  live->subscription->mark();
  {
    const Gate::Hold hold{gate_};
    auto core = open_core();
    if (!core) return core.error();
    live->collection = (*core)->edge->catalog().find(collection)->id;
    const std::lock_guard hold_observers{observers_mutex_};
    live_queries_.push_back(live);
  }
  delivery_->add(live->subscription);
  delivery_->schedule();
  return live->subscription;
}

Result<std::optional<Event>> Replica::collect_query(LiveQuery& live, const std::string& purpose,
                                                    const std::string& collection,
                                                    const std::string& expression,
                                                    const QueryOptions& options) {
  auto found = query(purpose, collection, expression, options);
  if (!found) return found.error();
  Event event;
  std::map<std::string, std::string> now;
  for (std::string& row : found->rows) {
    // "id" is the last but one member, a UUID: its place needs no parser.
    const std::size_t at = row.rfind("\"id\":\"") + 6;
    const std::string id = row.substr(at, 36);
    const auto before = live.shown.find(id);
    const char* change = before == live.shown.end() ? "inserted"
                         : before->second != row    ? "updated"
                                                    : nullptr;
    if (change != nullptr) {
      event.rows.push_back(std::string{"{\"change\":\""} + change + "\",\"id\":\"" + id +
                           "\",\"record\":" + row + '}');
    }
    now.emplace(id, std::move(row));
  }
  if (found->damage)
    log(LogLevel::kWarning, "a live query is not whole: " + found->damage->message());
  for (const auto& [id, row] : live.shown) {
    const auto unread = parse_record_id(id);
    // It is not known to have gone.
    if (unread && found->unreadable.contains(*unread) && now.emplace(id, row).second) continue;
    if (!now.contains(id)) event.rows.push_back("{\"change\":\"removed\",\"id\":\"" + id + "\"}");
  }
  live.shown = std::move(now);
  const bool first = !std::exchange(live.told, true);
  if (event.rows.empty() && !first) return std::optional<Event>{};
  return std::optional<Event>{std::move(event)};
}

}  // namespace satchel::sdk
