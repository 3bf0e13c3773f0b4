// Commits that copies of one device numbered anew, each by itself: each takes effect once, under
// whichever name it comes first (docs/adr/0013-a-renumbered-commit-names-its-origin.md).
#include "sync/commit/body.hpp"
#include "tests/support/copied_phones.hpp"

namespace satchel::test {
namespace {

using sync::Role;

struct Renumbered : CopiedPhones {
  sync::MemoryVersion moment{};  // Of Ann's phone: it holds a commit whose number is another's.

  void set(Phone& phone, const char* field, const char* words) {
    const Status done = phone.set("accounts", shop, field, Value{words});
    ASSERT_TRUE(done) << done.error().message();
  }
  // Ann's phone counted one and told so, was put back to before that, and writes `rest` instead.
  void fork(const std::function<void()>& rest) {
    fork([&] { add(*ann, 1); }, rest);
  }
  void fork(const std::function<void()>& told, const std::function<void()>& rest) {
    const auto before = ann->disk->snapshot();
    told();
    ASSERT_TRUE(ann->sync());
    ann->restore(before);
    rest();
    moment = ann->disk->snapshot();
  }
  std::unique_ptr<Phone> twin(std::uint64_t seed) {
    auto copy = std::make_unique<Phone>(*ann, seed);
    copy->restore(moment);
    return copy;
  }
  // `other` has seen what Ann's phone wrote after the fork, and knows it by another name.
  void write_over_food(Phone& other) {
    set(other, "industry", "steel");
    all_sync({ann.get(), &other, bob.get()});
    EXPECT_EQ(siblings_at_hub("industry"), 1U) << "food was written over";
    expect({ann.get(), &other, bob.get()}, "industry", "\"steel\"");
  }
  // What the two do not share is another record's, or that would outlive the delete.
  std::unique_ptr<Phone> twin_that_deletes_food() {
    fork([&] { ann->create("tasks", "title", Value{"another"}); },
         [&] { set(*ann, "industry", "food"); });
    auto other = twin(22);
    EXPECT_TRUE(other->erase("accounts", shop));
    all_sync({ann.get(), other.get(), bob.get()});
    return other;
  }
  void expect(std::initializer_list<Phone*> phones, const char* field, const std::string& shown) {
    EXPECT_EQ(at_hub(field), shown) << "on the server";
    for (Phone* phone : phones) {
      EXPECT_EQ(phone->shows("accounts", shop, field), shown);
      EXPECT_TRUE(phone->edge->inbox()->empty());
      const auto held = phone->edge->shown(shop, sync::kDefaultPurpose);
      const auto truth = office.hub->find_record(shop);
      EXPECT_TRUE((*held)->entries == (*truth)->entries) << "stamps and contexts too";
    }
  }
};

TEST_F(Renumbered, AForkedCommitThatIsPutBackAgainCountsOnce) {
  fork([&] { add(*ann, 10); });
  all_sync({ann.get(), bob.get()});
  expect({ann.get(), bob.get()}, "visitCount", "11");
  for (int again = 0; again < 3; ++again) {
    ann->restore(moment);
    all_sync({ann.get(), bob.get()});
    expect({ann.get(), bob.get()}, "visitCount", "11");
  }
  add(*ann, 100);
  all_sync({ann.get(), bob.get()});
  expect({ann.get(), bob.get()}, "visitCount", "111");
}

TEST_F(Renumbered, LiveCopiesCountItOnceInWhicheverOrderTheyCome) {
  fork([&] {
    add(*ann, 10);
    add(*ann, 100);
  });
  const auto first = twin(22);
  const auto second = twin(23);
  // Both have numbered it anew before either of them tells of it.
  for (Phone* phone : {first.get(), second.get()}) {
    ASSERT_TRUE(phone->edge->renumber());
  }
  ASSERT_NE(first->edge->state().replica, second->edge->state().replica);
  all_sync({second.get(), first.get(), ann.get(), bob.get()});
  expect({first.get(), second.get(), ann.get(), bob.get()}, "visitCount", "111");
}

TEST_F(Renumbered, WhatCopiesWroteAfterThatIsTwoThings) {
  fork([&] { add(*ann, 10); });
  const auto other = twin(22);
  add(*ann, 100);
  add(*other, 1000);
  all_sync({ann.get(), other.get(), bob.get()});
  expect({ann.get(), other.get(), bob.get()}, "visitCount", "1111");
}

TEST_F(Renumbered, ALaterWriteCoversWhatItsAuthorsOtherCopyHasSent) {
  fork([&] { set(*ann, "industry", "food"); });
  const auto other = twin(22);
  write_over_food(*other);  // Which the server knows as Ann's.
}

TEST_F(Renumbered, ALaterWriteUnderYetAnotherIdCoversItToo) {
  fork([&] { set(*ann, "industry", "food"); });
  const auto other = twin(22);
  ASSERT_TRUE(other->edge->renumber() && other->edge->reidentify());
  write_over_food(*other);  // Which it has seen by a name of its former id.
}

TEST_F(Renumbered, ALaterDeleteCoversWhatItsAuthorsOtherCopyHasSent) {
  const auto other = twin_that_deletes_food();
  expect({ann.get(), other.get(), bob.get()}, "industry", "dead");
}

TEST_F(Renumbered, ADeleteSaysThatItHasObservedWhatWasTakenInstead) {
  const auto other = twin_that_deletes_food();
  const auto record = *office.hub->find_record(shop);
  const auto* def = office.hub->catalog()->find("accounts")->find("industry");
  const sync::Dot food = record->find(def->id)->state.siblings.front().dot;
  ASSERT_EQ(food.replica, ann->edge->state().replica) << "as the first copy called it";
  const auto deleted = record->find(kLifeField)->state.siblings.front();
  ASSERT_EQ(deleted.dot.replica, other->edge->state().replica);
  const auto life = *sync::decode_life(deleted.value);
  EXPECT_TRUE(life.has_observed(def->privacy, food));
  EXPECT_TRUE(life.has_observed(def->privacy, {deleted.dot.replica, food.commit}))
      << "and as its author called it";
}

TEST_F(Renumbered, OneThatIsNumberedAnewTwiceKeepsItsOrigin) {
  fork([&] { add(*ann, 10); });
  const auto header_of = [](Phone& phone) { return phone.edge->pending()->front().header; };
  const auto first = header_of(*ann);
  EXPECT_FALSE(first.origin.has_value());
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(ann->edge->renumber());
    const auto now = header_of(*ann);
    EXPECT_NE(now.replica, first.replica);
    EXPECT_EQ(now.origin, (wire::CommitOrigin{first.replica, first.number, first.content_hash}));
  }
  const auto other = twin(22);
  all_sync({other.get(), ann.get(), bob.get()});
  expect({ann.get(), other.get(), bob.get()}, "visitCount", "11");
}

TEST_F(Renumbered, ALostAnswerChangesNothing) {
  fork([&] { add(*ann, 10); });
  const auto other = twin(22);
  for (Phone* phone : {ann.get(), other.get()}) {
    for (int cut = 0; cut < 3; ++cut) {
      const auto lose_answer = [](bool to_hub, const Bytes& message) {
        return to_hub || !std::holds_alternative<wire::Ack>(*wire::decode_frame(message));
      };
      static_cast<void>(phone->sync_as_host(lose_answer));
    }
  }
  all_sync({other.get(), ann.get(), bob.get()});
  expect({ann.get(), other.get(), bob.get()}, "visitCount", "11");
}

TEST_F(Renumbered, ARefusedCommitWhoseAnswerWasDroppedDoesNotMakeTheNextOneCountTwice) {
  const RecordId order = ann->create_of(shop, "orders", "note", Value{"x"});
  ASSERT_TRUE(ann->set("orders", order, "status", Value{"draft"}));
  all_sync({ann.get(), bob.get()});
  ASSERT_TRUE(bob->set("orders", order, "status", Value{"submitted"}));
  ASSERT_TRUE(ann->set("orders", order, "note", Value{"late"}));
  add(*ann, 10);
  moment = ann->disk->snapshot();
  ASSERT_TRUE(bob->sync());
  all_sync({ann.get(), bob.get()});  // The note is refused; its answer is dropped once it is known.
  ASSERT_EQ(ann->edge->inbox()->size(), 1U);
  ann->restore(moment);
  all_sync({ann.get(), bob.get()});
  EXPECT_EQ(at_hub("visitCount"), "10");
  EXPECT_EQ(ann->shows("accounts", shop, "visitCount"), "10");
  EXPECT_EQ(ann->edge->inbox()->size(), 1U) << "judged anew, and refused anew";
}

TEST_F(Renumbered, WhatAnotherCopyWroteUnderTheIdInUseHidesNothingThatIsWrittenHere) {
  add(*ann, 1);
  ASSERT_TRUE(ann->edge->reidentify());  // The one is under a former id, and still to be settled.
  moment = ann->disk->snapshot();
  set(*ann, "industry", "food");
  all_sync({ann.get()});
  ann->restore(moment);
  const ReplicaId in_use = ann->edge->state().replica;
  const Status settled = ann->sync();  // The former id alone.
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().code, Errc::kFenced);
  ASSERT_TRUE(ann->edge->reidentify() && ann->sync());
  EXPECT_NE(ann->edge->state().replica, in_use);
  set(*ann, "industry", "steel");
  EXPECT_EQ(ann->shows("accounts", shop, "industry"), "\"steel\"");
  all_sync({ann.get(), bob.get()});
  expect({ann.get(), bob.get()}, "visitCount", "1");
  expect({ann.get(), bob.get()}, "industry", "\"steel\"");
}

