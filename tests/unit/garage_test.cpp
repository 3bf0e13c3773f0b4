// Stages that freeze, keep and reopen in another trade's schema: nothing of it is the standard
// one's own.
#include "schema/compiler/compile.hpp"
#include "tests/support/company.hpp"

namespace satchel::test {
namespace {

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
  static const auto catalog = schema::compile_text("garage.capnp", kGarage);
  SATCHEL_ASSERT(catalog.has_value());
  return *catalog;
}
Value step(const char* name) {
  return Value{StructMembers{{std::uint16_t{0}, Value{name}}, {std::uint16_t{1}, Value{"x"}}}};
}

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
  const Status add = bob->add("jobs", id, "hours", 3);
  ASSERT_FALSE(add);
  EXPECT_EQ(add.error().code, Errc::kFieldFrozen);
  EXPECT_TRUE(ann->set("jobs", id, "state", step("open")));
  EXPECT_TRUE(ann->set("jobs", id, "title", Value{"brakes, rear"})) << "open again, not frozen";
}

TEST_F(Garage, WhatWasWrittenWithARestoreThatComesTooLateBringsNothingBackEither) {
  const RecordId id = job();
  ASSERT_TRUE(ann->erase("jobs", id));
  sync();
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) -> Status {
    SATCHEL_TRY(b.restore("jobs", id));
    return b.set("jobs", id, "state", step("done"));
  }));
  ASSERT_TRUE(office.write([&](sync::CommitBuilder& b) { return b.erase("jobs", id); }));
  ASSERT_TRUE(bob->write([&](sync::EdgeWrite& txn) -> Status {
    SATCHEL_TRY(txn.builder().restore("jobs", id));
    // Not frozen; an edit alone keeps it alive.
    return txn.builder().set("jobs", id, "bay", Value{"4"});
  }));
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
