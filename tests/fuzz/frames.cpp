// Every decoder of the wire: what one takes encodes, and comes back as it was taken; of bodies and
// small tables there is one byte form.
#include "schema/model/varint.hpp"
#include "schema/wire/enrolment.hpp"
#include "sync/page/authors.hpp"
#include "sync/page/known_state.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/wire_samples.hpp"

namespace satchel::fuzz {
namespace {

template <class Decode, class Encode>
void comes_back(ByteView bytes, const Decode& decode, const Encode& encode) {
  const auto taken = decode(bytes);
  if (!taken) return;
  const auto again = decode(encode(*taken));
  must(again, "what was decoded encodes to what is refused");
  law(*again == *taken, "what was decoded comes back as something else");
}

template <class Decode, class Encode>
void is_canonical(ByteView bytes, const Decode& decode, const Encode& encode) {
  const auto taken = decode(bytes);
  if (!taken) return;
  law(encode(*taken) == bytes, "two byte forms of one content are taken");
}

// Of each section: class, length, bytes.
std::vector<wire::Section> sections_of(Input& in) {
  std::vector<wire::Section> sections;
  while (!in.empty() && sections.size() < kPrivacyClassCount) {
    wire::Section section;
    section.privacy = static_cast<PrivacyClass>(in.octet() % kPrivacyClassCount);
    section.bytes = in.take(in.two_octets());
    sections.push_back(std::move(section));
  }
  return sections;
}
Bytes bytes_of(const std::vector<wire::Section>& sections) {
  Bytes out;
  for (const wire::Section& section : sections) {
    out += static_cast<char>(section.privacy);
    append_u16(out, static_cast<std::uint16_t>(section.bytes.size()));
    out += section.bytes;
  }
  return out;
}

void try_body(Input& in) {
  const auto sections = sections_of(in);
  if (!sections.empty()) static_cast<void>(sync::decode_structure(sections[0].bytes).has_value());
  const auto body = sync::decode_body(sections);
  if (!body) return;
  const auto again = sync::encode_body(*body);
  law(bytes_of(again) == bytes_of(sections), "two byte forms of one body are taken");
}

enum Kind : std::uint8_t {
  kFrame,
  kCompressed,
  kCommit,
  kHeader,
  kHello,
  kResult,
  kBody,
  kTicket,
  kKnown,
  kAuthors,
  kKinds
};

}  // namespace

void run(ByteView input) {
  Input in{input};
  const auto kind = in.octet() % kKinds;
  if (kind == kBody) return try_body(in);
  const ByteView bytes = in.rest();
  const auto plain = [](const wire::Frame& frame) { return wire::encode_frame(frame, false); };
  const auto small = [](const wire::Frame& frame) { return wire::encode_frame(frame, true); };
  const auto ticket = [](const wire::EnrolmentTicket& each) { return *wire::encode_ticket(each); };
  switch (kind) {
    case kFrame: return comes_back(bytes, wire::decode_frame, plain);
    case kCompressed: return comes_back(bytes, wire::decode_frame, small);
    case kCommit: return comes_back(bytes, wire::decode_commit, wire::encode_commit);
    case kHeader: return comes_back(bytes, wire::decode_commit_header, wire::encode_commit_header);
    case kHello: return comes_back(bytes, wire::decode_hello_body, wire::encode_hello_body);
    case kResult: return comes_back(bytes, wire::decode_result, wire::encode_result);
    case kTicket: return comes_back(bytes, wire::decode_ticket, ticket);
    case kKnown: return is_canonical(bytes, sync::decode_known_states, sync::encode_known_states);
    default: return is_canonical(bytes, sync::decode_authors, sync::encode_authors);
  }
}

std::vector<Bytes> seeds() {
  test::Gen gen{7};
  test::WireSamples samples{gen};
  std::vector<Bytes> made;
  const auto add = [&](Kind kind, const Bytes& bytes) {
    made.push_back(static_cast<char>(kind) + bytes);
  };
  for (std::size_t i = 0; i < 4 * std::variant_size_v<wire::Frame>; ++i) {
    const wire::Frame frame = samples.frame_of(i % std::variant_size_v<wire::Frame>);
    add(kFrame, wire::encode_frame(frame, false));
    add(kCompressed, wire::encode_frame(frame, true));
  }
  for (int i = 0; i < 8; ++i) {
    add(kCommit, wire::encode_commit(samples.commit()));
    add(kHeader, wire::encode_commit_header(samples.header()));
    add(kHello, wire::encode_hello_body(samples.hello_body()));
    add(kResult, wire::encode_result(samples.result()));
    add(kBody, bytes_of(sync::encode_body(samples.body())));
    wire::EnrolmentTicket ticket;
    ticket.url = samples.text();
    ticket.user = samples.text();
    add(kTicket, *wire::encode_ticket(ticket));
    add(kKnown, sync::encode_known_states(samples.some(3, [&] {
          return sync::KnownState{
              samples.number(), samples.id<RecordId>(), {samples.id<ReplicaId>(), 5}, 3};
        })));
    add(kAuthors, sync::encode_authors(samples.some(3, [&] {
          return sync::Author{samples.id<ReplicaId>(), samples.text()};
        })));
  }
  return made;
}

}  // namespace satchel::fuzz
