// The small tables that travel beside pages: each content has one byte form.
#include <gtest/gtest.h>

#include "sync/page/authors.hpp"
#include "sync/page/known_state.hpp"

namespace satchel::sync {
namespace {

template <class Table>
Errc refusal(const Result<Table>& decoded) {
  return decoded ? Errc{} : decoded.error().code;
}

TEST(PageAuthors, OfNobodyHaveOneByteForm) {
  EXPECT_EQ(encode_authors({}), "");
  EXPECT_TRUE(decode_authors("")->empty());
  EXPECT_EQ(refusal(decode_authors({"\1\0", 2})), Errc::kFrameMalformed);
}

TEST(PageAuthors, ComeBackAsTheyWereSent) {
  const std::vector<Author> authors{{*ReplicaId::from_bytes("the-phone-of-ann"), "ann"}, {{}, ""}};
  EXPECT_EQ(*decode_authors(encode_authors(authors)), authors);
}

TEST(KnownStates, OfAFormatThatNeverWasAreRefused) {
  const Bytes none = encode_known_states({});
  ASSERT_EQ(none, (Bytes{"\1\0", 2}));
  EXPECT_TRUE(decode_known_states(none)->empty());
  EXPECT_EQ(refusal(decode_known_states({"\0\0", 2})), Errc::kFrameMalformed);
  EXPECT_EQ(refusal(decode_known_states({"\2\0", 2})), Errc::kRecordNewer);
}

}  // namespace
}  // namespace satchel::sync
