#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "sync/commit/body.hpp"
#include "sync/commit/builder.hpp"
#include "sync/commit/check.hpp"
#include "sync/record/segment.hpp"
#include "tests/limits/probe.hpp"
#include "tests/support/literals.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::CommitBody;
using sync::Context;
using sync::Entry;
using sync::RecordWrite;
using sync::Register;
using sync::RegisterWrite;
using sync::WriteOp;

RecordId numbered(std::uint64_t number) {
  Bytes id(8, '\0');
  append_u64_big(id, number);
  return *RecordId::from_bytes(id);
}
RegisterWrite write_of(FieldId field, Bytes value, Context shown = {}) {
  return {field, WriteOp::kState, {}, PrivacyClass::kCompany, std::move(value), std::move(shown)};
}
Status decoded(std::vector<RegisterWrite> writes) {
  const CommitBody body{{RecordWrite{77, numbered(1), true, std::move(writes)}}};
  return status_of(sync::decode_body(sync::encode_body(body)));
}
Context seen(std::size_t replicas) {
  Context context;
  for (std::size_t i = 0; i < replicas; ++i)
    context.observe({replica_named("r" + std::to_string(i)), 1});
  return context;
}

// -- The commit's body, from hostile bytes --

Status body_value(std::size_t size) { return decoded({write_of(4, Bytes(size, 'v'))}); }
Status body_key(std::size_t size) {
  RegisterWrite write = write_of(4, integer(1));
  write.key = Bytes(size, 'k');
  return decoded({std::move(write)});
}
Status body_context(std::size_t size) { return decoded({write_of(4, integer(1), seen(size))}); }
Status body_contexts(std::size_t size) {
  // Contexts of 100 are repeated by one bit each; the last write has what is left over.
  constexpr std::size_t kEach = 100;
  const Context wide = seen(kEach);
  std::vector<RegisterWrite> writes;
  for (std::size_t i = 0; i < size / kEach; ++i) {
    RegisterWrite write = write_of(static_cast<FieldId>(1), integer(1), wide);
    append_u64_big(write.key, i);
    writes.push_back(std::move(write));
  }
  if (size % kEach != 0) writes.push_back(write_of(2, integer(1), seen(size % kEach)));
  return decoded(std::move(writes));
}
Status body_records(std::size_t count) {
  CommitBody body;
  for (std::uint64_t i = 0; i < count; ++i) body.records.push_back({77, numbered(i), false, {}});
  return status_of(sync::decode_body(sync::encode_body(body)));
}
Status body_writes(std::size_t count) {
  std::vector<RegisterWrite> writes;
  for (std::size_t i = 0; i < count; ++i) {
    RegisterWrite write = write_of(1, cleared());
    append_u64_big(write.key, i);
    writes.push_back(std::move(write));
  }
  return decoded(std::move(writes));
}
Status body_sections(std::size_t count) {
  std::vector<wire::Section> sections = sync::encode_body(CommitBody{});
  const Bytes none{"\x01\x00", 2};
  for (std::size_t i = sections.size(); i < count; ++i)
    sections.push_back({static_cast<PrivacyClass>(i), 0, {}, none});
  const Status read = status_of(sync::decode_body(sections));
  // Sections of classes that are not there are refused for that, once there are few enough.
  return !read && read.error().code == Errc::kCommitInvalid ? Status{} : read;
}
Status body_bytes(std::size_t size) {
  std::vector<wire::Section> sections = sync::encode_body(CommitBody{});
  sections[0].bytes.resize(size, '\0');
  const Status read = status_of(sync::decode_body(sections));
  return !read && read.error().code == Errc::kCommitInvalid ? Status{} : read;
}

// -- The author's checks --

Status written_value(std::size_t size) {
  const std::size_t head =
      encode_value(Value{Data{Bytes(limits::kValueBytesMax - 64, 'v')}}).size() -
      (limits::kValueBytesMax - 64);
  return sync::check_bounds(write_of(4, encode_value(Value{Data{Bytes(size - head, 'v')}})));
}
Status written_key(std::size_t size) {
  RegisterWrite write = write_of(4, integer(1));
  write.key = Bytes(size, 'k');
  return sync::check_bounds(write);
}
Status built_records(std::size_t count) {
  const auto nobody = [](const auto&, const auto&) { return std::optional<sync::Record>{}; };
  sync::CommitBuilder builder{*crm(), nobody, sync::CommitBuilder::Author::kServer, "ann:1"_dot,
                              5_at};
  for (std::uint64_t i = 0; i < count; ++i)
    SATCHEL_TRY(builder.create("accounts", numbered(i + 1)));
  return {};
}

