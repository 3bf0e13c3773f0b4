// Random frames and commits that use every member. For tests only.
#pragma once

#include <map>
#include <string>

#include "schema/wire/frames.hpp"
#include "sync/commit/body.hpp"
#include "tests/support/seeds.hpp"

namespace satchel::test {

// Draws of any type; members are empty now and then.
class WireSamples {
 public:
  explicit WireSamples(Gen& gen) : gen_(gen) {}

  Bytes bytes(std::size_t max = 40) {
    Bytes out(gen_.below(max + 1), '\0');
    for (char& octet : out) octet = static_cast<char>(gen_.next());
    return out;
  }
  std::string text(std::size_t max = 20) {
    std::string out(gen_.below(max + 1), 'a');
    for (char& letter : out) letter = static_cast<char>('a' + gen_.below(26));
    return out;
  }
  template <class Id>
  Id id() {
    Id out;
    for (auto& octet : out.octets) octet = static_cast<std::uint8_t>(gen_.next());
    return out;
  }
  template <class Make>
  auto some(std::size_t max, const Make& make) {
    std::vector<decltype(make())> out;
    for (std::size_t i = gen_.below(max + 1); i > 0; --i) out.push_back(make());
    return out;
  }
  bool flag() { return gen_.chance(50); }
  std::uint64_t number() { return gen_.next() >> gen_.below(64); }

  wire::Cursor cursor() { return {id<IncarnationId>(), number(), number()}; }
  wire::ScopeState scope() { return {text(), number(), cursor()}; }
  wire::Section section() {
    return {static_cast<PrivacyClass>(gen_.below(kPrivacyClassCount)),
            static_cast<std::uint32_t>(number()), some(2, [&] { return id<SubjectRef>(); }),
            bytes(200)};
  }
  wire::CommitHeader header() {
    wire::CommitHeader header;
    header.replica = id<ReplicaId>();
    header.number = number();
    header.stamp = number();
    header.actor = text();
    header.purpose = text();
    header.bundle_version = number();
    header.schema_hash = bytes();
    header.based_on = {id<IncarnationId>(), number(), some(3, [&] {
                         return std::pair{text(), number()};
                       })};
    header.content_hash = bytes();
    header.signature = bytes();
    header.receipt = bytes();
    if (flag()) {
      header.origin = {id<ReplicaId>(), number() | 1, Bytes(wire::kContentHashBytes, 'h')};
    }
    header.extras = some(3, [&] {
      return std::pair{static_cast<std::uint16_t>(number()), bytes()};
    });
    return header;
  }
  wire::Commit commit() {
    return {header(), some(4, [&] { return section(); }), bytes(200)};
  }
  wire::CommitResult result() {
    return {number(),
            static_cast<wire::Outcome>(gen_.below(5)),
            number(),
            static_cast<std::int32_t>(number()),
            text(),
            some(3, [&] { return std::pair{id<RecordId>(), static_cast<FieldId>(number())}; }),
            bytes(),
            flag()};
  }
  wire::HelloBody hello_body() {
    wire::HelloBody body;
    body.protocol = static_cast<std::uint16_t>(number());
    body.schema_hash = bytes();
    body.workspace = id<WorkspaceId>();
    body.device = bytes();
    body.replica = id<ReplicaId>();
    body.next_commit = number();
    body.incarnation = id<IncarnationId>();
    body.seq_seen = number();
    body.watermark_confirmed = number();
    body.fence_token = bytes();
    body.purposes = some(3, [&] { return text(); });
    body.scopes = some(3, [&] { return scope(); });
    body.bundle_version = number();
    body.live = flag();
    body.bootstrapping = flag();
    body.settling = flag();
    return body;
  }
  wire::Welcome welcome() {
    wire::Welcome welcome;
    welcome.protocol = static_cast<std::uint16_t>(number());
    welcome.incarnation = id<IncarnationId>();
    welcome.watermark = number();
    welcome.scopes = some(3, [&] { return scope(); });
    welcome.bundle_version = number();
    welcome.bundle_hash = bytes();
    welcome.schema_hash = bytes();
    welcome.trusted_time_us = static_cast<std::int64_t>(number());
    welcome.fence_token = bytes();
    welcome.access_token = bytes();
    welcome.backed_up_through = number();
    welcome.recovering = flag();
    return welcome;
  }
  wire::Frame frame() { return frame_of(gen_.below(std::variant_size_v<wire::Frame>)); }
  wire::Frame frame_of(std::size_t alternative) {
    const auto u16 = [&] { return static_cast<std::uint16_t>(number()); };
    switch (alternative) {
      case 0: return wire::Challenge{bytes(), u16(), u16()};
      case 1: return wire::Hello{bytes(300), bytes()};
      case 2: return welcome();
      case 3: return wire::Push{some(4, [&] { return commit(); })};
      case 4:
        return wire::Ack{number(), some(4, [&] { return result(); }), bytes(300), number(),
                         number()};
      case 5: return wire::Changes{bytes(2000), cursor(), flag(), flag(), bytes(), bytes()};
      case 6: return wire::Progress{cursor(), number(), number()};
      case 7:
        return wire::Failure{static_cast<std::int32_t>(number()), text(),
                             static_cast<std::uint32_t>(number())};
      default: return wire::Other{static_cast<std::uint16_t>(64 + gen_.below(60'000)), bytes()};
    }
  }

  sync::CommitBody body() {
    sync::CommitBody body;
    std::vector<ReplicaId> replicas{id<ReplicaId>(), id<ReplicaId>(), id<ReplicaId>()};
    const std::vector<CollectionId> collections{number(), number()};
    for (std::size_t i = gen_.below(5); i > 0; --i) {
      sync::RecordWrite record{collections[gen_.below(2)], id<RecordId>(), flag(), {}};
      std::map<std::pair<FieldId, Bytes>, sync::RegisterWrite> writes;
      for (std::size_t j = gen_.below(8); j > 0; --j) {
        sync::RegisterWrite write = register_write(replicas);
        writes[{write.field, write.key}] = write;
      }
      for (auto& [name, write] : writes) record.writes.push_back(std::move(write));
      body.records.push_back(std::move(record));
    }
    return body;
  }

 private:
  sync::RegisterWrite register_write(const std::vector<ReplicaId>& replicas) {
    sync::RegisterWrite write;
    write.field = static_cast<FieldId>(gen_.below(6));
    write.op = static_cast<sync::WriteOp>(gen_.below(5));
    write.privacy = static_cast<PrivacyClass>(write.field % 4);
    if (write.op == sync::WriteOp::kAppend) {
      write.key = Bytes{static_cast<char>(gen_.below(2)), static_cast<char>(gen_.next())};
    } else if (write.op == sync::WriteOp::kState && flag()) {
      write.key = "k" + text(5);
    }
    write.value = bytes(30);
    for (const ReplicaId& replica : replicas) {
      if (flag()) write.shown.observe({replica, 1 + gen_.below(300)});
    }
    return write;
  }

  Gen& gen_;
};

}  // namespace satchel::test
