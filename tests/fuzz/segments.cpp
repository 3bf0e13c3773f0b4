// The layout of records: a segment that is taken is the one byte form of what it says, joins with
// itself without change, and joins with another as its entries do; so do headers and pages.
#include "sync/page/page.hpp"
#include "sync/record/header.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/histories.hpp"

namespace satchel::fuzz {
namespace {

using sync::Entry;
using sync::ReplicaNumbers;

constexpr PrivacyClass kClass = PrivacyClass::kCompany;
enum Kind : std::uint8_t { kSegment, kTwo, kHeader, kPage, kKinds };

ReplicaNumbers& numbers() {
  static ReplicaNumbers table;
  if (table.size() == 0) {
    for (const char* name : {"dan", "bob", "eve", "cyd", "ann"}) {
      table.number_of(test::replica_named(name));
    }
  }
  return table;
}

// Nothing where the bytes are refused; then `out` must be left as it was.
std::optional<std::vector<Entry>> decoded(ByteView bytes) {
  std::vector<Entry> entries;
  if (sync::decode_segment(bytes, kClass, numbers(), entries)) return entries;
  law(entries.empty(), "a refused segment leaves entries behind");
  return std::nullopt;
}

void try_segment(ByteView bytes) {
  const auto entries = decoded(bytes);
  std::vector<sync::ReplicaNumber> named;
  const bool scanned = sync::numbers_in_segment(bytes, named).has_value();
  if (!entries) return;
  law(sync::encode_segment(*entries, numbers()) == bytes, "two byte forms of one segment");
  law(scanned && std::is_sorted(named.begin(), named.end()) &&
          (named.empty() || named.back() < numbers().size()),
      "a segment that is taken names replicas that are not there");
  std::vector<sync::ReplicaNumber> same(numbers().size());
  for (std::uint32_t i = 0; i < same.size(); ++i) same[i] = i;
  const auto copied = sync::transcode_segment(bytes, same, nullptr);
  must(copied, "a segment is not taken over under its own numbering");
  law(*copied == bytes, "a segment taken over under its own numbering differs");
  std::vector<bool> changed;
  const auto joined = sync::join_into_segment(bytes, *entries, 1'000, numbers(), &changed);
  must(joined, "a segment does not join with itself");
  law(std::find(changed.begin(), changed.end(), true) == changed.end(),
      "a segment that is joined with itself changes");
  const auto after = decoded(*joined);
  law(after && after->size() == entries->size(), "a segment joined with itself has other entries");
  for (std::size_t i = 0; i < entries->size(); ++i) {
    law((*after)[i].state == (*entries)[i].state, "a register joined with itself changes");
  }
}

// Join entry by entry, as the join of bytes must come out.
std::vector<Entry> joined_slowly(const std::vector<Entry>& stored, const std::vector<Entry>& writes,
                                 Sequence seq) {
  sync::Record record{7, {}, stored};
  for (const Entry& write : writes) {
    Entry& entry = record.at(write.field, write.key, kClass);
    sync::join_with(entry.state, write.state);
    entry.withheld = (entry.withheld || write.withheld) && entry.state.context.empty();
    entry.seq = seq;
  }
  return record.entries;
}

void try_two(ByteView first, ByteView second) {
  const auto stored = decoded(first);
  const auto writes = decoded(second);
  if (!stored || !writes) return;
  const auto fast = sync::join_into_segment(first, *writes, 1'000, numbers(), nullptr);
  if (!fast) return law(fast.error().code == Errc::kLimitExceeded, "two segments do not join");
  law(*fast == sync::encode_segment(joined_slowly(*stored, *writes, 1'000), numbers()),
      "the join of bytes is not the join of entries");
}

void try_header(ByteView bytes) {
  const auto header = sync::decode_header(bytes, numbers());
  if (!header) return;
  law(sync::encode_header(*header, numbers()) == bytes, "two byte forms of one header");
  const auto name = sync::decode_name(bytes);
  must(name, "a header that is taken has no name");
  law(name->id == header->id && name->collection == header->collection,
      "a header has another name");
}

struct Item {
  sync::PageItem item;
  std::vector<Entry> entries;
};
// Nothing where the page, an item or a segment of it is refused.
std::optional<std::vector<Item>> items_of(ByteView page) {
  auto reader = sync::PageReader::open(page);
  if (!reader) return std::nullopt;
  std::vector<Item> items;
  for (;;) {
    Item& each = items.emplace_back();
    const auto more = reader->next(each.item);
    if (!more) return std::nullopt;
    if (!*more) break;
    if (!reader->decode(each.item, each.entries)) return std::nullopt;
  }
  items.pop_back();
  return items;
}

void try_page(ByteView page) {
  const auto items = items_of(page);
  if (!items) return;
  const auto reader = sync::PageReader::open(page);
  sync::PageWriter writer{reader->replicas()};
  std::vector<const Item*> kept;
  for (const Item& each : *items) {
    const sync::PageItem& item = each.item;
    if (item.evict) {
      writer.add_evict(item.collection, item.id, item.scope);
    } else {
      const auto added = writer.add(item.collection, item.id, item.whole, item.segments, nullptr);
      must(added, "an item that was read is not written");
      if (!*added) continue;
    }
    kept.push_back(&each);
  }
  const Bytes written = writer.finish();
  const auto again = items_of(written);
  law(again && again->size() == kept.size(), "a page that was read is written as another");
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const sync::PageItem& a = kept[i]->item;
    const sync::PageItem& b = (*again)[i].item;
    law(a.collection == b.collection && a.id == b.id && a.evict == b.evict && a.scope == b.scope,
        "an item of a page comes back as another");
    law(kept[i]->entries == (*again)[i].entries, "a page's registers come back as others");
  }
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  switch (in.octet() % kKinds) {
    case kSegment: return try_segment(in.rest());
    case kTwo: {
      const ByteView first = in.take(in.two_octets());
      return try_two(first, in.rest());
    }
    case kHeader: return try_header(in.rest());
    default: return try_page(in.rest());
  }
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> made;
  const auto add = [&](Kind kind, const Bytes& bytes) {
    made.push_back(static_cast<char>(kind) + bytes);
  };
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    test::Gen gen{seed};
    test::History history{gen, {.replicas = 2 + seed % 4, .steps = 6 + 3 * seed}};
    history.run();
    std::vector<Bytes> segments;
    for (const sync::Record& record : history.records()) {
      segments.push_back(sync::encode_segment(record.entries, numbers()));
      add(kSegment, segments.back());
    }
    Bytes two;
    append_u16(two, static_cast<std::uint16_t>(segments[0].size()));
    add(kTwo, two + segments[0] + segments[1]);
    sync::RecordHeader header{7, history.records()[0].id, std::nullopt, Bytes(seed % 3, 'x')};
    add(kHeader, sync::encode_header(header, numbers()));
    header.life = Entry{kLifeField, {}, PrivacyClass::kStructure, false, seed, {}};
    header.life->state =
        sync::written(test::dot_named("ann:3"), sync::Stamp::at_ms(5), test::boolean(true), {});
    add(kHeader, sync::encode_header(header, numbers()));
    sync::PageWriter writer{numbers()};
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::array<sync::PageSegment, 1> parts{{{kClass, segments[i]}}};
      static_cast<void>(writer.add(7 + i, header.id, i % 2 == 0, parts, nullptr).has_value());
    }
    writer.add_evict(9, header.id, "owner:ann");
    add(kPage, writer.finish());
  }
  return made;
}

}  // namespace satchel::fuzz
