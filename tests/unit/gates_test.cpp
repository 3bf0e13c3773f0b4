// What a stage forbids, between a hub and two phones, in both orders in which they sync:
// docs/MERGE_RULES.md, "Freezing" and "Keeping". What takes a stage back is in reopening_test.cpp,
// another trade's schema in garage_test.cpp.
#include "sync/commit/gate.hpp"
#include "tests/support/company.hpp"

namespace satchel::test {
namespace {

struct Sales : testing::Test, Company {
  RecordId order() {
    RecordId id = ann->create_of(office.make_account(), "orders", "poNumber", Value{"PO-1"});
    sync();
    return id;
  }
  RecordId line_of(const RecordId& order, Phone& phone) {
    RecordId id;
    const auto made = phone.write([&](sync::EdgeWrite& txn) -> Status {
      auto fresh = txn.create("orderLines");
      if (!fresh) return fresh.error();
      id = *fresh;
      SATCHEL_TRY(txn.builder().set("orderLines", id, "quantity", Value{std::int64_t{5}}));
      return txn.builder().set("orderLines", id, "order", Value{to_text(order)});
    });
    EXPECT_TRUE(made) << made.error().message();
    return id;
  }
};

// ---- Freezing -----------------------------------------------------------------------------------

TEST_F(Sales, ASubmittedOrderRefusesItsContentAtOnceAndSaysWhyAndWhatToDo) {
  const RecordId id = order();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  for (const char* field : {"note", "poNumber"}) {
    const Status refused = ann->set("orders", id, field, Value{"x"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kFieldFrozen);
    EXPECT_EQ(refused.error().context, "orders." + std::string{field} +
                                           " is frozen since status is \"submitted\"; ask the "
                                           "office to change it");
  }
  EXPECT_FALSE(ann->set("orders", id, "requestedDelivery", Value{std::int64_t{1}}));
  EXPECT_TRUE(ann->set("orders", id, "contact", Value{"somebody"})) << "no content";
  EXPECT_EQ(ann->shows("orders", id, "poNumber"), "\"PO-1\"") << "a refused call changes nothing";
}

TEST_F(Sales, OneCommitMayFillInAnOrderAndSubmitIt) {
  const RecordId id = order();
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().set("orders", id, "status", Value{"submitted"}));
    return txn.builder().set("orders", id, "note", Value{"gate B"});
  }));
  sync();
  expect("orders", id, "note", "\"gate B\"");
  expect("orders", id, "status", "\"submitted\"");
  EXPECT_TRUE(ann->edge->inbox()->empty());
}

TEST_F(Sales, AnEditThatReachesTheServerAfterTheSubmitComesBackToItsAuthor) {
  const RecordId id = order();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  bob->clock.pass(5'000'000);
  ASSERT_TRUE(bob->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().set("orders", id, "poNumber", Value{"PO-2"}));
    return txn.builder().set("orders", id, "contact", Value{"somebody"});
  })) << "he has not seen it";
  EXPECT_EQ(bob->shows("orders", id, "poNumber"), "\"PO-2\"");
  sync(*ann, *bob);
  expect("orders", id, "poNumber", "\"PO-1\"");
  expect("orders", id, "contact", "\"somebody\"");  // The rest of his commit stands.
  ASSERT_NO_FATAL_FAILURE(expect_inbox(*bob, Errc::kFieldFrozen, "frozen", 1));
  EXPECT_EQ(bob->edge->inbox()->front().result.outcome, wire::Outcome::kReduced);
  EXPECT_EQ(bob->edge->inbox()->front().commit.body.records.front().writes.size(), 2U)
      << "its content is kept";
  const auto again = bob->edge->retry(bob->edge->inbox()->front().id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kFieldFrozen);
}

TEST_F(Sales, AnEditThatReachesTheServerBeforeTheSubmitStands) {
  const RecordId id = order();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(bob->set("orders", id, "poNumber", Value{"PO-2"}));
  sync(*bob, *ann);
  expect("orders", id, "poNumber", "\"PO-2\"");
  expect("orders", id, "status", "\"submitted\"");
  EXPECT_TRUE(bob->edge->inbox()->empty());
  EXPECT_TRUE(ann->edge->inbox()->empty());
}

