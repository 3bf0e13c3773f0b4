// Taking commits: order, repeats and forks first; what a commit does is Ingestion's part.
#include <algorithm>

#include "crypto/hash.hpp"
#include "schema/model/limits.hpp"
#include "sync/hub/ingestion.hpp"
#include "sync/record/header.hpp"

namespace satchel::sync {
namespace {

using wire::Outcome;

constexpr std::string_view kReceiptDomain = "satchel receipt v1";
constexpr std::size_t kReceiptMacBytes = 16;

// A receipt: MAC (16), then each register that was taken out, record id (16) and field (u16 LE).
// Given back after a
// restore it says what was decided, so that nothing is judged twice.
Bytes receipt_of(ByteView key, const ReplicaId& replica, CommitNumber number, ByteView content_hash,
                 ByteView taken_out) {
  Bytes message{kReceiptDomain};
  message += replica.bytes();
  append_u64(message, number);
  append_sized(message, content_hash);
  message += taken_out;
  return crypto::hmac_sha256(key, message).substr(0, kReceiptMacBytes) + Bytes{taken_out};
}

bool is_empty_place(const wire::Commit& commit) {
  return commit.sections.empty() && commit.sealed.empty();
}

}  // namespace

// What one commit of a session is, before its body is looked at.
struct CommitIntake {
  const Hub::Parts& parts;

  // The commit with its sections, unsealed where only the sealed copy came.
  Result<wire::Commit> opened(const wire::Commit& commit) const {
    if (commit.sealed.empty()) return commit;
    if (!parts.unseal) return Error{Errc::kCommitInvalid, "no key for sealed commits"};
    auto plain = parts.unseal(commit.sealed);
    if (!plain) return plain.error();
    auto inner = wire::decode_commit(*plain);
    if (!inner) return inner.error();
    // The dot lies outside the seal: re-identification.
    inner->header.replica = commit.header.replica;
    inner->header.number = commit.header.number;
    inner->header.receipt = commit.header.receipt;
    return inner;
  }

  // That of the content, also where the author cannot read any more what he once hashed.
  [[nodiscard]] Bytes content_hash_of(const wire::Commit& commit) const {
    if (commit.sealed.empty()) return commit.header.content_hash;
    auto inner = opened(commit);
    return inner ? std::move(inner->header.content_hash) : commit.header.content_hash;
  }

