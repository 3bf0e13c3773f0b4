// What a stage forbids and what takes it back, between a hub and two phones, in both orders in
// which they sync: docs/MERGE_RULES.md, "Freezing", "Keeping" and "Reopening".
#include "sync/commit/gate.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;

// Another trade's schema: a garage, whose jobs are frozen once they are done and kept once they are
// billed, and which a remark reopens. A part belongs to its job.
constexpr const char* kGarage = R"(@0xd2f1a7c3b5e49878;
using S = import "/satchel/annotations.capnp";
const steps :S.StageTable = (
  stages = ["new", "open", "done", "billed", "void"],
  moves = [(from = "new", to = ["open", "done"]), (from = "open", to = ["done", "void"]),
           (from = "done", to = ["open", "billed"])],
  beats = [(stage = "open", over = ["new"]), (stage = "done", over = ["open"]),
           (stage = "billed", over = ["done"]), (stage = "void", over = ["open"])]);
const done :S.Gate = (field = "state", stage = "done");
struct Job $S.collection("jobs") $S.scopes(["all"])
    $S.retention(legal) $S.retentionFrom(field = "state", stage = "billed") {
  state   @0 :State $S.merge(stage) $S.stages(.steps);
  title   @1 :Text  $S.merge(multi) $S.frozenFrom(.done);
  hours   @2 :Int64 $S.merge(counter) $S.frozenFrom(.done);
  tools   @3 :List(Text) $S.merge(set) $S.privacy(financial) $S.frozenFrom(.done);
  remarks @4 :List(Text) $S.merge(log) $S.privacy(special)
             $S.reopens(field = "state", stage = "done", to = "open");
  bay     @5 :Text  $S.merge(lww);
  struct State {
    step @0 :Text;
    by @1 :Text;
  }
}
struct Part $S.collection("parts") $S.scopes(["all"]) {
  job    @0 :Text  $S.merge(once) $S.ref(to = "jobs");
  number @1 :Text  $S.merge(lww) $S.frozenFrom(field = "job.state", stage = "done");
  shelf  @2 :Text  $S.merge(lww);
}
)";

std::shared_ptr<const schema::Catalog> garage() {
  static const auto catalog = schema::Catalog::compile_text("garage.capnp", kGarage);
  SATCHEL_ASSERT(catalog.has_value());
  return *catalog;
}
Value step(const char* name) {
  return Value{StructMembers{{std::uint16_t{0}, Value{name}}, {std::uint16_t{1}, Value{"x"}}}};
}

struct Company {
  Office office;
  std::unique_ptr<Phone> ann;
  std::unique_ptr<Phone> bob;

