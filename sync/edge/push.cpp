// Commits on their way to the server.
#include "sync/edge/rows.hpp"

namespace satchel::sync {

Result<wire::Commit> Edge::commit_to_push(ReadTxn& txn, const Numbering& numbering,
                                          CommitNumber number) {
  const std::uint64_t place = numbering.before + number;
  if (damaged_.contains(place)) return damaged_to_push(txn, numbering, number);
  auto commit = find_commit(txn, Table::kOutbox, place);
  if (!commit && is_damage(commit.error().code)) {
    // Answered ones are kept for a restore of the server, and may have been damaged since.
    if (!is_answered(place)) SATCHEL_TRY(note_damaged(txn, place));
    return damaged_to_push(txn, numbering, number);
  }
  if (!commit) return commit.error();
  // Refused once, or backed up long ago: an empty place, so that numbers stay dense.
  if (!*commit) return damaged_to_push(txn, numbering, number);
  auto answered = find_answered(txn, place);
  if (!answered) return answered.error();
  if (*answered) (*commit)->header.receipt = std::move((*answered)->receipt);
  return std::move(**commit);
}

Result<std::vector<wire::Commit>> Edge::commits_after(const Numbering& numbering,
                                                      CommitNumber number,
                                                      std::size_t bytes_target) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  std::vector<wire::Commit> commits;
  std::size_t size = 0;
  for (CommitNumber next = number + 1; next < numbering.next_commit; ++next) {
    auto commit = commit_to_push(**txn, numbering, next);
    if (!commit) return commit.error();
    for (const wire::Section& section : commit->sections) size += section.bytes.size() + 64;
    size += commit->sealed.size();
    commits.push_back(std::move(*commit));
    if (size >= bytes_target || commits.size() >= 512) break;
  }
  return commits;
}

}  // namespace satchel::sync
