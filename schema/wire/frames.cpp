#include "schema/wire/frames.hpp"

#include <zstd.h>

#include "schema/model/varint.hpp"
#include "schema/wire/flat_message.hpp"
#include "schema/wire/form.hpp"

namespace satchel::wire {
namespace {

constexpr char kPlain = 0;
constexpr char kCompressed = 1;
constexpr int kCompressionLevel = 1;
// What fits into one packet anyway is not made smaller: both ends would work for nothing.
constexpr std::size_t kCompressFromBytes = 1024;
constexpr std::string_view kHelloDomain = "satchel.sync.v1 hello";

// Empty where the bytes do not become fewer.
Bytes compressed(ByteView plain) {
  Bytes out(1 + ZSTD_compressBound(plain.size()), kCompressed);
  const std::size_t size =
      ZSTD_compress(out.data() + 1, out.size() - 1, plain.data(), plain.size(), kCompressionLevel);
  if (ZSTD_isError(size) != 0 || size >= plain.size() || size > limits::kFrameCompressedBytesMax) {
    return {};
  }
  out.resize(1 + size);
  return out;
}

Result<Frame> read_compressed(ByteView bytes) {
  if (bytes.size() > limits::kFrameCompressedBytesMax) {
    return Error{Errc::kFrameTooLarge, "a compressed frame"};
  }
  const unsigned long long declared = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (declared == ZSTD_CONTENTSIZE_ERROR || declared == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Error{Errc::kFrameMalformed, "a compressed frame that does not say its size"};
  }
  if (declared > limits::kFrameBytesMax) {
    return Error{Errc::kFrameTooLarge, "a frame after decompression"};
  }
  if (ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) != bytes.size()) {
    return Error{Errc::kFrameMalformed, "not exactly one compressed frame"};
  }
  if (declared == 0 || declared % sizeof(capnp::word) != 0) {
    return Error{Errc::kFrameMalformed, "a message is made of whole words"};
  }
  // The buffer has the declared size: zstd stops with an error at the first byte beyond it.
  auto words = kj::heapArray<capnp::word>(static_cast<std::size_t>(declared) / sizeof(capnp::word));
  const std::size_t size =
      ZSTD_decompress(words.begin(), words.asBytes().size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0 || size != declared) {
    return Error{Errc::kFrameMalformed, "compressed bytes that do not hold what they say"};
  }
  return read_words<form::Frame>(words, [](form::Frame::Reader from) { return read(from); });
}

template <class Form, class Plain>
Bytes encode_alone(const Plain& plain) {
  return write_flat<Form>(words_of(plain), [&](typename Form::Builder to) { fill(to, plain); });
}
template <class Form>
auto decode_alone(ByteView bytes) {
  return read_flat<Form>(bytes, [](typename Form::Reader from) { return read(from); });
}

}  // namespace

Bytes encode_frame(const Frame& frame, bool compress) {
  Bytes plain = encode_alone<form::Frame>(frame);
  if (compress && plain.size() >= kCompressFromBytes) {
    Bytes smaller = compressed(plain);
    if (!smaller.empty()) return smaller;
  }
  plain.insert(plain.begin(), kPlain);
  return plain;
}

Result<Frame> decode_frame(ByteView bytes) {
  if (bytes.empty()) return Error{Errc::kFrameMalformed, "an empty message"};
  const char flag = bytes.front();
  bytes.remove_prefix(1);
  if (flag == kPlain) return decode_alone<form::Frame>(bytes);
  if (flag == kCompressed) return read_compressed(bytes);
  return Error{Errc::kFrameMalformed, "an unknown flag byte"};
}

Bytes encode_hello_body(const HelloBody& body) { return encode_alone<form::HelloBody>(body); }
Result<HelloBody> decode_hello_body(ByteView bytes) { return decode_alone<form::HelloBody>(bytes); }

Bytes hello_signing_bytes(ByteView tls_exporter, ByteView challenge, ByteView body) {
  Bytes out;
  for (const ByteView part : {ByteView{kHelloDomain}, tls_exporter, challenge, body}) {
    append_u32(out, static_cast<std::uint32_t>(part.size()));
    out += part;
  }
  return out;
}

Bytes encode_commit_header(const CommitHeader& header) {
  return encode_alone<form::CommitHeader>(header);
}
Result<CommitHeader> decode_commit_header(ByteView bytes) {
  return decode_alone<form::CommitHeader>(bytes);
}
Bytes encode_commit(const Commit& commit) { return encode_alone<form::Commit>(commit); }
Result<Commit> decode_commit(ByteView bytes) { return decode_alone<form::Commit>(bytes); }
Bytes encode_result(const CommitResult& result) { return encode_alone<form::CommitResult>(result); }
Result<CommitResult> decode_result(ByteView bytes) {
  return decode_alone<form::CommitResult>(bytes);
}

}  // namespace satchel::wire
