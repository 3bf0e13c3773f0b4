#include <capnp/any.h>
#include <zstd.h>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"
#include "schema/wire/enrolment.hpp"
#include "schema/wire/flat_message.hpp"
#include "schema/wire/frames.hpp"
#include "sync/page/known_state.hpp"
#include "tests/limits/probe.hpp"

namespace satchel::test {
namespace {

using wire::Frame;

Status carried(const Frame& frame) {
  return status_of(wire::decode_frame(wire::encode_frame(frame, false)));
}
// A Push of one commit with one section, changed.
Status carried_commit(const std::function<void(wire::Commit&)>& change) {
  wire::Push push{std::vector<wire::Commit>(1)};
  push.commits[0].sections.resize(1);
  change(push.commits[0]);
  return carried(push);
}

Bytes page_message(std::size_t size) {
  const auto message = [](std::size_t page) {
    return wire::encode_frame(wire::Changes{Bytes(page, 'x'), {}, false, false, {}, {}}, false);
  };
  const std::size_t head = message(8).size() - 1 - 8;
  return message((size - head) / 8 * 8);
}

// Outside a message's own words there may be nothing, so one byte more is one byte too many of any
// kind.
Status plain_frame(std::size_t size) {
  Bytes message = page_message(size);
  message.resize(1 + size, 'x');
  return status_of(wire::decode_frame(message));
}

// A zstd stream written by hand, of raw blocks, so that its size is what it is asked to be.
Bytes stored_as_zstd(ByteView content, std::size_t blocks) {
  Bytes out{"\x01\x28\xB5\x2F\xFD\xA0", 6};
  append_u32(out, static_cast<std::uint32_t>(content.size()));
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t take = (content.size() + (blocks - i) - 1) / (blocks - i);
    const std::uint32_t head = static_cast<std::uint32_t>(take) << 3 | (i + 1 == blocks ? 1 : 0);
    for (int shift = 0; shift < 24; shift += 8) out += static_cast<char>(head >> shift & 0xFF);
    out += content.substr(0, take);
    content.remove_prefix(take);
  }
  return out;
}
Status compressed_frame(std::size_t size) {
  // Blocks of at most 128 KiB, as many as leave whole words for the content.
  std::size_t blocks = size / (128 * 1024) + 2;
  while ((size - 9 - 3 * blocks) % 8 != 0) ++blocks;
  const Bytes words = page_message(size - 9 - 3 * blocks).substr(1);
  return status_of(wire::decode_frame(stored_as_zstd(words, blocks)));
}
Status inflated_frame(std::size_t size) {
  Bytes words = page_message(size).substr(1);
  words.resize(size, 'x');
  Bytes message(1 + ZSTD_compressBound(words.size()), '\1');
  message.resize(
      1 + ZSTD_compress(message.data() + 1, message.size() - 1, words.data(), words.size(), 1));
  return status_of(wire::decode_frame(message));
}

// A chain of structs, each of one pointer to the next.
Status nested(std::size_t levels) {
  const std::uint64_t pointer = std::uint64_t{1} << 48;
  Bytes words;
  append_u64(words, static_cast<std::uint64_t>(levels + 1) << 32);  // One segment.
  for (std::size_t i = 0; i < levels; ++i) append_u64(words, pointer);
  append_u64(words, 0);
  const auto descend = [&](capnp::AnyStruct::Reader at) {
    for (std::size_t i = 1; i < levels; ++i)
      at = at.getPointerSection()[0].getAs<capnp::AnyStruct>();
    return levels;
  };
  return status_of(wire::read_flat<capnp::AnyStruct>(words, descend));
}

Status ticket_url(std::size_t size) {
  wire::EnrolmentTicket ticket;
  ticket.url = std::string(size, 'u');
  return status_of(wire::encode_ticket(ticket));
}

Status scopes(std::size_t count) {
  wire::Welcome welcome;
  welcome.scopes.resize(count);
  return carried(welcome);
}
Status hello_scopes(std::size_t count) {
  wire::HelloBody body;
  body.scopes.resize(count);
  return status_of(wire::decode_hello_body(wire::encode_hello_body(body)));
}
Status epochs(std::size_t count) {
  return carried_commit([&](wire::Commit& c) { c.header.based_on.epochs.resize(count); });
}
Status purposes(std::size_t count) {
  wire::HelloBody body;
  body.purposes.resize(count);
  return status_of(wire::decode_hello_body(wire::encode_hello_body(body)));
}
Status text(std::size_t size) { return carried(wire::Failure{1, std::string(size, 'x'), 0}); }
Status push(std::size_t count) { return carried(wire::Push{std::vector<wire::Commit>(count)}); }
Status results(std::size_t count) {
  wire::Ack ack;
  ack.results.resize(count);
  return carried(ack);
}
Status sections(std::size_t count) {
  return carried_commit([&](wire::Commit& c) { c.sections.resize(count); });
}
Status subjects(std::size_t count) {
  return carried_commit([&](wire::Commit& c) { c.sections[0].subjects.resize(count); });
}
Status commit_bytes(std::size_t size) {
  return carried_commit([&](wire::Commit& c) { c.sections[0].bytes = Bytes(size, 'x'); });
}
Status extras(std::size_t count) {
  return carried_commit([&](wire::Commit& c) { c.header.extras.resize(count); });
}
Status extra(std::size_t size) {
  return carried_commit(
      [&](wire::Commit& c) { c.header.extras.emplace_back(std::uint16_t{1}, Bytes(size, 'x')); });
}
Status known_states(std::size_t count) {
  return status_of(
      sync::decode_known_states(sync::encode_known_states(std::vector<sync::KnownState>(count))));
}
Status changed_fields(std::size_t count) {
  wire::Ack ack;
  ack.results.resize(1);
  ack.results[0].fields.resize(count);
  return carried(ack);
}

}  // namespace

LimitProbes frame_probes() {
  const Errc large = Errc::kFrameTooLarge;
  const Errc many = Errc::kLimitExceeded;
  return {
      {"kFrameBytesMax", "plain frame", plain_frame, large, "a message"},
      {"kFrameBytesMax", "inflated frame", inflated_frame, large, "after decompression"},
      {"kFrameCompressedBytesMax", "frame", compressed_frame, large, "a compressed frame"},
      {"kFrameNestingMax", "message reader", nested, Errc::kFrameMalformed, "not a message"},
      {"kFrameTextBytesMax", "frame", text, many, "a text in a frame"},
      {"kFrameTextBytesMax", "enrolment code", ticket_url, many, "url or user"},
      {"kPushCommitsMax", "push", push, many, "commits of a push"},
      {"kPushCommitsMax", "ack", results, many, "results of an ack"},
      {"kScopesMax", "welcome", scopes, many, "scopes of a frame"},
      {"kScopesMax", "hello", hello_scopes, many, "scopes of a frame"},
      {"kScopesMax", "commit", epochs, many, "scopes of a commit"},
      {"kKnownStatesMax", "frame", known_states, many, "known states of one frame"},
      {"kPurposesMax", "hello", purposes, many, "purposes of a hello"},
      {"kCommitSectionsMax", "frame", sections, many, "sections of a commit"},
      {"kSubjectsMax", "frame", subjects, many, "subjects of a section"},
      {"kCommitBytesMax", "frame", commit_bytes, many, "bytes of a commit"},
      {"kCommitExtrasMax", "frame", extras, many, "extra header fields"},
      {"kCommitExtraBytesMax", "frame", extra, many, "an extra header field"},
      {"kCommitWritesMax", "result", changed_fields, many, "fields of a result"},
  };
}

}  // namespace satchel::test
