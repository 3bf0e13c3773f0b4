// Hostile bytes for every decoder of the wire: nothing crashes, nothing throws, and what is taken
// is canonical.
#include <iostream>

#include <gtest/gtest.h>

#include "schema/wire/enrolment.hpp"
#include "tests/support/wire_samples.hpp"

namespace satchel {
namespace {

using test::Gen;
using test::WireSamples;

constexpr std::uint64_t kMutations = 20'000;

std::uint64_t printed_seed() {
  const char* given = std::getenv("SATCHEL_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'240'601;
  std::cout << "SEED=" << seed << "\n";
  return seed;
}

Bytes mutated(Gen& gen, Bytes bytes) {
  for (std::size_t i = 1 + gen.below(4); i > 0; --i) {
    if (bytes.empty()) return bytes;
    const std::size_t at = gen.below(bytes.size());
    switch (gen.below(6)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ 1 << gen.below(8)); break;
      case 1: bytes[at] = static_cast<char>(gen.next()); break;
      case 2: bytes.erase(at, 1 + gen.below(16)); break;
      case 3: bytes.insert(at, Bytes(1 + gen.below(16), static_cast<char>(gen.next()))); break;
      case 4: bytes[at] = gen.chance(50) ? '\xFF' : '\0'; break;
      default: bytes += bytes.substr(at, 64); break;
    }
  }
  return bytes;
}

// What a decoder takes must encode, and come back the same.
void try_frame(ByteView bytes) {
  const auto frame = wire::decode_frame(bytes);
  if (frame) {
    EXPECT_EQ(*wire::decode_frame(wire::encode_frame(*frame, true)), *frame);
  }
}
void try_commit(ByteView bytes) {
  const auto commit = wire::decode_commit(bytes);
  if (commit) {
    EXPECT_EQ(*wire::decode_commit(wire::encode_commit(*commit)), *commit);
  }
}
// A body's form is canonical: what is taken has exactly the bytes that its content has.
bool try_body(const std::vector<wire::Section>& sections) {
  const auto body = sync::decode_body(sections);
  if (!body) return false;
  const auto again = sync::encode_body(*body);
  EXPECT_EQ(again.size(), sections.size());
  for (std::size_t i = 0; i < again.size() && i < sections.size(); ++i) {
    EXPECT_EQ(again[i].bytes, sections[i].bytes) << "section " << i;
    EXPECT_EQ(again[i].privacy, sections[i].privacy);
  }
  return true;
}

TEST(HostileFrames, TruncationAtEveryByteIsRefused) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  for (std::size_t kind = 0; kind < std::variant_size_v<wire::Frame>; ++kind) {
    for (const bool compress : {false, true}) {
      const Bytes message = wire::encode_frame(samples.frame_of(kind), compress);
      for (std::size_t size = 0; size < message.size(); ++size) {
        const auto frame = wire::decode_frame(ByteView{message}.substr(0, size));
        ASSERT_FALSE(frame) << "kind " << kind << " cut at " << size;
      }
    }
  }
}

TEST(HostileFrames, MutationsNeverBreakTheDecoder) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  for (std::uint64_t i = 0; i < kMutations; ++i) {
    try_frame(mutated(gen, wire::encode_frame(samples.frame(), gen.chance(50))));
  }
}

TEST(HostileFrames, MutatedLoneMessagesNeverBreakTheirDecoders) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  for (std::uint64_t i = 0; i < kMutations / 4; ++i) {
    try_commit(mutated(gen, wire::encode_commit(samples.commit())));
    (void)wire::decode_commit_header(mutated(gen, wire::encode_commit_header(samples.header())))
        .has_value();
    (void)wire::decode_hello_body(mutated(gen, wire::encode_hello_body(samples.hello_body())))
        .has_value();
    (void)wire::decode_result(mutated(gen, wire::encode_result(samples.result()))).has_value();
  }
}

TEST(HostileFrames, NoiseIsRefusedOrRead) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  for (std::uint64_t i = 0; i < kMutations; ++i) try_frame(samples.bytes(256));
}

TEST(HostileBodies, TruncationAtEveryByteIsRefused) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  for (int i = 0; i < 50; ++i) {
    const auto sections = sync::encode_body(samples.body());
    for (std::size_t which = 0; which < sections.size(); ++which) {
      for (std::size_t size = 0; size < sections[which].bytes.size(); ++size) {
        auto cut = sections;
        cut[which].bytes.resize(size);
        ASSERT_FALSE(sync::decode_body(cut)) << "section " << which << " cut at " << size;
      }
    }
  }
}

TEST(HostileBodies, OnlyCanonicalBytesAreTaken) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  std::uint64_t taken = 0;
  for (std::uint64_t i = 0; i < kMutations; ++i) {
    auto sections = sync::encode_body(samples.body());
    wire::Section& section = sections[gen.below(sections.size())];
    section.bytes = mutated(gen, section.bytes);
    taken += try_body(sections) ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(taken, 100U) << "values may hold anything, so some mutations must be taken";
  EXPECT_LT(taken, kMutations);
}

TEST(HostileTickets, MutationsNeverPassForAnotherTicket) {
  Gen gen{printed_seed()};
  WireSamples samples{gen};
  for (std::uint64_t i = 0; i < kMutations; ++i) {
    wire::EnrolmentTicket ticket;
    ticket.url = samples.text();
    ticket.user = samples.text();
    ticket.workspace = samples.id<WorkspaceId>();
    const std::string text = *wire::encode_ticket(ticket);
    const auto back = wire::decode_ticket(mutated(gen, text));
    if (back) {
      EXPECT_EQ(*back, ticket);
    }
  }
}

}  // namespace
}  // namespace satchel
