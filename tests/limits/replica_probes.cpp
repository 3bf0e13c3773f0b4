#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "sync/record/header.hpp"
#include "tests/limits/probe.hpp"
#include "tests/support/literals.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Context;
using sync::RegisterWrite;
using sync::WriteOp;

constexpr PrivacyClass kCompany = PrivacyClass::kCompany;

// A hub with one account, and replicas that push commits to it by hand.
class Counter {
 public:
  Counter() {
    office_.add_user("ann", sync::Role::kManager);  // Who holds it without a field that says so.
    auto txn = office_.hub->begin();
    SATCHEL_ASSERT(txn.has_value());
    auto builder = (*txn)->builder();
    SATCHEL_ASSERT(builder.create("accounts", id_));
    auto body = builder.finish();
    SATCHEL_ASSERT(body && (*txn)->write(*body, "admin", std::string{sync::kDefaultPurpose}) &&
                   (*txn)->commit());
  }

  // The next commit of a replica; an Error tells how the hub refused it.
  Status push(const ReplicaId& replica, std::vector<RegisterWrite> writes) {
    const sync::CommitBody body{
        {sync::RecordWrite{crm()->find("accounts")->id, id_, false, std::move(writes)}}};
    wire::Commit commit;
    commit.sections = sync::encode_body(body);
    return push(replica, std::move(commit));
  }
  Status push(const ReplicaId& replica, wire::Commit commit) {
    commit.header.replica = replica;
    commit.header.number = ++numbers_[replica];
    commit.header.stamp = sync::Stamp::at_ms(commit.header.number).bits;
    commit.header.actor = "ann";
    commit.header.purpose = std::string{sync::kDefaultPurpose};
    commit.header.content_hash = sync::content_hash(commit.header, commit.sections);
    auto txn = office_.hub->begin();
    if (!txn) return txn.error();
    auto outcome = (*txn)->ingest({replica, "ann", sync::Role::kManager, {commit}});
    if (!outcome) return outcome.error();
    if (outcome->stopped) return *outcome->stopped;
    SATCHEL_TRY((*txn)->commit());
    const wire::CommitResult& result = outcome->results.at(0);
    if (result.code == 0) return {};
    return Error{errc_from_number(result.code).value_or(Errc::kInternal), result.rule};
  }

  std::uint64_t pushed_by(const ReplicaId& replica) { return numbers_[replica]; }

  // What the account's stored bytes may come to once they are sealed, as the hub counts them.
  std::size_t laid_out() {
    auto txn = office_.store->begin_read();
    const auto numbers = (*txn)->find_numbers(std::span{&id_, 1});
    std::vector<sync::StoredRecord> found;
    SATCHEL_ASSERT(numbers && (*txn)->find_many(*numbers, found));
    std::size_t bytes = found[0].header.size() + 512;
    for (const sync::Segment& segment : found[0].segments) bytes += segment.bytes.size() + 64;
    return bytes;
  }

 private:
  Office office_;
  RecordId id_ = *RecordId::from_bytes("the-probed-one-1");
  std::map<ReplicaId, std::uint64_t> numbers_;
};

// A field that this schema does not know: it passes through, in the class its author gives.
RegisterWrite write_of(FieldId field, Bytes value, Context shown = {}) {
  return {field, WriteOp::kState, {}, kCompany, std::move(value), std::move(shown)};
}
Bytes data(std::size_t size) { return encode_value(Value{Data{Bytes(size, 'v')}}); }

Status hub_siblings(std::size_t count) {
  Counter counter;
  Status last;
  for (std::size_t i = 0; i < count; ++i) {
    SATCHEL_TRY(last);
    last = counter.push(replica_named("r" + std::to_string(i)), {write_of(900, integer(1))});
  }
  return last;
}
Status hub_context(std::size_t count) {
  Context shown;
  for (std::size_t i = 0; i + 1 < count; ++i)
    shown.observe({replica_named("r" + std::to_string(i)), 1});
  Counter counter;
  return counter.push("ann"_replica, {write_of(900, integer(1), shown)});
}
Status hub_entries(std::size_t count) {
  // The life register is one; the account's other registers are of classes that are not touched.
  std::vector<RegisterWrite> writes;
  for (std::size_t i = 1; i < count; ++i) {
    RegisterWrite write = write_of(900, integer(1));
    append_u64_big(write.key, i);
    writes.push_back(std::move(write));
  }
  Counter counter;
  return counter.push("ann"_replica, std::move(writes));
}
Status hub_record_bytes(std::size_t size) {
  Counter counter;
  const ReplicaId ann = "ann"_replica;
  constexpr std::size_t kEach = 1000 * 1000;
  FieldId field = 900;
  while (counter.laid_out() + 2 * kEach < size)
    SATCHEL_TRY(counter.push(ann, {write_of(field++, data(kEach))}));
  for (const std::size_t more : {kEach, (size - counter.laid_out() - kEach) / 2})
    SATCHEL_TRY(counter.push(ann, {write_of(field++, data(more))}));
  // The last one is written twice: once to see what is left, once to fill it.
  const std::size_t guess = size - counter.laid_out() - 1000;
  SATCHEL_TRY(counter.push(ann, {write_of(field, data(guess))}));
  const std::size_t left = size - counter.laid_out();
  Context shown;
  shown.observe({ann, counter.pushed_by(ann)});
  return counter.push(ann, {write_of(field, data(guess + left), shown)});
}
Status hub_commit_bytes(std::size_t size) {
  wire::Commit commit;
  commit.sections = sync::encode_body(sync::CommitBody{});
  commit.sections[0].bytes.resize(size, '\0');
  Counter counter;
  const Status pushed = counter.push("ann"_replica, std::move(commit));
  // Zeros are no body: that is the next thing it is refused for.
  return !pushed && pushed.error().code == Errc::kCommitInvalid ? Status{} : pushed;
}
Status hub_push(std::size_t count) {
  static Office office;
  office.add_user("ann", sync::Role::kRep);
  Phone phone{office, "ann", sync::Role::kRep, 77};
  sync::HubSession session{*office.hub, {Bytes(32, 'x'), 4096, {}}};
  sync::EdgeSession edge{*phone.edge, {Bytes(32, 'x'), *phone.signer, false, 4096}};
  SATCHEL_TRY(edge.receive(**session.generate()));
  SATCHEL_TRY(session.receive(**edge.generate()));
  office.work_for(session);
  return session.receive(wire::encode_frame(wire::Push{std::vector<wire::Commit>(count)}, false));
}