// One more element for a record that holds as many registers as there may be, or all but one.
Status built_entries(std::size_t count) {
  sync::Record held{crm()->find("accounts")->id, numbered(1), {}};
  const schema::FieldDef& tags = *crm()->find("accounts")->find("tags");
  for (std::size_t i = 0; i + 1 < count; ++i) {
    Entry& entry = held.entries.emplace_back();
    entry.field = tags.id;
    entry.key = encode_value(Value{std::to_string(100'000 + i)});
    entry.privacy = tags.privacy;
    entry.state = sync::written("ann:1"_dot, 5_at, entry.key, {});
  }
  const auto shown = [&](const auto&, const auto&) { return std::optional{held}; };
  sync::CommitBuilder builder{*crm(), shown, sync::CommitBuilder::Author::kDevice, "ann:2"_dot,
                              6_at};
  return builder.set_add("accounts", held.id, "tags", Value{"more"});
}

// -- Stored segments and records --

Register siblings(std::size_t count) {
  Register state;
  for (std::size_t i = 0; i < count; ++i) {
    const ReplicaId replica = replica_named("r" + std::to_string(1000 + i));
    state = join(state, sync::written({replica, 1}, 5_at, integer(1), {}));
  }
  return state;
}
Entry entry_of(Register state, Bytes key = {}) {
  Entry entry;
  entry.field = 1;
  entry.key = std::move(key);
  entry.state = std::move(state);
  return entry;
}
Status stored(const std::vector<Entry>& entries) {
  sync::ReplicaNumbers numbers;
  std::vector<Entry> out;
  return sync::decode_segment(sync::encode_segment(entries, numbers), PrivacyClass::kCompany,
                              numbers, out);
}
std::vector<Entry> entries(std::size_t count) {
  std::vector<Entry> all;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes key;
    append_u64_big(key, i + 1);
    all.push_back(entry_of(sync::written("ann:1"_dot, 5_at, integer(1), {}), std::move(key)));
  }
  return all;
}
Status segment_entries(std::size_t count) { return stored(entries(count)); }
Status segment_siblings(std::size_t count) { return stored({entry_of(siblings(count))}); }
Status segment_context(std::size_t count) {
  Register state;
  state.context = seen(count);
  return stored({entry_of(std::move(state))});
}
Status segment_value(std::size_t size) {
  return stored({entry_of(sync::written("ann:1"_dot, 5_at, Bytes(size, 'v'), {}))});
}
Status segment_key(std::size_t size) { return stored({entry_of(siblings(1), Bytes(size, 'k'))}); }
Status joined_siblings(std::size_t count) {
  sync::ReplicaNumbers numbers;
  const Entry held = entry_of(siblings(count - 1));
  const Entry write = entry_of(sync::written("zoe:1"_dot, 5_at, integer(1), {}));
  return status_of(sync::join_into_segment(sync::encode_segment(std::span{&held, 1}, numbers),
                                           std::span{&write, 1}, 1, numbers, nullptr));
}
Status record_entries(std::size_t count) {
  return sync::within_limits({77, numbered(1), entries(count)});
}
Status record_bytes(std::size_t size) {
  sync::Record record{77, numbered(1), {}};
  for (FieldId field = 1; size > 0; ++field) {
    const std::size_t take = std::min(size, limits::kValueBytesMax);
    record.entries.push_back(entry_of(sync::written("ann:1"_dot, 5_at, Bytes(take, 'v'), {})));
    record.entries.back().field = field;
    size -= take;
  }
  return sync::within_limits(record);
}

}  // namespace

LimitProbes commit_probes() {
  const Errc many = Errc::kLimitExceeded;
  return {
      {"kValueBytesMax", "commit body", body_value, many, "a value"},
      {"kKeyBytesMax", "commit body", body_key, many, "a key"},
      {"kContextEntriesMax", "commit body", body_context, many, "replicas of a context"},
      {"kCommitContextEntriesMax", "commit body", body_contexts, many, "contexts of a commit"},
      {"kCommitRecordsMax", "commit body", body_records, many, "records of a commit"},
      {"kCommitWritesMax", "commit body", body_writes, many, "writes of a commit"},
      {"kCommitSectionsMax", "commit body", body_sections, many, "sections of a commit"},
      {"kCommitBytesMax", "commit body", body_bytes, many, "bytes of a commit"},
      {"kValueBytesMax", "author", written_value, many, "a value has at most"},
      {"kKeyBytesMax", "author", written_key, many, "a key has at most"},
      {"kCommitRecordsMax", "author", built_records, many, "a commit writes at most"},
      {"kEntriesMax", "author", built_entries, many, "entries of record"},
      {"kEntriesMax", "segment", segment_entries, many, "entries of a segment"},
      {"kSiblingsMax", "segment", segment_siblings, many, ""},
      {"kContextEntriesMax", "segment", segment_context, many, ""},
      {"kValueBytesMax", "segment", segment_value, many, ""},
      {"kKeyBytesMax", "segment", segment_key, many, ""},
      {"kSiblingsMax", "segment join", joined_siblings, many, ""},
      {"kEntriesMax", "record", record_entries, many, "entries of record"},
      {"kRecordBytesMax", "record", record_bytes, many, "bytes of record"},
  };
}

}  // namespace satchel::test
