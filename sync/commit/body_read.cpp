// Commit bodies from hostile bytes: only what encode_body writes is taken, so that equal content
// has equal bytes.
#include <algorithm>
#include <unordered_set>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "sync/commit/body.hpp"
#include "sync/commit/body_form.hpp"

namespace satchel::sync {
namespace {

Error invalid(const char* why) { return Error{Errc::kCommitInvalid, why}; }
Error too_many(const char* what) { return Error{Errc::kLimitExceeded, what}; }

// What all sections of one body share.
struct Reading {
  CommitBody body;
  std::vector<ReplicaId> replicas;
  std::vector<bool> replica_used;
  std::size_t write_count = 0;
  std::size_t context_entries = 0;
};

// The writes of one section, in order.
class WriteReader {
 public:
  WriteReader(ByteReader& in, PrivacyClass privacy, Reading& reading)
      : in_(in), privacy_(privacy), reading_(reading) {}

  // `count` writes into `out`, which holds those of earlier sections.
  Status read(std::uint64_t count, std::vector<RegisterWrite>& out) {
    if (count > in_.left()) return invalid("more writes than bytes");
    reading_.write_count += count;
    if (reading_.write_count > limits::kCommitWritesMax) return too_many("writes of a commit");
    const std::size_t first = out.size();
    for (std::uint64_t i = 0; i < count; ++i) {
      RegisterWrite write;
      SATCHEL_TRY(read_one(write));
      const bool sorted = out.size() == first || sorts_before(out.back(), write);
      if (!sorted) return invalid("writes that are not in order");
      out.push_back(std::move(write));
    }
    return {};
  }

  static bool sorts_before(const RegisterWrite& a, const RegisterWrite& b) {
    return std::tie(a.field, a.key) < std::tie(b.field, b.key);
  }

 private:
  Status read_one(RegisterWrite& write) {
    write.privacy = privacy_;
    write.field = in_.u16();
    const std::uint8_t flags = in_.u8();
    const unsigned op = flags & body_form::kOpBits;
    if (op > static_cast<unsigned>(WriteOp::kAppend) || flags >= 2 * body_form::kShownAsBefore) {
      return invalid("unknown flags of a write");
    }
    write.op = static_cast<WriteOp>(op);
    if ((flags & body_form::kHasKey) != 0) {
      write.key = in_.sized();
      if (write.key.empty()) return invalid("an empty key that is written out");
      if (write.key.size() > limits::kKeyBytesMax) return too_many("a key");
    }
    if (write.op == WriteOp::kAppend && write.key.size() != 2) {
      return invalid("an entry without a place");
    }
    const ByteView value = in_.sized();
    if (value.size() > limits::kValueBytesMax) return too_many("a value");
    write.value = value;
    if ((flags & body_form::kShownAsBefore) == 0) SATCHEL_TRY(read_shown());
    if (in_.failed()) return invalid("a write that is cut short");
    reading_.context_entries += shown_.size();
    if (reading_.context_entries > limits::kCommitContextEntriesMax) {
      return too_many("contexts of a commit");
    }
    write.shown = shown_;
    return {};
  }

  Status read_shown() {
    const std::uint64_t count = in_.varint();
    if (count > limits::kContextEntriesMax) return too_many("replicas of a context");
    Context shown;
    std::uint64_t previous = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t replica = in_.varint();
      const CommitNumber commit = in_.varint();
      const bool sorted = i == 0 || replica > previous;
      if (in_.failed() || !sorted || replica >= reading_.replicas.size() || commit == 0) {
        return invalid("a context that is not canonical");
      }
      previous = replica;
      reading_.replica_used[replica] = true;
      shown.observe(Dot{reading_.replicas[replica], commit});
    }
    if (shown == shown_) return invalid("a context that is written twice");
    shown_ = std::move(shown);
    return {};
  }

  ByteReader& in_;
  PrivacyClass privacy_;
  Reading& reading_;
  Context shown_;
};

Status read_format(ByteReader& in) {
  const std::uint8_t format = in.u8();
  if (in.failed() || format == 0) return invalid("a section without a format");
  if (format > body_form::kFormat) return Error{Errc::kRecordNewer, "a commit of a newer format"};
  return {};
}

Status read_replicas(ByteReader& in, Reading& reading) {
  const std::uint64_t count = in.varint();
  if (count > in.left() / 16) return invalid("more replicas than bytes");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto id = ReplicaId::from_bytes(in.take(16));
    if (!id) return invalid("a replica id that is cut short");
    if (i > 0 && !(reading.replicas.back() < *id)) return invalid("replicas that are not in order");
    reading.replicas.push_back(*id);
  }
  reading.replica_used.resize(reading.replicas.size(), false);
  return {};
}

