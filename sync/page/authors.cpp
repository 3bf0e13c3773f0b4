#include "sync/page/authors.hpp"

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"

namespace satchel::sync {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kIdBytes = 16;

Error malformed() {
  return Error{Errc::kFrameMalformed, "the authors of a page do not follow their format"};
}

// Behind the format byte: how many things of at least `bytes_min` follow.
Result<std::uint64_t> read_count(ByteReader& in, std::size_t bytes_min) {
  const std::uint8_t format = in.u8();
  if (!in.failed() && format > kFormat) return Error{Errc::kRecordNewer, "page"};
  const std::uint64_t count = in.varint();
  if (in.failed() || format != kFormat || count > in.left() / bytes_min) return malformed();
  return count;
}

}  // namespace

Bytes encode_authors(const std::vector<Author>& authors) {
  if (authors.empty()) return {};
  Bytes out;
  out += static_cast<char>(kFormat);
  append_varint(out, authors.size());
  for (const Author& author : authors) {
    out += author.replica.bytes();
    append_sized(out, author.user);
  }
  return out;
}

Result<std::vector<Author>> decode_authors(ByteView bytes) {
  std::vector<Author> authors;
  if (bytes.empty()) return authors;
  ByteReader in{bytes};
  auto count = read_count(in, kIdBytes + 1);
  if (!count) return count.error();
  if (*count == 0) return malformed();  // Nobody has no bytes at all.
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto id = ReplicaId::from_bytes(in.take(kIdBytes));
    Author author;
    author.user = in.sized();
    if (!id || in.failed() || author.user.size() > limits::kFrameTextBytesMax) return malformed();
    author.replica = *id;
    authors.push_back(std::move(author));
  }
  if (!in.finished()) return malformed();
  return authors;
}

Result<std::vector<ReplicaId>> replicas_of_page(ByteView page) {
  std::vector<ReplicaId> replicas;
  if (page.empty()) return replicas;
  ByteReader in{page};
  auto count = read_count(in, kIdBytes);
  if (!count) return count.error();
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto id = ReplicaId::from_bytes(in.take(kIdBytes));
    if (!id) return malformed();
    replicas.push_back(*id);
  }
  return replicas;
}

}  // namespace satchel::sync