TEST_F(Renumbered, ATrimmedLogStillKnowsIt) {
  fork([&] { add(*ann, 10); });
  all_sync({ann.get(), bob.get()});
  for (int i = 0; i < 3; ++i) {
    set(*bob, "size", i % 2 == 0 ? "big" : "small");
    all_sync({bob.get(), ann.get()});
  }
  office.trim_log();
  ann->restore(moment);
  all_sync({ann.get(), bob.get()});
  expect({ann.get(), bob.get()}, "visitCount", "11");
}

// Two copies and a server that is restored between them, in either order.
struct RestoredOffice : Renumbered, testing::WithParamInterface<bool> {
  std::unique_ptr<Phone> one, other;
  Phone& first() { return GetParam() ? *one : *other; }
  Phone& second() { return GetParam() ? *other : *one; }
};
INSTANTIATE_TEST_SUITE_P(RenumberedFirst, RestoredOffice, testing::Bool());

TEST_P(RestoredOffice, CountsItOnceWhereItStillKnowsTheFork) {
  fork([&] { add(*ann, 10); });
  const auto backup = office.disk->snapshot();  // It knows the one, and not the ten.
  one = twin(22);
  all_sync({one.get(), bob.get()});
  office.restore_with_tool(backup);
  other = twin(23);
  all_sync({&first(), &second(), bob.get()});
  expect({&first(), &second(), bob.get()}, "visitCount", "11");
}

