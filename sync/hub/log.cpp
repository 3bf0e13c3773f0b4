// The commit log's old end: how far back it reaches, what may go, and what is kept of it.
#include <algorithm>

#include "sync/hub/rows.hpp"

namespace satchel::sync {
namespace {

constexpr char kFormat = 1;
constexpr CommitNumber kBlock = 64;  // Commits of one row of Table::kTaken.
constexpr std::size_t kTrimmedAtOnce = 4'096;

// A row of commits that the log told of: format (u8 = 1), then for each, by rising number: number |
// seq | first 16 bytes of the content hash | rule | what it took out.
Bytes taken_key(const ReplicaId& replica, CommitNumber number) {
  return answer_key(replica, number / kBlock);
}

void append_taken(Bytes& row, CommitNumber number, const KnownCommit& known) {
  if (row.empty()) row += kFormat;
  append_varint(row, number);
  append_varint(row, known.seq);
  row += known.content_hash.substr(0, kKnownHashBytes);
  append_sized(row, known.rule);
  append_sized(row, known.taken_out);
}

Status read_taken(ByteView row, CommitNumber end, std::map<CommitNumber, KnownCommit>& known) {
  ByteReader in{row};
  const bool of_format = in.u8() == static_cast<std::uint8_t>(kFormat);
  while (of_format && !in.failed() && in.left() > 0) {
    const CommitNumber number = in.varint();
    const Sequence seq = in.varint();
    KnownCommit commit{Bytes{in.take(kKnownHashBytes)}, seq};
    commit.rule = in.sized();
    commit.taken_out = in.sized();
    if (!in.failed() && number < end) known.emplace(number, std::move(commit));
  }
  if (of_format && !in.failed()) return {};
  return Error{Errc::kStoreCorrupt, "a row of taken commits does not follow its format"};
}

Result<KnownCommit> known_commit(const CommitRow& row, Sequence seq) {
  auto header = wire::decode_commit_header(row.header);
  if (!header) return header.error();
  return KnownCommit{header->content_hash.substr(0, kKnownHashBytes), seq, row.rule, row.taken_out};
}

}  // namespace

Result<CursorStanding> Hub::standing(const wire::Cursor& cursor) {
  if (cursor.seq == 0) return CursorStanding::kKnown;
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  // Of the same snapshot: the log may be trimmed at any moment.
  auto state_row = (*txn)->find(Table::kMeta, kStateKey);
  if (!state_row) return state_row.error();
  auto now = decode_hub_state(state_row->value_or(Bytes{}));
  if (!now) return now.error();
  if (cursor.incarnation != now->incarnation || cursor.seq > now->seq)
    return CursorStanding::kUnknown;
  if (cursor.seq <= now->log_floor || cursor.seq < now->compaction_floor)
    return CursorStanding::kTrimmed;
  auto bytes = (*txn)->find(Table::kCommits, big_key(cursor.seq));
  if (!bytes) return bytes.error();
  if (!*bytes) return CursorStanding::kUnknown;
  auto row = decode_commit_row(**bytes);
  if (!row) return row.error();
  return row->tag == cursor.tag ? CursorStanding::kKnown : CursorStanding::kUnknown;
}

Result<std::map<CommitNumber, KnownCommit>> Hub::known_commits(const ReplicaId& replica,
                                                               CommitNumber end) {
  auto txn = parts_.store.begin_read();
  if (!txn) return txn.error();
  std::map<CommitNumber, KnownCommit> known;
  Status decoded;
  const auto visit_taken = [&](ByteView key, ByteView value) {
    if (!key.starts_with(replica.bytes())) return false;
    decoded = read_taken(value, end, known);
    return static_cast<bool>(decoded);
  };
  SATCHEL_TRY((*txn)->scan(Table::kTaken, taken_key(replica, 0), visit_taken));
  SATCHEL_TRY(decoded);
  const auto visit = [&](ByteView key, ByteView value) {
    auto row = decode_commit_row(value);
    if (!row) {
      decoded = row.error();
      return false;
    }
    if (row->author != replica || row->number >= end) return true;
    auto commit = known_commit(*row, ByteReader{key}.u64_big());
    if (!commit) {
      decoded = commit.error();
      return false;
    }
    known.emplace(row->number, std::move(*commit));
    return true;
  };
  SATCHEL_TRY((*txn)->scan(Table::kCommits, {}, visit));
  SATCHEL_TRY(decoded);
  return known;
}

Result<Sequence> Hub::trimmable(const LogRetention& retention) {
  const HubState now = state();
  if (now.seq <= retention.keep) return Sequence{0};
  // Everybody who is expected back goes on from his own place, whose row has to stay.
  Sequence wanted = now.seq - retention.keep;
  auto all = replicas();
  if (!all) return all.error();
  const std::int64_t now_us = parts_.clock.wall_us();
  for (const auto& [id, replica] : *all) {
    const wire::Cursor& at = replica.progress;
    const bool bootstraps = at.seq == 0 || at.incarnation != now.incarnation;
    if (bootstraps || replica.is_silent(now_us, retention.replica_expiry_us)) continue;
    auto device = find_device(replica.device);
    if (!device) return device.error();
    if (!*device || (*device)->revoked || (*device)->replica != id) continue;
    wanted = std::min(wanted, at.seq - 1);
  }
  // Nobody holds the log longer than its bound.
  return std::max(wanted, now.seq > retention.most ? now.seq - retention.most : 0);
}

Result<bool> HubTxn::trim_log(Sequence through) {
  through = std::min(through, state_.seq);
  if (through <= state_.log_floor) return false;
  std::vector<Sequence> gone;
  std::map<Bytes, std::vector<std::pair<CommitNumber, KnownCommit>>> taken;
  Status decoded;
  const auto visit = [&](ByteView key, ByteView value) {
    const Sequence seq = ByteReader{key}.u64_big();
    if (seq > through || gone.size() >= kTrimmedAtOnce) return false;
    auto row = decode_commit_row(value);
    auto known = row ? known_commit(*row, seq) : Result<KnownCommit>{row.error()};
    if (!known) {
      decoded = known.error();
      return false;
    }
    gone.push_back(seq);
    // The hub's own commits are never asked about.
    if (!known->content_hash.empty())
      taken[taken_key(row->author, row->number)].emplace_back(row->number, std::move(*known));
    return true;
  };
  SATCHEL_TRY(txn_->scan(Table::kCommits, big_key(state_.log_floor + 1), visit));
  SATCHEL_TRY(decoded);
  for (const Sequence seq : gone) SATCHEL_TRY(txn_->erase(Table::kCommits, big_key(seq)));
  for (const auto& [key, commits] : taken) {
    auto row = txn_->find(Table::kTaken, key);
    if (!row) return row.error();
    Bytes bytes = *row ? std::move(**row) : Bytes{};
    for (const auto& [number, known] : commits) append_taken(bytes, number, known);
    SATCHEL_TRY(txn_->put(Table::kTaken, key, bytes));
  }
  if (!gone.empty()) state_.log_floor = gone.back();
  state_changed_ = true;
  return state_.log_floor < through && !gone.empty();
}

}  // namespace satchel::sync