Status read_structure(ByteView bytes, Reading& reading) {
  ByteReader in{bytes};
  SATCHEL_TRY(read_format(in));
  SATCHEL_TRY(read_replicas(in, reading));
  const std::uint64_t collection_count = in.varint();
  if (collection_count > in.left() / 8) return invalid("more collections than bytes");
  std::vector<CollectionId> collections;
  for (std::uint64_t i = 0; i < collection_count; ++i) {
    collections.push_back(in.u64());
    const bool sorted = i == 0 || collections[i - 1] < collections[i];
    if (!sorted) return invalid("collections that are not in order");
  }
  std::vector<bool> collection_used(collections.size(), false);
  const std::uint64_t record_count = in.varint();
  if (record_count > in.left()) return invalid("more records than bytes");
  if (record_count > limits::kCommitRecordsMax) return too_many("records of a commit");
  WriteReader writes{in, PrivacyClass::kStructure, reading};
  std::unordered_set<RecordId> seen;
  for (std::uint64_t i = 0; i < record_count; ++i) {
    RecordWrite record;
    const std::uint64_t collection = in.varint();
    const auto id = RecordId::from_bytes(in.take(16));
    const std::uint8_t flags = in.u8();
    const std::uint64_t write_count = in.varint();
    if (in.failed() || !id || collection >= collections.size() || flags > body_form::kCreates) {
      return invalid("a record that is not canonical");
    }
    collection_used[collection] = true;
    record.collection = collections[collection];
    record.id = *id;
    record.creates = flags == body_form::kCreates;
    if (!seen.insert(record.id).second) return invalid("a record that is written twice");
    SATCHEL_TRY(writes.read(write_count, record.writes));
    reading.body.records.push_back(std::move(record));
  }
  if (!in.finished()) return invalid("bytes after the structure section");
  const bool all_used =
      std::all_of(collection_used.begin(), collection_used.end(), [](bool used) { return used; });
  return all_used ? Status{} : Status{invalid("a collection that nothing names")};
}

Status read_class(const wire::Section& section, Reading& reading) {
  ByteReader in{section.bytes};
  SATCHEL_TRY(read_format(in));
  const std::uint64_t run_count = in.varint();
  if (run_count == 0 || run_count > in.left()) return invalid("a section without runs");
  WriteReader writes{in, section.privacy, reading};
  std::uint64_t previous = 0;
  for (std::uint64_t i = 0; i < run_count; ++i) {
    const std::uint64_t record = in.varint();
    const std::uint64_t write_count = in.varint();
    const bool sorted = i == 0 || record > previous;
    if (in.failed() || !sorted || record >= reading.body.records.size() || write_count == 0) {
      return invalid("a run that is not canonical");
    }
    previous = record;
    SATCHEL_TRY(writes.read(write_count, reading.body.records[record].writes));
  }
  return in.finished() ? Status{} : Status{invalid("bytes after a section")};
}

// Puts the classes' writes of each record together in one order.
Status merge_classes(CommitBody& body) {
  for (RecordWrite& record : body.records) {
    auto& writes = record.writes;
    std::sort(writes.begin(), writes.end(), WriteReader::sorts_before);
    const auto twice = std::adjacent_find(
        writes.begin(), writes.end(),
        [](const auto& a, const auto& b) { return a.field == b.field && a.key == b.key; });
    if (twice != writes.end()) return invalid("a register that is written twice");
  }
  return {};
}

}  // namespace

Result<CommitBody> decode_structure(ByteView section) {
  Reading reading;
  SATCHEL_TRY(read_structure(section, reading));
  return std::move(reading.body);
}

Result<CommitBody> decode_body(std::span<const wire::Section> sections) {
  if (sections.empty()) return invalid("a commit without a structure section");
  if (sections.size() > limits::kCommitSectionsMax) return too_many("sections of a commit");
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    bytes += sections[i].bytes.size();
    const bool in_order = i == 0 ? sections[0].privacy == PrivacyClass::kStructure
                                 : sections[i - 1].privacy < sections[i].privacy;
    if (!in_order) return invalid("sections that are not in order");
  }
  if (bytes > limits::kCommitBytesMax) return too_many("bytes of a commit");
  Reading reading;
  SATCHEL_TRY(read_structure(sections.front().bytes, reading));
  for (const wire::Section& section : sections.subspan(1)) {
    SATCHEL_TRY(read_class(section, reading));
  }
  const bool all_used = std::all_of(reading.replica_used.begin(), reading.replica_used.end(),
                                    [](bool u) { return u; });
  if (!all_used) return invalid("a replica that nothing names");
  SATCHEL_TRY(merge_classes(reading.body));
  return std::move(reading.body);
}

}  // namespace satchel::sync