TEST_F(Sales, AnOrdersLinesAreFrozenWithItAndNoneIsAdded) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  const Status refused = ann->set("orderLines", line, "quantity", Value{std::int64_t{6}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().context,
            "orderLines.quantity is frozen since order.status is \"submitted\"; ask the office to "
            "change it");
  const auto added = ann->write([&](sync::EdgeWrite& txn) -> Status {
    auto fresh = txn.create("orderLines");
    if (!fresh) return fresh.error();
    SATCHEL_TRY(txn.builder().set("orderLines", *fresh, "quantity", Value{std::int64_t{1}}));
    return txn.builder().set("orderLines", *fresh, "order", Value{to_text(id)});
  });
  ASSERT_FALSE(added) << "whichever of its fields comes first";
  EXPECT_EQ(added.error().code, Errc::kFieldFrozen);

  ASSERT_TRUE(bob->set("orderLines", line, "quantity", Value{std::int64_t{7}}));
  const RecordId late = line_of(id, *bob);
  sync(*ann, *bob);
  expect("orderLines", line, "quantity", "5");
  for (Phone* phone : {ann.get(), bob.get()})
    EXPECT_EQ(phone->shows("orderLines", late, "order"), "-") << "not half of it either";
  EXPECT_FALSE(*office.hub->find_record(late)) << "it did not come into being";
  EXPECT_EQ(bob->edge->inbox()->size(), 2U);
  EXPECT_EQ(bob->edge->pending_count(), 0U);
}

TEST_F(Sales, AnOrderAndItsLinesMadeAndSubmittedOfflineArriveWhole) {
  const RecordId id = ann->create_of(office.make_account(), "orders", "poNumber", Value{"PO-1"});
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync();
  expect("orderLines", line, "quantity", "5");
  expect("orders", id, "status", "\"submitted\"");
  EXPECT_TRUE(ann->edge->inbox()->empty());
}

TEST_F(Sales, TheOfficeStillChangesWhatIsFrozen) {
  const RecordId id = order();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync();
  const Status written = office.write(
      [&](sync::CommitBuilder& b) { return b.set("orders", id, "note", Value{"by phone"}); });
  ASSERT_TRUE(written) << written.error().message();
  sync();
  expect("orders", id, "note", "\"by phone\"");
}

TEST_F(Sales, WhatWasJudgedBeforeARestoreOfTheServerIsNotJudgedAgain) {
  const RecordId id = order();
  ASSERT_TRUE(bob->set("orders", id, "poNumber", Value{"PO-2"}));
  const sync::MemoryVersion backup = office.disk->snapshot();
  sync(*bob, *ann);  // Taken: nobody had submitted it.
  office.restore_with_tool(backup);
  EXPECT_EQ(hub_shows(office, *ann, "orders", id, "poNumber"), "\"PO-1\"") << "forgotten";
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync(*ann, *bob);  // Now the submit comes first.
  sync(*ann, *bob);
  expect("orders", id, "poNumber", "\"PO-2\"");
  EXPECT_TRUE(bob->edge->inbox()->empty());
}

TEST_F(Sales, WhatAPowerCutTookFromItsAuthorTooIsJudgedAnewByARestoredServer) {
  const RecordId id = order();
  ASSERT_TRUE(bob->set("orders", id, "poNumber", Value{"PO-2"}));
  const sync::MemoryVersion backup = office.disk->snapshot();
  sync::MemoryVersion durable;  // On the phone, while the answer is not yet.
  const Status done = bob->sync([&](bool to_hub, const Bytes& message) {
    if (!to_hub && std::holds_alternative<wire::Ack>(*wire::decode_frame(message)))
      durable = bob->disk->snapshot();
    return true;
  });
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_EQ(bob->edge->pending_count(), 0U) << "answered";
  bob->restore(durable);
  ASSERT_EQ(bob->edge->pending_count(), 1U) << "the answer is gone, and its receipt with it";
  office.restore_with_tool(backup);
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync(*ann, *bob);
  sync(*ann, *bob);
  expect("orders", id, "poNumber", "\"PO-1\"");
  expect_inbox(*bob, Errc::kFieldFrozen, "frozen", 1);
}

// ---- Keeping ------------------------------------------------------------------------------------

TEST_F(Sales, ASubmittedOrderIsNotDeletedAndADraftIs) {
  const RecordId draft = order();
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync();
  EXPECT_TRUE(ann->erase("orders", draft));
  const Status refused = ann->erase("orders", id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRecordRetained);
  EXPECT_EQ(refused.error().context,
            "orders is kept (legal) since status is \"submitted\"; the office may delete it once "
            "its retainUntil has passed");
  EXPECT_EQ(bob->erase("orderLines", line).error().code, Errc::kRecordRetained);
  const auto erase_there = [&] {
    return office.write([&](sync::CommitBuilder& b) { return b.erase("orders", id); });
  };
  EXPECT_EQ(erase_there().error().code, Errc::kRecordRetained) << "nor by the office";
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) {
    return b.set("orders", id, "retainUntil", Value{office.clock.wall + 1'000'000});
  }));
  EXPECT_EQ(erase_there().error().code, Errc::kRecordRetained) << "before its date";
  office.clock.pass(5'000'000);
  EXPECT_TRUE(erase_there());
}

