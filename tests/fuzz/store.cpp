// A store whose files were damaged while it was closed, its keys intact: it opens or says why not,
// every value reads as it was written or as an error, and what is written then is there afterwards.
#include <array>
#include <fstream>
#include <sstream>

#include "crypto/key_provider.hpp"
#include "schema/model/varint.hpp"
#include "sync/store/lmdb/lmdb_store.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/seeds.hpp"

namespace satchel::fuzz {
namespace {

using namespace sync;  // NOLINT: the words of a store.

constexpr std::size_t kPage = 4096;
constexpr std::size_t kEditsMax = 12;
constexpr int kRowCount = 40;
constexpr std::uint64_t kRecordCount = 24;

// The same store in every run.
class CountedEntropy final : public crypto::Entropy {
 public:
  Status fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(gen_.next());
    return {};
  }

 private:
  test::Gen gen_{11};
};

Bytes row_key(int i) { return "row" + std::to_string(1000 + i); }
Bytes row_value(int i) { return Bytes(static_cast<std::size_t>(i) * 7 % 150, 'v') + row_key(i); }
Table table_of(int i) { return i % 2 == 0 ? Table::kMeta : Table::kOutbox; }
RecordId record_id(std::uint64_t n) {
  RecordId id;
  id.octets[0] = 1;
  id.octets[15] = static_cast<std::uint8_t>(n);
  return id;
}
Bytes text(std::uint64_t n) { return Bytes(n * 13 % 200, 't') + std::to_string(n); }
StoredRecord record(RecordNumber number, std::uint64_t n) {
  StoredRecord made;
  made.number = number;
  made.header = "h" + text(n);
  for (const PrivacyClass privacy : {PrivacyClass::kCompany, PrivacyClass::kPersonal}) {
    Segment& segment = made.segments.emplace_back();
    segment.privacy = privacy;
    segment.bytes = "s" + text(n);
  }
  return made;
}

// The files of one store, as they were and as they are.
class Shelf {
 public:
  static constexpr std::array<const char*, 2> kFiles{"/data.mdb", "/keys/data.mdb"};

  Shelf() {
    const auto store = LmdbStore::create(folder(), options(), provider_, entropy_);
    must(store, "a store is made");
    for (int round = 0; round < 2; ++round) fill(**store);
  }
  void keep_images() {
    for (std::size_t i = 0; i < kFiles.size(); ++i) images_[i] = read(folder() + kFiles[i]);
  }
  [[nodiscard]] const Bytes& image(std::size_t file) const { return images_[file]; }
  // In place: LMDB's readers are gone, and nothing but the bytes matters.
  void lay_down(std::size_t file, const Bytes& bytes) {
    std::fstream out{folder() + kFiles[file], std::ios::binary | std::ios::in | std::ios::out};
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    std::filesystem::resize_file(folder() + kFiles[file], bytes.size());
  }
  Result<std::unique_ptr<LmdbStore>> open(const LmdbOptions& options) {
    return LmdbStore::open(folder(), options, provider_, entropy_);
  }
  static LmdbOptions options() { return {.map_bytes_max = std::size_t{1} << 26}; }

