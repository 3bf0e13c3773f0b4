// The hub's side of a session, from its greeting on: which page comes next, and who wrote it.
#include "sync/page/authors.hpp"
#include "sync/session/session.hpp"

namespace satchel::sync {

Result<Bytes> HubSession::authors_of(ByteView page) {
  auto replicas = replicas_of_page(page);
  if (!replicas) return replicas.error();
  std::vector<Author> authors;
  for (const ReplicaId& replica : *replicas) {
    if (!named_.insert(replica).second) continue;
    auto user = hub_.author_of(replica);
    if (!user) return user.error();
    authors.push_back({replica, std::move(*user)});
  }
  return encode_authors(authors);
}

// What is passed over is remembered before any cursor goes past it.
void HubSession::note_damaged(std::vector<DamagedRecord> damaged) {
  noting_ = true;
  Work work;
  work.run = [damaged = std::move(damaged)](HubTxn& txn) { return txn.note_damaged(damaged); };
  work.done = [this](const Status& durable) {
    --work_under_way_;
    noting_ = false;
    poked_ = true;
    if (!durable) failure_ = durable.error();
  };
  work_.push_back(std::move(work));
}

Status HubSession::check_grants() {
  const std::uint64_t directory = hub_.state().directory;
  if (directory == directory_) return {};
  auto user = hub_.find_user(user_.name);
  if (!user) return user.error();
  if (!*user || !(*user)->active) return Error{Errc::kUserDisabled};
  const bool same =
      (*user)->role == user_.role && hub_.entitlement_of(**user).scopes == entitlement_.scopes;
  if (!same) return Error{Errc::kConnectionCut, "this user may hold other records now"};
  directory_ = directory;
  return {};
}

Result<Hub::Page> HubSession::read_page() {
  Hub::PageRequest request{
      entitlement_, purpose_,           sent_,  send_own_ ? ReplicaId{} : hello_.replica,
      answered_,    config_.page_bytes, joined_};
  if (slice_due_) {
    auto slice = hub_.priority_slice(request);
    if (!slice) return slice.error();
    slice_due_ = false;
    // Nothing is passed over by it: what it shows comes again in its turn.
    if (!slice->empty()) return Hub::Page{std::move(*slice), sent_, false, 0, {}};
  }
  auto page = restart_ ? hub_.begin_bootstrap(request) : hub_.changes_after(request);
  // What others may see and this device may not is passed over at once.
  while (page && page->body.empty() && page->damaged.empty() && !page->caught_up &&
         (caught_up_sent_ || page->cursor.below != 0)) {
    request.from = page->cursor;
    page = hub_.changes_after(request);
  }
  return page;
}

// Two copies of a device may be live at once. Of what the other wrote under their common id this
// one must not hear: it would take it for its own, and write under the same number.
Status HubSession::check_alone() {
  auto replica = hub_.find_replica(hello_.replica);
  if (!replica) return replica.error();
  if (!*replica || (*replica)->watermark < hello_.next_commit) return {};
  return Error{Errc::kFenced, "another copy writes under this replica id"};
}

Result<std::optional<Bytes>> HubSession::next_page() {
  // An answer goes before every page that shows what it answers: so each own commit is either
  // folded by its author or told to him, never both, never neither.
  if (hello_.settling) poked_ = false;  // Nothing is told before a former id is settled.
  if (!poked_ || commits_waiting_ > 0 || noting_) return std::optional<Bytes>{};
  if (answered_ < answer_first_) return std::optional<Bytes>{};
  SATCHEL_TRY(check_grants());
  poked_ = false;
  auto page = read_page();
  if (!page) return page.error();
  SATCHEL_TRY(check_alone());
  if (!page->damaged.empty()) {
    note_damaged(std::move(page->damaged));
    return std::optional<Bytes>{};
  }
  if (page->cursor.incarnation != sent_.incarnation) {
    return Error{Errc::kRestoredServer, "the store began a new life"};
  }
  poked_ = !page->caught_up;
  sent_ = page->cursor;
  if (page->body.empty() && told_caught_up_) return std::optional<Bytes>{};
  auto authors = authors_of(page->body);
  if (!authors) return authors.error();
  wire::Changes changes;
  changes.authors = std::move(*authors);
  changes.page = std::move(page->body);
  changes.cursor = page->cursor;
  changes.restart = restart_;
  changes.caught_up = page->caught_up;
  restart_ = false;
  told_caught_up_ = page->caught_up;
  if (page->caught_up) {
    caught_up_sent_ = true;
    send_own_ = false;
  }
  return std::optional<Bytes>{wire::encode_frame(changes, true)};
}

}  // namespace satchel::sync