TEST_F(Sales, ADeleteThatReachesTheServerAfterTheSubmitComesBackAndOneBeforeItIsOutlived) {
  for (const bool submit_first : {true, false}) {
    SCOPED_TRACE(submit_first);
    const RecordId id = order();
    ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
    ASSERT_TRUE(bob->erase("orders", id));
    EXPECT_EQ(bob->shows("orders", id, "status"), "dead");
    if (submit_first) {
      sync(*ann, *bob);
      ASSERT_NO_FATAL_FAILURE(expect_inbox(*bob, Errc::kRecordRetained, "retained", 1));
      ASSERT_TRUE(bob->edge->discard(bob->edge->inbox()->front().id));
    } else {
      sync(*bob, *ann);
      EXPECT_TRUE(bob->edge->inbox()->empty());
    }
    expect("orders", id, "status", "\"submitted\"");
  }
}

TEST_F(Sales, ExplainTellsTheBasisAndTheFreeze) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  const auto tell = [&](const std::string& in, const RecordId& which, const std::string& field) {
    const auto record = ann->edge->shown(which, sync::kDefaultPurpose);
    const auto& def = *crm()->find(in);
    const sync::Gates gates{*crm(), [&](const schema::CollectionDef&, const RecordId& other) {
                              return ann->edge->shown(other, sync::kDefaultPurpose);
                            }};
    sync::Explanation into;
    EXPECT_TRUE(gates.tell(def, *def.find(field), **record, into));
    return into.retention + "/" + into.frozen;
  };
  EXPECT_EQ(tell("orders", id, "note"), "crm/");
  EXPECT_EQ(tell("orderLines", line, "quantity"), "crm/");
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  EXPECT_EQ(tell("orders", id, "note"), "legal/status is \"submitted\"");
  EXPECT_EQ(tell("orders", id, "contact"), "legal/");
  EXPECT_EQ(tell("orderLines", line, "quantity"), "legal/order.status is \"submitted\"");
}

// ---- Bringing back ------------------------------------------------------------------------------

struct Deleted : Sales {};

TEST_F(Deleted, ALineOfASubmittedOrderIsNotBroughtBackByADevice) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(ann->erase("orderLines", line));
  sync();
  ASSERT_TRUE(bob->restore_record("orderLines", line)) << "while it is a draft";
  sync();
  expect("orderLines", line, "quantity", "5");
  ASSERT_TRUE(bob->erase("orderLines", line));
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync();
  const Status refused = bob->restore_record("orderLines", line);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kFieldFrozen);
  EXPECT_EQ(refused.error().context,
            "orderLines is frozen since order.status is \"submitted\"; ask the office to restore "
            "it");
  expect("orderLines", line, "quantity", "dead");
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) { return b.restore("orderLines", line); }));
  sync();
  expect("orderLines", line, "quantity", "5");
}

TEST_F(Deleted, ARestoreThatReachesTheServerAfterTheSubmitComesBackToItsAuthor) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(ann->erase("orderLines", line));
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(bob->restore_record("orderLines", line)) << "he has not seen it";
  EXPECT_EQ(bob->shows("orderLines", line, "quantity"), "5");
  sync(*ann, *bob);
  expect("orderLines", line, "quantity", "dead");
  ASSERT_EQ(bob->edge->inbox()->size(), 1U);
  EXPECT_EQ(bob->edge->inbox()->front().result.rule, "frozen");
  EXPECT_EQ(bob->edge->inbox()->front().result.outcome, wire::Outcome::kDenied);
  EXPECT_EQ(bob->edge->pending_count(), 0U);
  const auto again = bob->edge->retry(bob->edge->inbox()->front().id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kFieldFrozen);
}

TEST_F(Deleted, ARestoreThatReachesTheServerBeforeTheSubmitStands) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(ann->erase("orderLines", line));
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(bob->restore_record("orderLines", line));
  sync(*bob, *ann);
  expect("orderLines", line, "quantity", "5");
  EXPECT_TRUE(bob->edge->inbox()->empty());
}

TEST_F(Deleted, ALineDeletedBeforeItsAuthorHeardOfTheSubmitIsAliveEverywhereOnceHeDoes) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(bob->erase("orderLines", line));
  EXPECT_EQ(bob->shows("orderLines", line, "quantity"), "dead");
  sync(*ann, *bob);
  expect("orderLines", line, "quantity", "5");
  expect_inbox(*bob, Errc::kRecordRetained, "retained", 1);
}

}  // namespace
}  // namespace satchel::test