  explicit Company(const std::shared_ptr<const schema::Catalog>& catalog) : office(catalog) {
    office.add_user("ann", Role::kRep);
    office.add_user("bob", Role::kRep);
    ann = std::make_unique<Phone>(office, "ann", Role::kRep, 31, catalog);
    bob = std::make_unique<Phone>(office, "bob", Role::kRep, 32, catalog);
  }
  // `first` syncs before the other; at the end everybody has everything.
  void sync(Phone& first, Phone& second) {
    for (Phone* phone : {&first, &second, &first, &second}) {
      const Status done = phone->sync();
      ASSERT_TRUE(done) << done.error().message();
    }
  }
  void sync() { sync(*ann, *bob); }
  void expect(const std::string& collection, const RecordId& id, const std::string& field,
              const std::string& shown) {
    EXPECT_EQ(ann->shows(collection, id, field), shown) << "on ann's phone";
    EXPECT_EQ(bob->shows(collection, id, field), shown) << "on bob's phone";
    EXPECT_EQ(hub_shows(office, *ann, collection, id, field), shown) << "on the server";
  }
  // The only item of the phone's inbox; its code, rule and fields.
  void expect_inbox(Phone& phone, Errc code, const std::string& rule, std::size_t fields) {
    const auto inbox = phone.edge->inbox();
    ASSERT_TRUE(inbox);
    ASSERT_EQ(inbox->size(), 1U);
    EXPECT_EQ(inbox->front().result.code, static_cast<std::int32_t>(code));
    EXPECT_EQ(inbox->front().result.rule, rule);
    EXPECT_EQ(inbox->front().result.fields.size(), fields);
  }
  // As the office does it. The error is the first of builder and hub.
  Status write_on_server(const std::function<Status(sync::CommitBuilder&)>& fill) {
    auto txn = office.hub->begin();
    if (!txn) return txn.error();
    auto builder = (*txn)->builder();
    SATCHEL_TRY(fill(builder));
    auto body = builder.finish();
    if (!body) return body.error();
    SATCHEL_TRY((*txn)->write(*body, "admin", std::string{sync::kDefaultPurpose}));
    return (*txn)->commit();
  }
  // By the tool, to what it was then.
  void restore_office(const sync::MemoryVersion& backup) {
    office.hub.reset();
    office.store.reset();
    office.disk->restore(backup);
    office.restart();
    auto txn = office.hub->begin();
    ASSERT_TRUE(txn && (*txn)->begin_incarnation() && (*txn)->commit());
  }
  std::string sentence(Phone& phone, const std::string& collection, const RecordId& id,
                       const std::string& field) {
    const auto record = phone.edge->shown(id, sync::kDefaultPurpose);
    const auto& def = *phone.edge->catalog().find(collection);
    const auto& field_def = *def.find(field);
    const auto name = [&](const ReplicaId& replica) -> std::string {
      return replica == ann->edge->state().replica ? "Ann" : "Bob";
    };
    return sync::explain_field(def, id, field_def, (*record)->of_field(field_def.id), name)
        .sentence;
  }
};