TEST_P(RestoredOffice, KnowsItUnderEitherNameWhereItHasForgottenTheFork) {
  const auto backup = office.disk->snapshot();  // It knows neither the one nor the ten.
  fork([&] { add(*ann, 10); });
  one = twin(22);
  ASSERT_TRUE(one->edge->renumber());  // As the fork once made it do.
  office.restore_with_tool(backup);
  // Nothing stands under its first number now, so that this copy is not told of a fork.
  other = twin(23);
  set(second(), "industry", "steel");
  all_sync({&first(), &second(), bob.get()});
  expect({&first(), &second(), bob.get()}, "visitCount", "10");
  expect({&first(), &second(), bob.get()}, "industry", "\"steel\"");
}

// Pushes what waits on the phone with this origin, and gives the answers.
Result<std::vector<wire::CommitResult>> push_as(Phone& phone, const wire::CommitOrigin& origin) {
  auto commits = phone.unsent();
  for (wire::Commit& each : commits) {
    each.header.origin = origin;
    each.header.content_hash = sync::content_hash(each.header, each.sections);
  }
  auto txn = phone.office.hub->begin();
  auto outcome = (*txn)->ingest(
      {phone.edge->state().replica, phone.edge->identity().user, Role::kRep, commits});
  if (!outcome) return outcome.error();
  SATCHEL_TRY((*txn)->commit());
  return outcome->results;
}

TEST_F(Renumbered, WhoLiesAboutAnOriginLearnsNothingAndSuppressesNothingOfOthers) {
  fork([&] { add(*ann, 10); });
  const auto mine = ann->edge->pending()->front().header;
  const wire::CommitOrigin origin{mine.replica, mine.number, mine.content_hash};
  // He says that his commit is hers, before hers is there.
  Phone laptop{office, "bob", Role::kRep, 43};
  ASSERT_TRUE(laptop.sync());
  add(laptop, 1000);
  auto answers = push_as(laptop, origin);
  ASSERT_TRUE(answers && answers->size() == 1);
  EXPECT_EQ(answers->front().outcome, wire::Outcome::kApplied);
  EXPECT_FALSE(answers->front().elsewhere);
  all_sync({bob.get(), ann.get()});
  EXPECT_EQ(at_hub("visitCount"), "1011") << "hers counts";
  // And after it.
  Phone tablet{office, "bob", Role::kRep, 44};
  ASSERT_TRUE(tablet.sync());
  add(tablet, 300000);
  answers = push_as(tablet, origin);
  ASSERT_TRUE(answers && answers->size() == 1);
  EXPECT_FALSE(answers->front().elsewhere);
  EXPECT_EQ(at_hub("visitCount"), "301011");
}

TEST_F(Renumbered, WhoLiesAboutAnOriginOfHisOwnLosesHisOwnCommitAlone) {
  add(*bob, 10);
  const auto mine = bob->edge->pending()->front().header;
  ASSERT_TRUE(bob->sync());
  add(*bob, 100);
  const auto answers = push_as(*bob, {mine.replica, mine.number, mine.content_hash});
  ASSERT_TRUE(answers && answers->size() == 1);
  EXPECT_TRUE(answers->front().elsewhere);
  EXPECT_EQ(at_hub("visitCount"), "10");
}

}  // namespace
}  // namespace satchel::test