Status days_of_history(std::size_t days) {
  static Office office;
  static Phone phone{office, "ann", sync::Role::kRep, 79};
  return status_of(phone.edge->narrow(static_cast<std::uint32_t>(days)));
}

// Letters that do not compress well: as much as a device can be made to send.
std::string letters(std::size_t size) {
  static CountingEntropy entropy{5};
  std::string text(size, ' ');
  SATCHEL_ASSERT(
      entropy.fill({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}).has_value());
  for (char& letter : text)
    letter = static_cast<char>(' ' + static_cast<unsigned char>(letter) % 90);
  return text;
}
std::size_t size_of(const sync::CommitBody& body) {
  std::size_t size = 0;
  for (const wire::Section& section : sync::encode_body(body)) size += section.bytes.size();
  return size;
}
// From the device's call to the server's store: what may be written can be sent.
Status device_commit_bytes(std::size_t size) {
  Office office;
  office.add_user("ann", sync::Role::kRep);
  Phone phone{office, "ann", sync::Role::kRep, 78};
  RecordId last;
  const auto number = phone.write([&](sync::EdgeWrite& txn) -> Status {
    constexpr std::size_t kEach = 1000 * 1000;
    for (;;) {
      auto made = txn.create("accounts");
      if (!made) return made.error();
      last = *made;
      const std::size_t taken = size_of(txn.builder().peek());
      if (taken + kEach + 1000 > size) break;
      SATCHEL_TRY(txn.builder().set("accounts", last, "industry", Value{letters(kEach)}));
    }
    const std::size_t guess = size - size_of(txn.builder().peek()) - 1000;
    SATCHEL_TRY(txn.builder().set("accounts", last, "industry", Value{letters(guess)}));
    const std::size_t left = size - size_of(txn.builder().peek());
    return txn.builder().set("accounts", last, "industry", Value{letters(guess + left)});
  });
  if (!number) return number.error();
  SATCHEL_TRY(phone.sync());
  for (const Bytes& message : phone.pushed) {
    if (message.size() - 1 > limits::kFrameCompressedBytesMax)
      return Error{Errc::kInternal, "a commit that may be written is too large to be sent"};
  }
  const bool arrived = hub_shows(office, phone, "accounts", last, "industry") != "-";
  return arrived ? Status{} : Status{Error{Errc::kInternal, "the commit did not arrive"}};
}

Status outbox(std::size_t count) {
  static Office office;
  static Phone phone{office, "ann", sync::Role::kRep, 79};
  while (phone.edge->pending_count() < count) {
    const auto made = phone.write(
        [](sync::EdgeWrite& txn) -> Status { return status_of(txn.create("stockLevels")); });
    if (!made) return made.error();
  }
  return {};
}

// A device that is copied or restored again and again, writes each time and never syncs.
Status former_ids(std::size_t count) {
  Office office;
  Phone phone{office, "ann", sync::Role::kRep, 80};
  for (std::size_t i = 0; i < count; ++i) {
    const auto made = phone.write(
        [](sync::EdgeWrite& txn) -> Status { return status_of(txn.create("stockLevels")); });
    if (!made) return made.error();
    SATCHEL_TRY(phone.edge->reidentify());
  }
  return {};
}

Status territories(std::size_t count) {
  Office office;
  auto txn = office.hub->begin();
  SATCHEL_ASSERT(txn.has_value());
  return (*txn)->put_user(
      {"ann", sync::Role::kRep, std::vector<std::string>(count, "11"), true, {}});
}

}  // namespace

LimitProbes replica_probes() {
  const Errc many = Errc::kLimitExceeded;
  return {
      {"kSiblingsMax", "hub", hub_siblings, many, "siblings of field 900"},
      {"kContextEntriesMax", "hub", hub_context, many, "context of field 900"},
      {"kEntriesMax", "hub", hub_entries, many, "entries of record"},
      {"kRecordBytesMax", "hub", hub_record_bytes, many, "record-bytes"},
      {"kCommitBytesMax", "hub", hub_commit_bytes, many, "commit-bytes"},
      {"kHistoryDaysMax", "edge", days_of_history, many, "history is kept for at most"},
      {"kPushCommitsMax", "hub session", hub_push, many, "commits of"},
      {"kCommitBytesMax", "device", device_commit_bytes, many, "a commit has at most"},
      {"kOutboxCommitsMax", "device", outbox, many, "the outbox holds 100000"},
      {"kTerritoriesMax", "hub", territories, many, "a user has at most 256 territories"},
      {"kFormerIdsMax", "device", former_ids, many, "without a sync"},
  };
}

}  // namespace satchel::test