  // What was taken out when the commit was first judged; nothing where it bears no receipt of ours.
  [[nodiscard]] std::optional<Ingestion::TakenOut> judged_before(
      const wire::CommitHeader& header) const {
    if (header.receipt.size() < kReceiptMacBytes) return std::nullopt;
    const ByteView taken_out = ByteView{header.receipt}.substr(kReceiptMacBytes);
    const Bytes ours = receipt_of(parts.receipt_key, header.replica, header.number,
                                  header.content_hash, taken_out);
    if (!crypto::constant_time_equal(header.receipt, ours)) return std::nullopt;
    const auto fields = decode_taken_out(taken_out);
    return Ingestion::TakenOut{fields.begin(), fields.end()};
  }
};

Result<wire::CommitResult> HubTxn::judge(const IngestBatch& batch, const DeviceId& device,
                                         const wire::Commit& given, bool& exact) {
  const CommitIntake intake{hub_.parts_};
  wire::CommitResult result;
  result.number = given.header.number;
  const auto invalid = [&](Errc code, std::string rule) {
    result.outcome = Outcome::kInvalid;
    result.code = static_cast<std::int32_t>(code);
    result.rule = std::move(rule);
    return result;
  };
  // Keeps numbers dense after a restore; nothing takes effect.
  if (is_empty_place(given)) return result;
  auto commit = intake.opened(given);
  if (!commit) return invalid(commit.error().code, "sealed");
  const wire::CommitHeader& header = commit->header;
  std::size_t size = 0;
  for (const wire::Section& section : commit->sections) size += section.bytes.size();
  if (size > limits::kCommitBytesMax) return invalid(Errc::kLimitExceeded, "commit-bytes");
  if (content_hash(header, commit->sections) != header.content_hash)
    return invalid(Errc::kCommitInvalid, "content-hash");
  if (header.actor != batch.user) return invalid(Errc::kForbidden, "actor");
  if (!is_known_purpose(header.purpose)) {
    result.outcome = Outcome::kDenied;
    result.code = static_cast<std::int32_t>(Errc::kPolicyDenied);
    result.rule = "unknown-purpose";
    return result;
  }
  auto elsewhere = taken_elsewhere(batch, device, header);
  if (!elsewhere) return elsewhere.error();
  if (*elsewhere) {
    SATCHEL_TRY(note_alias(device, {batch.replica, header.number}, (*elsewhere)->dot));
    exact = false;
    result = std::move((*elsewhere)->result);
    result.number = header.number;
    result.receipt.clear();
    result.elsewhere = true;
    return result;
  }
  auto body = decode_body(commit->sections);
  if (!body) return invalid(body.error().code, "body");
  if (body->records.size() > limits::kCommitRecordsMax)
    return invalid(Errc::kLimitExceeded, "commit-records");
  auto renamed = add_taken_to_shown(device, *body);
  if (!renamed) return renamed.error();
  Ingestion::Author author{
      batch.replica,         batch.user, batch.role, false, intake.judged_before(header),
      !given.sealed.empty(), *renamed};
  Ingestion ingestion{*this, std::move(author), header};
  auto taken = ingestion.take(std::move(*body));
  exact = ingestion.exact();
  if (taken && header.origin) SATCHEL_TRY(note_origin(device, header, *taken));
  return taken;
}

Result<std::optional<AnswerRow>> HubTxn::first_answer(const Dot& dot, const KnownCommit* known) {
  auto answer = txn_->find(Table::kResults, answer_key(dot.replica, dot.commit));
  if (!answer) return answer.error();
  if (*answer) {
    auto row = decode_answer(**answer);
    if (!row) return row.error();
    return std::optional<AnswerRow>{std::move(*row)};
  }
  if (known == nullptr) return std::optional<AnswerRow>{};
  AnswerRow row;
  row.content_hash = known->content_hash;
  row.result.number = dot.commit;
  row.result.seq = known->seq;
  row.result.fields = decode_taken_out(known->taken_out);
  if (!row.result.fields.empty()) {
    row.result.outcome = Outcome::kReduced;
    row.result.code = static_cast<std::int32_t>(Errc::kPolicyDenied);
    row.result.rule = known->rule;
  }
  return std::optional<AnswerRow>{std::move(row)};
}

Result<IngestOutcome> HubTxn::ingest(const IngestBatch& batch) {
  IngestOutcome outcome;
  auto replica = replica_state(batch.replica);
  if (!replica) return replica.error();
  for (const wire::Commit& commit : batch.commits) {
    const CommitNumber number = commit.header.number;
    if (commit.header.replica != batch.replica) {
      outcome.stopped =
          Error{Errc::kForeignDot, "commit " + std::to_string(number) + " names another replica"};
      break;
    }
    if (number > replica->watermark + 1) {
      outcome.stopped =
          Error{Errc::kCommitGap, "expected commit " + std::to_string(replica->watermark + 1) +
                                      ", got " + std::to_string(number)};
      break;
    }
    const Bytes key = answer_key(batch.replica, number);
    const Bytes hash = CommitIntake{hub_.parts_}.content_hash_of(commit);
    if (number <= replica->watermark) {
      const auto known = batch.known.find(number);
      auto row = first_answer({batch.replica, number},
                              known == batch.known.end() ? nullptr : &known->second);
      if (!row) return row.error();
      const bool same = *row && same_content(**row, hash);
      if (!same && !is_empty_place(commit)) {
        outcome.stopped = Error{Errc::kCommitFork, "commit " + std::to_string(number)};
        break;
      }
      wire::CommitResult unknown;
      unknown.number = number;
      outcome.results.push_back(*row ? std::move((*row)->result) : unknown);
      // Since the first answer others may have written, or the record may have left the author's
      // scopes.
      note_touched(commit, outcome.touched);
      continue;
    }
    bool exact = true;
    auto result = judge(batch, replica->device, commit, exact);
    if (!result) return result.error();
    if (result->outcome != Outcome::kDenied && result->outcome != Outcome::kInvalid) {
      result->receipt = receipt_of(hub_.parts_.receipt_key, batch.replica, number, hash,
                                   encode_taken_out(*result));
    }
    SATCHEL_TRY(txn_->put(Table::kResults, key, encode_answer({hash, *result})));
    if (!exact || result->outcome != Outcome::kApplied) note_touched(commit, outcome.touched);
    replica->watermark = number;
    outcome.results.push_back(std::move(*result));
  }
  replica->last_seen_us = hub_.clock().wall_us();
  SATCHEL_TRY(put_replica_state(batch.replica, *replica));
  outcome.watermark = replica->watermark;
  return outcome;
}

void HubTxn::note_touched(const wire::Commit& commit, std::vector<RecordId>& touched) const {
  const CommitIntake intake{hub_.parts_};
  auto opened = intake.opened(commit);
  if (!opened) return;
  auto body = decode_body(opened->sections);
  if (!body) return;
  for (const RecordWrite& write : body->records) touched.push_back(write.id);
}

Result<wire::CommitResult> HubTxn::write(CommitBody body, const std::string& actor,
                                         const std::string& purpose) {
  wire::CommitHeader header;
  header.replica = state_.self;
  header.number = state_.self_next;
  header.stamp = next_stamp().bits;
  header.actor = actor;
  header.purpose = purpose;
  Ingestion ingestion{*this, {state_.self, actor, Role::kServer, true, std::nullopt}, header};
  auto result = ingestion.take(std::move(body));
  if (!result) return result.error();
  if (result->outcome == Outcome::kDenied || result->outcome == Outcome::kInvalid) {
    return Error{errc_from_number(result->code).value_or(Errc::kCommitInvalid), result->rule};
  }
  ++state_.self_next;
  state_changed_ = true;
  return result;
}

Stamp HubTxn::next_stamp() const {
  HybridClock clock{state_.last_stamp};
  return clock.tick(static_cast<std::uint64_t>(hub_.clock().wall_us() / 1000));
}

CommitBuilder HubTxn::builder() {
  const auto shown = [this](const schema::CollectionDef&,
                            const RecordId& id) -> Result<std::optional<Record>> {
    return find_record(id);
  };
  return CommitBuilder{*catalog_, shown, CommitBuilder::Author::kServer,
                       Dot{state_.self, state_.self_next}, next_stamp()};
}

Result<std::optional<Record>> HubTxn::find_record(const RecordId& id) {
  auto numbers = txn_->find_numbers(std::span{&id, 1});
  if (!numbers) return numbers.error();
  return open_by_number(*txn_, hub_.store().numbers(), id, numbers->front());
}

Result<std::vector<bool>> HubTxn::are_known(std::span<const RecordId> ids) {
  auto numbers = txn_->find_numbers(ids);
  if (!numbers) return numbers.error();
  std::vector<bool> known;
  for (const RecordNumber number : *numbers) known.push_back(number != 0);
  return known;
}

}  // namespace satchel::sync