 private:
  [[nodiscard]] std::string folder() const { return scratch_.path() + "/store"; }
  static Bytes read(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return std::move(bytes).str();
  }
  // Several commits, so that there are freed pages, a large value and replaced rows.
  static void fill(Store& store) {
    const auto txn = std::move(*store.begin_write());
    for (int i = 0; i < kRowCount; ++i) {
      must(txn->put(table_of(i), row_key(i), row_value(i)), "a row is put");
    }
    must(txn->put(Table::kSchemas, "large", Bytes(20'000, 'L')), "a large row is put");
    std::vector<StoredRecord> records;
    for (std::uint64_t n = 1; n <= kRecordCount; ++n) {
      records.push_back(record(*txn->number_for(record_id(n)), n));
    }
    must(txn->put_many(records), "records are put");
    store.numbers().number_of(*ReplicaId::from_bytes(Bytes(16, 'a')));
    must(txn->commit(), "a store is filled");
  }

  Scratch scratch_;
  crypto::MemoryKeyProvider provider_;
  CountedEntropy entropy_;
  std::array<Bytes, kFiles.size()> images_;
};

Shelf& shelf() {
  static Shelf one;
  if (one.image(0).empty()) one.keep_images();
  return one;
}

// Puts one change of a hand that knows pages into the files.
void edit(Input& in, std::array<Bytes, 2>& files) {
  const std::uint8_t what = in.octet();
  Bytes& file = files[what & 1];
  const std::size_t pages = file.size() / kPage;
  const std::size_t page = in.octet();
  const std::size_t at = in.two_octets() % kPage;
  const std::uint8_t value = in.octet();
  if (pages == 0) return;
  const std::size_t place = page % pages * kPage + at;
  const std::size_t other = value % pages * kPage;
  char* const octet = file.data() + place;
  switch (what >> 1 & 7) {
    case 0: *octet = static_cast<char>(*octet ^ (1 << value % 8)); break;
    case 1: *octet = static_cast<char>(value); break;
    case 2:
      std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(page % pages * kPage), kPage, '\0');
      break;
    case 3: file.replace(page % pages * kPage, kPage, Bytes{file, other, kPage}); break;
    case 4: {  // With the number of its new place.
      file.replace(page % pages * kPage, kPage, Bytes{file, other, kPage});
      Bytes number;
      append_u64(number, page % pages);
      file.replace(page % pages * kPage, number.size(), number);
      break;
    }
    case 5: file.resize(place); break;
    case 6: {
      const ByteView written = in.take(value % 17);
      file.replace(place, written.size(), written);
      break;
    }
    default: std::swap(*octet, file[other + at]);
  }
}

struct Verdict {
  int errors = 0;
  int absent = 0;
};

void judge(Verdict& verdict, const Result<std::optional<Bytes>>& found, const Bytes& expected) {
  if (!found) {
    ++verdict.errors;
  } else if (!*found) {
    ++verdict.absent;
  } else {
    law(**found == expected, "a value is read that was never written");
  }
}

void judge_record(Verdict& verdict, ReadTxn& txn, std::uint64_t n) {
  const auto numbers = txn.find_numbers(std::vector{record_id(n)});
  std::vector<StoredRecord> found;
  if (!numbers || (numbers->at(0) != 0 && !txn.find_many(*numbers, found))) {
    ++verdict.errors;
    return;
  }
  if (numbers->at(0) == 0 || found[0].number == 0) {
    ++verdict.absent;
    return;
  }
  law(found[0].header == "h" + text(n), "a record's header is read that was never written");
  for (const Segment& segment : found[0].segments) {
    const auto plain = txn.open_segment(found[0], segment);
    if (!plain) {
      ++verdict.errors;
    } else {
      law(*plain == "s" + text(n), "a segment is read that was never written");
    }
  }
}

Verdict read_everything(Store& store) {
  Verdict verdict;
  const auto txn = store.begin_read();
  if (!txn) {
    ++verdict.errors;
    return verdict;
  }
  for (int i = 0; i < kRowCount; ++i) {
    judge(verdict, (*txn)->find(table_of(i), row_key(i)), row_value(i));
  }
  judge(verdict, (*txn)->find(Table::kSchemas, "large"), Bytes(20'000, 'L'));
  for (std::uint64_t n = 1; n <= kRecordCount; ++n) judge_record(verdict, **txn, n);
  const auto all = [](ByteView, ByteView) { return true; };
  for (int i = 0; i < 2; ++i) {
    static_cast<void>((*txn)->scan(table_of(i), {}, all).has_value());
  }
  return verdict;
}

// A write to what is damaged succeeds, and then is there, or says that it did not.
void write_and_read(const LmdbOptions& options, std::unique_ptr<LmdbStore> store) {
  {
    auto txn = store->begin_write();
    if (!txn) return;
    if (!(*txn)->put(Table::kInbox, "late", "written late")) return;
    auto number = (*txn)->number_for(record_id(1));
    if (!number) return;
    std::vector<StoredRecord> records{record(*number, 1)};
    if (!(*txn)->put_many(records) || !(*txn)->commit()) return;
  }
  store.reset();
  const auto again = shelf().open(options);
  if (!again) return;
  read_everything(**again);
  const auto txn = (*again)->begin_read();
  must(txn, "a store that opened is not read");
  const auto late = (*txn)->find(Table::kInbox, "late");
  law(!late || (*late && **late == "written late"), "what was written to a damaged store is gone");
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  const std::uint8_t flags = in.octet();
  std::array<Bytes, 2> files{shelf().image(0), shelf().image(1)};
  for (std::size_t i = 0; i < kEditsMax && !in.empty(); ++i) edit(in, files);
  for (std::size_t i = 0; i < files.size(); ++i) shelf().lay_down(i, files[i]);
  LmdbOptions options = Shelf::options();
  if ((flags & 1) != 0) options.verify_bytes_max = 0;
  options.read_only = (flags & 6) == 2;
  auto store = shelf().open(options);
  if (!store) {
    law(store.error().code != Errc::kInternal && store.error().code != Errc::kStoreLatched,
        "a damaged store is refused without saying why");
    return;
  }
  const Verdict verdict = read_everything(**store);
  const auto report = (*store)->check();
  law(verdict.errors + verdict.absent == 0 || !report || !report->bad.empty(),
      "what cannot be read is not told by the check");
  if ((flags & 6) == 4) write_and_read(options, std::move(*store));
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> made{Bytes(1, '\0'), "\4"};
  test::Gen gen{3};
  for (int i = 0; i < 120; ++i) {
    Bytes seed{static_cast<char>(gen.below(8))};
    for (std::size_t edits = 1 + gen.below(3); edits > 0; --edits) {
      seed += static_cast<char>(gen.below(12) < 10 ? gen.below(16) & ~1U : gen.below(16));
      seed += static_cast<char>(gen.below(64));
      append_u16(seed,
                 static_cast<std::uint16_t>(gen.chance(50) ? gen.below(64) : gen.below(4096)));
      seed += static_cast<char>(gen.next());
    }
    made.push_back(seed);
  }
  return made;
}

}  // namespace satchel::fuzz
