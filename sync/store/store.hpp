// The store port: an ordered set of records and some small tables, read and written in batches.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"
#include "sync/clock/replica_numbers.hpp"

namespace satchel::sync {

// The small tables. Numbers are part of the disk format and of the associated data. Keys sort as
// bytes.
enum class Table : std::uint8_t {
  kRecords = 1,   // number -> record; only through the record calls
  kNumbers = 2,   // blinded id -> number; only through the record calls
  kReplicas = 3,  // replica number -> id; only through numbers()
  kMeta = 4,      // single values by name
  kCommits = 5,   // hub: seq -> commit log row;     edge: acknowledged commits kept until backed up
  kOutbox = 6,    // edge: commit number (and part) -> pending commit
  kInbox = 7,     // edge: refused writes
  kWatermarks = 8,     // hub: replica id -> watermark and state
  kResults = 9,        // hub: replica id, commit number -> first answer
  kDevices = 10,       // hub
  kUsers = 11,         // hub
  kCodes = 12,         // hub: enrolment codes, hashed
  kSchemas = 13,       // hash -> compiled nodes
  kScopes = 14,        // hub: record number -> materialised scopes
  kAudit = 15,         // reserved
  kAgenda = 16,        // hub: blinded (collection, owner, day) -> record numbers
  kTaken = 17,         // hub: replica id, block -> commits that the trimmed part of the log told of
  kScopeMembers = 18,  // hub: blinded scope, block -> which record numbers are in it
  kReferences = 19,    // hub: blinded id, record number, field -> that field names that record
};
inline constexpr std::size_t kTableCount = 20;

// One privacy class's part of a stored record. `bytes` is the plaintext segment
// (sync/record/segment.hpp), or, while `sealed`, what is on disk: such a segment can be carried
// over unopened, or opened with ReadTxn::open_segment.
struct Segment {
  PrivacyClass privacy = PrivacyClass::kCompany;
  std::uint32_t generation = 0;  // Of the class key; filled by the store when it seals.
  boost::container::small_vector<SubjectRef, 1> subjects;  // Sorted, distinct; none today.
  std::uint64_t revision = 0;  // The record's revision at which this segment was last sealed.
  bool sealed = false;
  Bytes bytes;
};

// A record as a store holds it. `header` is the caller's own structure-class plaintext
// (sync/record/header.hpp).
struct StoredRecord {
  RecordNumber number = 0;
  std::uint64_t revision = 0;  // Filled by the store: rises with each put.
  Bytes header;
  boost::container::small_vector<Segment, 4> segments;  // Sorted by class (then subjects).
  [[nodiscard]] Segment* find(PrivacyClass privacy) {
    for (Segment& segment : segments) {
      if (segment.privacy == privacy) return &segment;
    }
    return nullptr;
  }
};

// Bytes are not what was written: what they held cannot be read, and all else can.
[[nodiscard]] inline bool is_damage(Errc code) {
  return code == Errc::kStoreCorrupt || code == Errc::kSealBroken || code == Errc::kRecordMalformed;
}

// A consistent snapshot. Thread-bound, short, never across a co_await. Values are copies.
class ReadTxn {
 public:
  virtual ~ReadTxn() = default;

  // Rows of the small tables. Errors of all calls: kStoreCorrupt (names table and key's hex
  // prefix), kClassLocked, kStoreLatched.
  virtual Result<std::optional<Bytes>> find(Table table, ByteView key) = 0;
  // In key order from `from` (inclusive) until the visitor says false or the table ends. The views
  // die with the call.
  using RowVisitor = std::function<bool(ByteView key, ByteView value)>;
  virtual Status scan(Table table, ByteView from, const RowVisitor& visit) = 0;

  // The keys alone, in the same order: values stay unopened, so that one that is damaged does not
  // hide the others. Of kRecords: record numbers, 8 bytes big-endian.
  using KeyVisitor = std::function<bool(ByteView key)>;
  virtual Status scan_keys(Table table, ByteView from, const KeyVisitor& visit) = 0;

  // Record numbers by id, 0 where there is none; in the order asked.
  virtual Result<std::vector<RecordNumber>> find_numbers(std::span<const RecordId> ids) = 0;
  // Records by number, in the order asked; an absent one has number 0. Segments come sealed
  // (engines without sealing give them plain).
  virtual Status find_many(std::span<const RecordNumber> numbers,
                           std::vector<StoredRecord>& out) = 0;
  // By rising number from `from` on.
  using RecordVisitor = std::function<bool(StoredRecord& record)>;
  virtual Status scan_records(RecordNumber from, const RecordVisitor& visit) = 0;
  // The plaintext of one segment of a record that this transaction gave out. kClassLocked,
  // kStoreCorrupt.
  virtual Result<Bytes> open_segment(const StoredRecord& record, const Segment& segment) = 0;
  // How many records there are.
  virtual Result<std::uint64_t> count_records() = 0;
  // The highest number that a record has, 0 where there is none.
  virtual Result<RecordNumber> last_record() = 0;
};

// The only write transaction; sees its own writes. Rolls back unless committed. Errors: kStoreFull,
// kStoreDiskFull, kStoreReadOnly, kStoreLatched.
class WriteTxn : public ReadTxn {
 public:
  // `privacy` says under which class key the row is sealed.
  virtual Status put(Table table, ByteView key, ByteView value,
                     PrivacyClass privacy = PrivacyClass::kStructure) = 0;
  virtual Status erase(Table table, ByteView key) = 0;  // An absent key is not an error.

  // The number of a record, given out where it has none.
  virtual Result<RecordNumber> number_for(const RecordId& id) = 0;
  // Replaces whole records. Each segment is sealed anew unless it is still `sealed`, then it is
  // carried over.
  virtual Status put_many(std::span<StoredRecord> records) = 0;
  virtual Status erase_record(RecordNumber number, const RecordId& id) = 0;

  // Durable when it returns (fsynced). After an error nothing of the transaction is there.
  virtual Status commit() = 0;
  // The same, but durable only with the next commit, or with Store::sync: until then a power cut
  // takes it back, it alone and all of it. For what the other side gives again if it has to.
  virtual Status commit_lazily() = 0;
};

// Thread-safe. One open per folder and process.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::unique_ptr<ReadTxn>> begin_read() = 0;    // Never waits for a writer.
  virtual Result<std::unique_ptr<WriteTxn>> begin_write() = 0;  // Waits for the previous one.
  // What was committed lazily is durable when it returns. kStoreLatched, kStoreDiskFull.
  virtual Status sync() = 0;
  // Replica numbers of this store. New ones are written with the next commit.
  virtual ReplicaNumbers& numbers() = 0;
  [[nodiscard]] virtual const StoreId& id() const = 0;

  struct CheckReport {
    std::uint64_t values = 0;
    std::vector<std::string> bad;           // "records/17: ..." without personal data
    std::vector<Bytes> bad_outbox;          // Keys of the outbox's rows among them.
    std::vector<RecordNumber> bad_records;  // Of the records among them.
  };
  // Reads and authenticates every value and every table's count and digest.
  virtual Result<CheckReport> check() = 0;
};

}  // namespace satchel::sync