struct Sales : testing::Test, Company {
  Sales() : Company(crm()) {}
  RecordId order() {
    RecordId id = ann->create("orders", "poNumber", Value{"PO-1"});
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
  expect_inbox(*bob, Errc::kFieldFrozen, "frozen", 1);
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
  const RecordId id = ann->create("orders", "poNumber", Value{"PO-1"});
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
  const Status written = write_on_server(
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
  restore_office(backup);
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
  restore_office(backup);
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
  const auto erase = [](Phone& phone, const char* in, const RecordId& which) -> Status {
    auto done = phone.write([&](sync::EdgeWrite& txn) { return txn.builder().erase(in, which); });
    return done ? Status{} : Status{done.error()};
  };
  EXPECT_TRUE(erase(*ann, "orders", draft));
  const Status refused = erase(*ann, "orders", id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRecordRetained);
  EXPECT_EQ(refused.error().context,
            "orders is kept (legal) since status is \"submitted\"; the office may delete it once "
            "its retainUntil has passed");
  EXPECT_EQ(erase(*bob, "orderLines", line).error().code, Errc::kRecordRetained);
  const auto erase_there = [&] {
    return write_on_server([&](sync::CommitBuilder& b) { return b.erase("orders", id); });
  };
  EXPECT_EQ(erase_there().error().code, Errc::kRecordRetained) << "nor by the office";
  ASSERT_TRUE(write_on_server([&](sync::CommitBuilder& b) {
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
    ASSERT_TRUE(
        bob->write([&](sync::EdgeWrite& txn) { return txn.builder().erase("orders", id); }));
    EXPECT_EQ(bob->shows("orders", id, "status"), "dead");
    if (submit_first) {
      sync(*ann, *bob);
      expect_inbox(*bob, Errc::kRecordRetained, "retained", 1);
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

struct Deleted : Sales {
  static Status erase(Phone& phone, const RecordId& line) {
    auto done =
        phone.write([&](sync::EdgeWrite& txn) { return txn.builder().erase("orderLines", line); });
    return done ? Status{} : Status{done.error()};
  }
  static Status restore(Phone& phone, const RecordId& line) {
    auto done = phone.write(
        [&](sync::EdgeWrite& txn) { return txn.builder().restore("orderLines", line); });
    return done ? Status{} : Status{done.error()};
  }
};

TEST_F(Deleted, ALineOfASubmittedOrderIsNotBroughtBackByADevice) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(erase(*ann, line));
  sync();
  ASSERT_TRUE(restore(*bob, line)) << "while it is a draft";
  sync();
  expect("orderLines", line, "quantity", "5");
  ASSERT_TRUE(erase(*bob, line));
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  sync();
  const Status refused = restore(*bob, line);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kFieldFrozen);
  EXPECT_EQ(refused.error().context,
            "orderLines is frozen since order.status is \"submitted\"; ask the office to restore "
            "it");
  expect("orderLines", line, "quantity", "dead");
  ASSERT_TRUE(
      write_on_server([&](sync::CommitBuilder& b) { return b.restore("orderLines", line); }));
  sync();
  expect("orderLines", line, "quantity", "5");
}

TEST_F(Deleted, ARestoreThatReachesTheServerAfterTheSubmitComesBackToItsAuthor) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  ASSERT_TRUE(erase(*ann, line));
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(restore(*bob, line)) << "he has not seen it";
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
  ASSERT_TRUE(erase(*ann, line));
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(restore(*bob, line));
  sync(*bob, *ann);
  expect("orderLines", line, "quantity", "5");
  EXPECT_TRUE(bob->edge->inbox()->empty());
}

TEST_F(Deleted, ALineDeletedBeforeItsAuthorHeardOfTheSubmitIsAliveEverywhereOnceHeDoes) {
  const RecordId id = order();
  const RecordId line = line_of(id, *ann);
  sync();
  ASSERT_TRUE(ann->set("orders", id, "status", Value{"submitted"}));
  ASSERT_TRUE(erase(*bob, line));
  EXPECT_EQ(bob->shows("orderLines", line, "quantity"), "dead");
  sync(*ann, *bob);
  expect("orderLines", line, "quantity", "5");
  expect_inbox(*bob, Errc::kRecordRetained, "retained", 1);
}

// ---- Reopening ----------------------------------------------------------------------------------

struct Care : testing::Test, Company {
  Care() : Company(crm()) {}
  RecordId a_case(const char* status = "pending") {
    RecordId id = ann->create("cases", "title", Value{"leak"});
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
      const std::string why = sentence(*ann, "cases", id, "status");
      EXPECT_EQ(why.substr(0, why.find(" (")),
                "The field status is \"open\" again because the entry that was added to comments "
                "by Bob");
      EXPECT_NE(why.find("had not seen the move to \"resolved\" by Ann"), std::string::npos) << why;
    }
  }
}

TEST_F(Care, ACaseWithoutAStatusIsReopenedToo) {
  const RecordId id = ann->create("cases", "title", Value{"leak"});
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
  ASSERT_TRUE(write_on_server(
      [&](sync::CommitBuilder& b) { return b.set("cases", id, "status", Value{"open"}); }));
  sync();
  ASSERT_TRUE(comment(*bob, id));
  ASSERT_TRUE(write_on_server(
      [&](sync::CommitBuilder& b) { return b.set("cases", id, "status", Value{"closed"}); }));
  sync();
  expect("cases", id, "status", "\"open\"");
  ASSERT_TRUE(ann->write([&](sync::EdgeWrite& txn) {
    return txn.builder().resolve("cases", id, "status", Value{"closed"});
  }));
  sync();
  expect("cases", id, "status", "\"closed\"");
}

// ---- A schema of one's own ----------------------------------------------------------------------

struct Garage : testing::Test, Company {
  Garage() : Company(garage()) {}
  RecordId job() {
    RecordId id = ann->create("jobs", "title", Value{"brakes"});
    sync();
    return id;
  }
};

TEST_F(Garage, FreezesEveryRuleAndClassAlike) {
  const RecordId id = job();
  ASSERT_TRUE(ann->set("jobs", id, "state", step("done")));
  ASSERT_TRUE(bob->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().add("jobs", id, "hours", 3));
    SATCHEL_TRY(txn.builder().set_add("jobs", id, "tools", Value{"jack"}));
    SATCHEL_TRY(txn.builder().set("jobs", id, "title", Value{"clutch"}));
    return txn.builder().set("jobs", id, "bay", Value{"4"});
  }));
  sync(*ann, *bob);
  expect("jobs", id, "hours", "-");
  expect("jobs", id, "title", "\"brakes\"");
  expect("jobs", id, "bay", "\"4\"");
  expect_inbox(*bob, Errc::kFieldFrozen, "frozen", 3);
  const auto add =
      bob->write([&](sync::EdgeWrite& txn) { return txn.builder().add("jobs", id, "hours", 3); });
  ASSERT_FALSE(add);
  EXPECT_EQ(add.error().code, Errc::kFieldFrozen);
  EXPECT_TRUE(ann->set("jobs", id, "state", step("open")));
  EXPECT_TRUE(ann->set("jobs", id, "title", Value{"brakes, rear"})) << "open again, not frozen";
}

