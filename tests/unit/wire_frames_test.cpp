#include <functional>

#include <gtest/gtest.h>
#include <zstd.h>

#include "schema/model/limits.hpp"
#include "tests/support/wire_samples.hpp"

namespace satchel::wire {
namespace {

using test::Gen;
using test::WireSamples;

Bytes plain_message(ByteView words) { return Bytes(1, '\0') + Bytes{words}; }
Bytes zstd_message(ByteView content, int level = 19) {
  Bytes out(1 + ZSTD_compressBound(content.size()), '\1');
  out.resize(1 +
             ZSTD_compress(out.data() + 1, out.size() - 1, content.data(), content.size(), level));
  return out;
}
Errc error_of(const Result<Frame>& result) {
  return result.has_error() ? result.error().code : Errc{};
}

TEST(Frames, EveryKindComesBackAsItWasSent) {
  test::for_each_seed([](Gen& gen) {
    WireSamples samples{gen};
    for (std::size_t kind = 0; kind < std::variant_size_v<Frame>; ++kind) {
      const Frame frame = samples.frame_of(kind);
      for (const bool compress : {false, true}) {
        const Bytes message = encode_frame(frame, compress);
        const auto back = decode_frame(message);
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_EQ(*back, frame);
        EXPECT_EQ(encode_frame(*back, compress), message);
      }
    }
  });
}

TEST(Frames, LoneMessagesComeBackAsTheyWereSent) {
  test::for_each_seed([](Gen& gen) {
    WireSamples samples{gen};
    const Commit commit = samples.commit();
    EXPECT_EQ(*decode_commit(encode_commit(commit)), commit);
    EXPECT_EQ(*decode_commit_header(encode_commit_header(commit.header)), commit.header);
    const HelloBody body = samples.hello_body();
    EXPECT_EQ(*decode_hello_body(encode_hello_body(body)), body);
    const CommitResult result = samples.result();
    EXPECT_EQ(*decode_result(encode_result(result)), result);
  });
}

TEST(Frames, EqualFramesHaveEqualBytes) {
  Gen first{7};
  Gen second{7};
  EXPECT_EQ(encode_frame(WireSamples{first}.frame_of(3), true),
            encode_frame(WireSamples{second}.frame_of(3), true));
}

TEST(Frames, LargeFramesAreCompressedOnlyWhereAsked) {
  const Changes changes{Bytes(100'000, 'x'), {}, false, false, {}, {}};
  EXPECT_EQ(encode_frame(changes, false).front(), 0);
  const Bytes small = encode_frame(changes, true);
  EXPECT_EQ(small.front(), 1);
  EXPECT_LT(small.size(), 1'000U);
  EXPECT_EQ(encode_frame(Progress{}, true).front(), 0);  // Too small to gain by it.
}

TEST(Frames, UnknownKindsKeepTheirNumber) {
  const Other lease{67, "payload"};
  EXPECT_EQ(std::get<Other>(*decode_frame(encode_frame(lease, false))), lease);
  Bytes message = encode_frame(Challenge{"nonce", 1, 1}, false);
  const std::size_t kind_at = 1 + 8 + 8;  // Flag, segment table, root pointer.
  ASSERT_EQ(message[kind_at], 1);
  message[kind_at] = 99;
  EXPECT_EQ(std::get<Other>(*decode_frame(message)), (Other{99, {}}));
}

TEST(Frames, UnknownHeaderFieldsAreKeptByteForByte) {
  Commit commit;
  commit.header.extras = {{900, Bytes("\0\xFF newer", 8)}, {3, ""}, {900, "twice"}};
  EXPECT_EQ(decode_commit(encode_commit(commit))->header.extras, commit.header.extras);
}

TEST(Frames, AnOriginIsWholeOrNotThere) {
  const auto error_with = [](const ReplicaId& replica, std::uint64_t number, std::size_t bytes) {
    Push push{std::vector<Commit>(1)};
    push.commits[0].header.origin = CommitOrigin{replica, number, Bytes(bytes, 'h')};
    return error_of(decode_frame(encode_frame(push, false)));
  };
  const ReplicaId ann = *ReplicaId::from_bytes("the-phone-of-ann");
  EXPECT_EQ(error_with(ann, 1, kContentHashBytes), Errc{});
  EXPECT_EQ(error_with(ann, 1, kContentHashBytes - 1), Errc::kFrameMalformed);
  EXPECT_EQ(error_with(ann, 1, 0), Errc::kFrameMalformed);
  EXPECT_EQ(error_with(ann, 1, kContentHashBytes + 1), Errc::kLimitExceeded);
  EXPECT_EQ(error_with(ann, 0, kContentHashBytes), Errc::kFrameMalformed);
  EXPECT_EQ(error_with({}, 1, kContentHashBytes), Errc::kFrameMalformed);
}

TEST(Frames, FlagBytesOtherThanTwoAreRefused) {
  Bytes message = encode_frame(Progress{}, false);
  message.front() = 2;
  EXPECT_EQ(error_of(decode_frame(message)), Errc::kFrameMalformed);
  EXPECT_EQ(error_of(decode_frame({})), Errc::kFrameMalformed);
}

TEST(Frames, PlainFramesEndAtTheirLimit) {
  // Outside the message's own words there may be nothing, so the limit is met by a page of the
  // right length.
  const std::size_t overhead =
      encode_frame(Changes{Bytes(8, 'x'), {}, false, false, {}, {}}, false).size() - 1 - 8;
  const auto frame_of_size = [&](std::size_t size) {
    return encode_frame(Changes{Bytes(size - overhead, 'x'), {}, false, false, {}, {}}, false);
  };
  const Bytes largest = frame_of_size(limits::kFrameBytesMax);
  ASSERT_EQ(largest.size(), 1 + limits::kFrameBytesMax);
  EXPECT_TRUE(decode_frame(largest));
  EXPECT_EQ(error_of(decode_frame(frame_of_size(limits::kFrameBytesMax + 8))),
            Errc::kFrameTooLarge);
}

TEST(Frames, CompressedFramesEndAtTheirLimitAfterDecompression) {
  const std::size_t overhead =
      encode_frame(Changes{Bytes(8, 'x'), {}, false, false, {}, {}}, false).size() - 1 - 8;
  const auto words_of_size = [&](std::size_t size) {
    return encode_frame(Changes{Bytes(size - overhead, 'x'), {}, false, false, {}, {}}, false)
        .substr(1);
  };
  EXPECT_TRUE(decode_frame(zstd_message(words_of_size(limits::kFrameBytesMax), 1)));
  EXPECT_EQ(error_of(decode_frame(zstd_message(words_of_size(limits::kFrameBytesMax + 8), 1))),
            Errc::kFrameTooLarge);
}

TEST(Frames, CompressedBytesEndAtTheirLimit) {
  Bytes message(1 + limits::kFrameCompressedBytesMax + 1, '\1');
  EXPECT_EQ(error_of(decode_frame(message)), Errc::kFrameTooLarge);
  message.pop_back();
  // Of a size that may be, but not zstd.
  EXPECT_EQ(error_of(decode_frame(message)), Errc::kFrameMalformed);
}

TEST(Frames, BombsAreRefused) {
  const Bytes bomb = zstd_message(Bytes(512 * 1024 * 1024, '\0'), 1);
  ASSERT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(error_of(decode_frame(bomb)), Errc::kFrameTooLarge);
}

TEST(Frames, CompressedBytesMustHoldWhatTheyDeclare) {
  const Bytes words =
      encode_frame(Changes{Bytes(4096, 'x'), {}, false, false, {}, {}}, false).substr(1);
  const Bytes message = zstd_message(words);
  ASSERT_TRUE(decode_frame(message));
  // The declared size follows magic (4) and frame header (1): two bytes, biased by 256.
  for (const int change : {-8, 8, -256, 256}) {
    Bytes wrong = message;
    const int declared =
        (static_cast<unsigned char>(wrong[6]) | static_cast<unsigned char>(wrong[7]) << 8) + change;
    wrong[6] = static_cast<char>(declared & 0xFF);
    wrong[7] = static_cast<char>(declared >> 8 & 0xFF);
    EXPECT_EQ(error_of(decode_frame(wrong)), Errc::kFrameMalformed) << change;
  }
  EXPECT_EQ(error_of(decode_frame(message + message.substr(1))), Errc::kFrameMalformed)
      << "a second frame";
  EXPECT_EQ(error_of(decode_frame(message + "x")), Errc::kFrameMalformed) << "bytes after it";
}

TEST(Frames, StreamsThatDeclareNoSizeAreRefused) {
  const Bytes words = encode_frame(Progress{}, false).substr(1);
  ZSTD_CStream* stream = ZSTD_createCStream();
  Bytes out(1000, '\1');
  ZSTD_inBuffer in{words.data(), words.size(), 0};
  ZSTD_outBuffer to{out.data() + 1, out.size() - 1, 0};
  // Unpledged: no content size in the header.
  ZSTD_compressStream2(stream, &to, &in, ZSTD_e_flush);
  ZSTD_endStream(stream, &to);
  ZSTD_freeCStream(stream);
  out.resize(1 + to.pos);
  EXPECT_EQ(error_of(decode_frame(out)), Errc::kFrameMalformed);
}

TEST(Frames, BytesAfterTheMessageAreRefused) {
  const Bytes message = encode_frame(Progress{}, false);
  EXPECT_EQ(error_of(decode_frame(message + Bytes(8, '\0'))), Errc::kFrameMalformed);
  EXPECT_EQ(error_of(decode_frame(message + "x")), Errc::kFrameMalformed);
}

TEST(Frames, DeepNestingIsRefused) {
  // A chain of one-pointer structs: the frame's body is a pointer to a struct that points to a
  // struct ...
  constexpr std::size_t kDepth = 40;
  Bytes words;
  const auto word = [&](std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) words += static_cast<char>(value >> shift & 0xFF);
  };
  const std::uint64_t one_pointer = std::uint64_t{1} << 48;
  word(std::uint64_t{2 + kDepth + 1} << 32);      // One segment.
  word(one_pointer | std::uint64_t{1} << 32);     // Root: one data word, one pointer.
  word(static_cast<std::uint64_t>(Kind::kPush));  // kind
  for (std::size_t i = 0; i < kDepth; ++i) word(one_pointer);
  word(0);
  EXPECT_EQ(error_of(decode_frame(plain_message(words))), Errc::kFrameMalformed);
}

TEST(Frames, ListsEndAtTheirLimits) {
  const auto commit_with = [](const std::function<void(Commit&)>& change) {
    Push push{std::vector<Commit>(1)};
    push.commits[0].sections.resize(1);
    change(push.commits[0]);
    return Frame{push};
  };
  using Make = std::function<Frame(std::size_t)>;
  const Make scopes = [](std::size_t count) {
    Welcome welcome;
    welcome.scopes.resize(count);
    return Frame{welcome};
  };
  const Make results = [](std::size_t count) {
    Ack ack;
    ack.results.resize(count);
    return Frame{ack};
  };
  const Make text = [](std::size_t size) { return Frame{Failure{1, std::string(size, 'x'), 0}}; };
  const Make commits = [](std::size_t count) { return Frame{Push{std::vector<Commit>(count)}}; };
  const Make sections = [&](std::size_t count) {
    return commit_with([&](Commit& c) { c.sections.resize(count); });
  };
  const Make body = [&](std::size_t size) {
    return commit_with([&](Commit& c) { c.sections[0].bytes = Bytes(size, 'x'); });
  };
  const Make subjects = [&](std::size_t count) {
    return commit_with([&](Commit& c) { c.sections[0].subjects.resize(count); });
  };
  const Make extras = [&](std::size_t count) {
    return commit_with([&](Commit& c) { c.header.extras.resize(count); });
  };
  const Make extra = [&](std::size_t size) {
    return commit_with(
        [&](Commit& c) { c.header.extras.emplace_back(std::uint16_t{1}, Bytes(size, 'x')); });
  };
  const Make epochs = [&](std::size_t count) {
    return commit_with([&](Commit& c) { c.header.based_on.epochs.resize(count); });
  };
  const std::vector<std::pair<Make, std::size_t>> lists{
      {scopes, limits::kScopesMax},       {commits, limits::kPushCommitsMax},
      {results, limits::kPushCommitsMax}, {sections, limits::kCommitSectionsMax},
      {body, limits::kCommitBytesMax},    {subjects, limits::kSubjectsMax},
      {extras, limits::kCommitExtrasMax}, {extra, limits::kCommitExtraBytesMax},
      {epochs, limits::kScopesMax},       {text, limits::kFrameTextBytesMax}};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const auto& [make, max] = lists[i];
    EXPECT_TRUE(decode_frame(encode_frame(make(max), false))) << "list " << i;
    EXPECT_EQ(error_of(decode_frame(encode_frame(make(max + 1), false))), Errc::kLimitExceeded)
        << "list " << i;
  }
}

TEST(Frames, HelloPurposesEndAtTheirLimit) {
  HelloBody body;
  body.purposes.resize(limits::kPurposesMax);
  EXPECT_TRUE(decode_hello_body(encode_hello_body(body)));
  body.purposes.emplace_back();
  EXPECT_EQ(decode_hello_body(encode_hello_body(body)).error().code, Errc::kLimitExceeded);
}

TEST(Frames, SigningBytesTellTheirPartsApart) {
  EXPECT_NE(hello_signing_bytes("ab", "c", "d"), hello_signing_bytes("a", "bc", "d"));
  EXPECT_NE(hello_signing_bytes("a", "bc", "d"), hello_signing_bytes("a", "b", "cd"));
  EXPECT_NE(hello_signing_bytes("a", "b", "c"), hello_signing_bytes("a", "b", "x"));
}

}  // namespace
}  // namespace satchel::wire
