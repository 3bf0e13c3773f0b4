// What takes a stage back, between a hub and two phones, in both orders in which they sync:
// docs/MERGE_RULES.md, "Reopening".
#include "sync/merge/explain.hpp"
#include "tests/support/company.hpp"

namespace satchel::test {
namespace {

struct Care : testing::Test, Company {
  RecordId a_case(const char* status = "pending") {
    RecordId id = ann->create_of(office.make_account(), "cases", "title", Value{"leak"});
    EXPECT_TRUE(ann->set("cases", id, "status", Value{status}));
    sync();
    return id;
  }
  static Status comment(Phone& phone, const RecordId& id) {
    const auto done = phone.write([&](sync::EdgeWrite& txn) {
      const Value text{StructMembers{{std::uint16_t{2}, Value{"still wet"}}}};
      return txn.builder().log_append("cases", id, "comments", text);
    });
    return done ? Status{} : Status{done.error()};
  }
  Status set_on_server(const RecordId& id, const char* status) {
    return office.write(
        [&](sync::CommitBuilder& b) { return b.set("cases", id, "status", Value{status}); });
  }
  // What Ann's phone says of how the status came about.
  std::string told_of_status(const RecordId& id) {
    const auto record = ann->edge->shown(id, sync::kDefaultPurpose);
    const auto& cases = *ann->edge->catalog().find("cases");
    const auto& status = *cases.find("status");
    const auto name = [&](const ReplicaId& replica) -> std::string {
      return replica == ann->edge->state().replica ? "Ann" : "Bob";
    };
    return sync::explain_field(cases, id, status, (*record)->of_field(status.id), name).sentence;
  }
};

TEST_F(Care, ACommentConcurrentWithResolvedReopensTheCaseInBothOrders) {
  for (const bool comment_first : {true, false}) {
    for (const char* begun : {"new", "open", "pending"}) {
      SCOPED_TRACE(std::string{begun} + (comment_first ? ", comment first" : ", move first"));
      const RecordId id = a_case(begun);
      ASSERT_TRUE(ann->set("cases", id, "status", Value{"resolved"}));
      bob->clock.pass(comment_first ? 0 : 5'000'000);
      ASSERT_TRUE(comment(*bob, id));
      EXPECT_EQ(ann->shows("cases", id, "status"), "\"resolved\"");
      EXPECT_EQ(bob->shows("cases", id, "status"), '"' + std::string{begun} + '"');
      comment_first ? sync(*bob, *ann) : sync(*ann, *bob);
      expect("cases", id, "status", "\"open\"");
      EXPECT_TRUE(ann->edge->inbox()->empty());
      EXPECT_TRUE(bob->edge->inbox()->empty());
      const std::string why = told_of_status(id);
      EXPECT_EQ(why.substr(0, why.find(" (")),
                "The field status is \"open\" again because the entry that was added to comments "
                "by Bob");
      EXPECT_NE(why.find("had not seen the move to \"resolved\" by Ann"), std::string::npos) << why;
    }
  }
}

TEST_F(Care, ACaseWithoutAStatusIsReopenedToo) {
  const RecordId id = ann->create_of(office.make_account(), "cases", "title", Value{"leak"});
  sync();
  ASSERT_TRUE(comment(*bob, id));
  ASSERT_TRUE(ann->set("cases", id, "status", Value{"resolved"}));
  EXPECT_EQ(bob->shows("cases", id, "status"), "-") << "a comment alone moves nothing";
  sync();
  expect("cases", id, "status", "\"open\"");
}

TEST_F(Care, AMoveThatHasSeenTheCommentStands) {
  const RecordId id = a_case();
  ASSERT_TRUE(comment(*bob, id));
  sync(*bob, *ann);
  expect("cases", id, "status", "\"pending\"");
  ASSERT_TRUE(ann->set("cases", id, "status", Value{"resolved"}));
  sync();
  expect("cases", id, "status", "\"resolved\"");
}

TEST_F(Care, ACommentThatHasSeenTheMoveReopensNothing) {
  const RecordId id = a_case();
  ASSERT_TRUE(ann->set("cases", id, "status", Value{"resolved"}));
  ASSERT_TRUE(comment(*ann, id));
  sync();
  expect("cases", id, "status", "\"resolved\"");
  ASSERT_TRUE(comment(*bob, id));
  sync();
  expect("cases", id, "status", "\"resolved\"");
}

TEST_F(Care, AResolutionWithItsOwnCommentStands) {
  const RecordId id = a_case();
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().log_append("cases", id, "comments", Value{StructMembers{}}));
    return txn.builder().set("cases", id, "status", Value{"resolved"});
  }));
  sync();
  expect("cases", id, "status", "\"resolved\"");
}

TEST_F(Care, AReopenedCaseGoesOnFromWhereItIsShownAndCanBeResolvedAgain) {
  const RecordId id = a_case();
  ASSERT_TRUE(ann->set("cases", id, "status", Value{"resolved"}));
  ASSERT_TRUE(comment(*bob, id));
  sync();
  ASSERT_TRUE(bob->set("cases", id, "status", Value{"pending"})) << "a move from open";
  sync();
  expect("cases", id, "status", "\"pending\"");
  ASSERT_TRUE(ann->set("cases", id, "status", Value{"resolved"}));
  sync();
  expect("cases", id, "status", "\"resolved\"");
  // And once more, with a second comment that nobody had seen, by the server this time.
  ASSERT_TRUE(comment(*ann, id));
  ASSERT_TRUE(set_on_server(id, "open"));
  sync();
  ASSERT_TRUE(comment(*bob, id));
  ASSERT_TRUE(set_on_server(id, "closed"));
  sync();
  expect("cases", id, "status", "\"open\"");
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) {
    return txn.builder().resolve("cases", id, "status", Value{"closed"});
  }));
  sync();
  expect("cases", id, "status", "\"closed\"");
}

}  // namespace
}  // namespace satchel::test