TEST_F(Garage, WhatWasWrittenWithARestoreThatComesTooLateBringsNothingBackEither) {
  const RecordId id = job();
  const auto of_job = [&](const std::function<Status(sync::CommitBuilder&)>& fill) {
    return [fill](sync::EdgeWrite& txn) { return fill(txn.builder()); };
  };
  ASSERT_TRUE(ann->write(of_job([&](auto& b) { return b.erase("jobs", id); })));
  sync();
  ASSERT_TRUE(write_on_server([&](sync::CommitBuilder& b) -> Status {
    SATCHEL_TRY(b.restore("jobs", id));
    return b.set("jobs", id, "state", step("done"));
  }));
  ASSERT_TRUE(write_on_server([&](sync::CommitBuilder& b) { return b.erase("jobs", id); }));
  ASSERT_TRUE(bob->write(of_job([&](auto& b) -> Status {
    SATCHEL_TRY(b.restore("jobs", id));
    return b.set("jobs", id, "bay", Value{"4"});  // Not frozen; an edit alone keeps it alive.
  })));
  sync(*bob, *ann);
  expect("jobs", id, "bay", "dead");
  expect_inbox(*bob, Errc::kFieldFrozen, "frozen", 2);
}

TEST_F(Garage, ABranchOfAContestedStageThatFreezesIsEnough) {
  const RecordId id = job();
  ASSERT_TRUE(ann->set("jobs", id, "state", step("open")));
  sync();
  ASSERT_TRUE(ann->set("jobs", id, "state", step("done")));
  bob->clock.pass(5'000'000);
  ASSERT_TRUE(bob->set("jobs", id, "state", step("void")));
  sync();
  EXPECT_EQ(ann->shows("jobs", id, "state"), "{\"by\":\"x\",\"step\":\"void\"}") << "contested";
  EXPECT_EQ(ann->set("jobs", id, "title", Value{"x"}).error().code, Errc::kFieldFrozen);
}

TEST_F(Garage, AReopenedJobShowsItsStageAloneAndIsNotFrozen) {
  const RecordId id = job();
  ASSERT_TRUE(ann->set("jobs", id, "state", step("done")));
  ASSERT_TRUE(bob->write([&](sync::EdgeWrite& txn) {
    return txn.builder().log_append("jobs", id, "remarks", Value{"squeaks"});
  }));
  sync();
  expect("jobs", id, "state", "{\"step\":\"open\"}");
  EXPECT_TRUE(ann->set("jobs", id, "title", Value{"brakes, rear"}));
}

TEST_F(Garage, APartWithoutItsJobOrOfAnUnknownOneIsNotFrozen) {
  const RecordId part = ann->create("parts", "number", Value{"7"});
  sync();
  EXPECT_TRUE(ann->set("parts", part, "number", Value{"8"}));
  const RecordId id = job();
  ASSERT_TRUE(ann->set("jobs", id, "state", step("done")));
  sync();
  EXPECT_TRUE(ann->set("parts", part, "shelf", Value{"A"}));
  EXPECT_TRUE(ann->set("parts", part, "job", Value{to_text(id)}));
  const Status refused = ann->set("parts", part, "number", Value{"9"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kFieldFrozen);
  EXPECT_TRUE(ann->set("parts", part, "shelf", Value{"B"}));
}

}  // namespace
}  // namespace satchel::test
