// Devices that were copied or restored: what each of them wrote takes effect once, whoever notices
// what when (sync.md, Restores and clones).
#include "tests/support/copied_phones.hpp"

namespace satchel::test {
namespace {

using sync::Role;

struct Copies : CopiedPhones {
  // The answers that the server still keeps.
  std::size_t first_answers() {
    std::size_t count = 0;
    auto txn = office.store->begin_read();
    EXPECT_TRUE((*txn)->scan(sync::Table::kResults, {}, [&](ByteView, ByteView) {
      ++count;
      return true;
    }));
    return count;
  }
  // Cut then: the cursor does not tell of what was sent.
  void sync_until_acknowledged(Phone& phone) {
    static_cast<void>(phone.sync([](bool, const Bytes& message) {
      return !std::holds_alternative<wire::Changes>(*wire::decode_frame(message));
    }));
    ASSERT_EQ(phone.edge->pending_count(), 0U);
  }
  // As where the device holds none of them any more, the server being backed up.
  void drop_first_answers(const Phone& phone) {
    const ReplicaId id = phone.edge->state().replica;
    const auto txn = std::move(*office.hub->begin());
    auto state = *txn->replica_state(id);
    ASSERT_TRUE(txn->trim_results(id, state.watermark, state));
    ASSERT_TRUE(txn->put_replica_state(id, state) && txn->commit());
  }
};

TEST_F(Copies, AFirstHelloThatComesLateDoesNotMakeItsDeviceACopy) {
  Phone fresh{office, "ann", Role::kRep, 61};
  sync::HubSession late = office.session();
  sync::EdgeSession dead = fresh.session();
  ASSERT_TRUE(dead.receive(**late.generate()));
  const auto hello = *dead.generate();
  ASSERT_TRUE(fresh.sync());
  ASSERT_TRUE(late.receive(*hello));
  office.work_for(late);
  const Status done = fresh.sync();
  EXPECT_TRUE(done) << done.error().message();
}

TEST_F(Copies, ACopyThatKnowsItselfWritesUnderANewIdAndSettlesTheOldOneFirst) {
  add(*ann, 1);
  Phone copy{*ann, 21};
  ASSERT_TRUE(copy.edge->reidentify());  // As its install mark tells it.
  EXPECT_NE(copy.edge->state().replica, ann->edge->state().replica);
  add(*ann, 10);
  add(copy, 100);
  EXPECT_EQ(copy.shows("accounts", shop, "visitCount"), "101");
  EXPECT_EQ(copy.edge->pending_count(), 2U);
  all_sync({&copy, ann.get(), bob.get()});
  EXPECT_EQ(at_hub("visitCount"), "111") << "what both hold counts once";
  for (Phone* phone : {ann.get(), &copy, bob.get()}) {
    EXPECT_EQ(phone->shows("accounts", shop, "visitCount"), "111");
  }
}

TEST_F(Copies, NothingIsAppliedBeforeTheOldIdIsSettled) {
  add(*ann, 1);
  Phone copy{*ann, 21};
  ASSERT_TRUE(copy.edge->reidentify());
  ASSERT_TRUE(bob->set("accounts", shop, "size", Value{"big"}) && bob->sync());
  std::size_t changes = 0;
  const auto count = [&](bool, const Bytes& message) {
    changes += std::holds_alternative<wire::Changes>(*wire::decode_frame(message));
    return true;
  };
  ASSERT_TRUE(copy.sync(count));
  EXPECT_EQ(changes, 0U);
  EXPECT_FALSE(copy.edge->unsettled().has_value());
  ASSERT_TRUE(copy.sync(count));
  EXPECT_GT(changes, 0U);
  EXPECT_EQ(copy.shows("accounts", shop, "size"), "\"big\"");
}

TEST_F(Copies, CopiesThatDoNotKnowItAreToldByTheFenceAndNoWriteIsLost) {
  add(*ann, 1);
  Phone copy{*ann, 21};
  add(*ann, 10);
  add(copy, 100);
  add(copy, 1000);
  all_sync({ann.get(), &copy, bob.get()});
  EXPECT_EQ(at_hub("visitCount"), "1111");
  EXPECT_NE(copy.edge->state().replica, ann->edge->state().replica);
  add(*ann, 20000);
  add(copy, 300000);
  all_sync({&copy, ann.get(), bob.get()});
  for (Phone* phone : {ann.get(), &copy, bob.get()}) {
    EXPECT_EQ(phone->shows("accounts", shop, "visitCount"), "321111");
  }
}

TEST_F(Copies, TheSameChangeMadeByBothIsTwoChanges) {
  Phone copy{*ann, 21};
  add(*ann, 5);
  add(copy, 5);  // The same number, the same words: told apart by its nonce.
  all_sync({ann.get(), &copy});
  EXPECT_EQ(at_hub("visitCount"), "10");
}

TEST_F(Copies, ARenumberedWriteDoesNotCoverWhatStandsUnderItsOldNumber) {
  Phone copy{*ann, 21};
  ASSERT_TRUE(ann->set("accounts", shop, "industry", Value{"food"}));
  ASSERT_TRUE(copy.set("accounts", shop, "industry", Value{"steel"}));
  // Its author has seen his own first write, whose number is Ann's at the server.
  ASSERT_TRUE(copy.set("accounts", shop, "industry", Value{"iron"}));
  all_sync({ann.get(), &copy, bob.get()});
  EXPECT_EQ(siblings_at_hub("industry"), 2U) << "food and iron; steel was written over";
}

TEST_F(Copies, ARenumberedDeleteStillCoversWhatItsAuthorHadWritten) {
  Phone copy{*ann, 21};
  ASSERT_TRUE(ann->create("tasks", "title", Value{"another"}) != RecordId{});
  ASSERT_TRUE(copy.set("accounts", shop, "size", Value{"big"}));
  ASSERT_TRUE(copy.erase("accounts", shop));
  all_sync({ann.get(), &copy, bob.get()});
  EXPECT_EQ(at_hub("industry"), "dead");
  EXPECT_EQ(bob->shows("accounts", shop, "industry"), "dead");
}

TEST_F(Copies, ADeviceRestoredFromABackupGoesOnUnderANewId) {
  const auto backup = ann->disk->snapshot();
  add(*ann, 1);
  ASSERT_TRUE(ann->sync());
  ann->restore(backup);
  const ReplicaId old = ann->edge->state().replica;
  add(*ann, 10);
  all_sync({ann.get(), bob.get()});
  EXPECT_NE(ann->edge->state().replica, old);
  EXPECT_EQ(at_hub("visitCount"), "11");
  EXPECT_EQ(ann->shows("accounts", shop, "visitCount"), "11");
}

TEST_F(Copies, ANewIdDoesNotHideFromAServerThatWasPutBackWhatItHadAcknowledgedToTheFormerOne) {
  add(*ann, 1);
  all_sync({ann.get(), bob.get()});
  const auto raw_copy = office.disk->snapshot();
  add(*ann, 10);
  sync_until_acknowledged(*ann);
  ASSERT_EQ(at_hub("visitCount"), "11");
  office.restore(raw_copy);
  ASSERT_EQ(at_hub("visitCount"), "1");
  // The work of others has brought the server past the sequence that it was put back from.
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(bob->set("accounts", shop, "size", Value{"big"}));
  ASSERT_TRUE(bob->sync());
  ASSERT_TRUE(ann->edge->reidentify());  // Its folder was moved to another phone.
  for (int i = 0; i < 3; ++i) {
    for (Phone* phone : {ann.get(), bob.get()}) static_cast<void>(phone->sync_as_host());
  }
  EXPECT_EQ(at_hub("visitCount"), "11");
  for (Phone* phone : {ann.get(), bob.get()})
    EXPECT_EQ(phone->shows("accounts", shop, "visitCount"), "11");
}

// Both were put back, and the device has written other things under the numbers since.
struct BothPutBack : Copies {
  // `more`: how many commits the copy makes besides one.
  void lose_and_write(int more) {
    add(*ann, 1);
    all_sync({ann.get(), bob.get()});
    const auto raw_copy = office.disk->snapshot();
    copy = std::make_unique<Phone>(*ann, 21);
    add(*ann, 10);
    made = ann->create("accounts", "industry", Value{"made by ann"});
    if (cut_at_ack) {
      sync_until_acknowledged(*ann);
    } else {
      ASSERT_TRUE(ann->sync());
    }
    ASSERT_EQ(at_hub("visitCount"), "11");
    office.restore(raw_copy);
    add(*copy, 100);
    for (int i = 0; i < more; ++i) add(*copy, 1000);
    ASSERT_TRUE(copy->sync_as_host());
  }
  void everything_counts_once(const std::string& sum) {
    for (int i = 0; i < 4; ++i) {
      for (Phone* phone : {ann.get(), copy.get(), bob.get()})
        static_cast<void>(phone->sync_as_host());
    }
    EXPECT_EQ(at_hub("visitCount"), sum);
    for (Phone* phone : {ann.get(), copy.get(), bob.get()}) {
      EXPECT_EQ(phone->shows("accounts", shop, "visitCount"), sum);
      EXPECT_EQ(phone->shows("accounts", made, "industry"), "\"made by ann\"");
      EXPECT_EQ(phone->edge->pending_count(), 0U);
    }
  }
  std::unique_ptr<Phone> copy;
  RecordId made;
  bool cut_at_ack = false;
};

TEST_F(BothPutBack, FewerCommitsUnderTheSameNumbersHideNoneThatWasAcknowledged) {
  lose_and_write(0);
  everything_counts_once("111");
}

TEST_F(BothPutBack, AsManyHideNone) {
  lose_and_write(1);
  everything_counts_once("1111");
}

TEST_F(BothPutBack, MoreHideNone) {
  lose_and_write(4);
  everything_counts_once("4111");
}

TEST_F(BothPutBack, NorDoTheyWhereTheDeviceHasTakenAnotherIdSince) {
  lose_and_write(4);
  ASSERT_TRUE(ann->edge->reidentify());
  everything_counts_once("4111");
}

TEST_F(BothPutBack, NorWhereItHasUnsentWorkOnTop) {
  lose_and_write(4);
  add(*ann, 100'000);
  everything_counts_once("104111");
}

TEST_F(BothPutBack, TheServerNoticesItByTheContentOfACommitAlone) {
  cut_at_ack = true;
  lose_and_write(1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(copy->sync_as_host());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(bob->set("accounts", shop, "size", Value{"big"}));
  ASSERT_TRUE(bob->sync());
  const auto life = office.hub->state().incarnation;
  EXPECT_EQ(ann->sync_as_host().error().code, Errc::kRestoredServer);
  EXPECT_NE(office.hub->state().incarnation, life);
  everything_counts_once("1111");
}

TEST_F(BothPutBack, NorWhereTheServerHasBegunANewLifeBefore) {
  lose_and_write(1);
  office.begin_incarnation();
  ASSERT_TRUE(copy->sync_as_host() && bob->sync_as_host());
  everything_counts_once("1111");
}

TEST_F(Copies, FirstAnswersAreDroppedOnceAHelloHasConfirmedThem) {
  for (int i = 0; i < 5; ++i) add(*ann, 1);
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(first_answers(), 6U) << "each hello is compared with the last";
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(first_answers(), 1U);
}

TEST_F(Copies, ARestoredDeviceIsAnsweredFromTheCommitLogWhereAnswersWereDropped) {
  add(*ann, 1);
  const auto backup = ann->disk->snapshot();
  ASSERT_TRUE(ann->sync());
  drop_first_answers(*ann);
  ASSERT_EQ(first_answers(), 0U);
  ann->restore(backup);
  ASSERT_EQ(ann->edge->pending_count(), 1U);
  all_sync({ann.get(), bob.get()});
  EXPECT_EQ(at_hub("visitCount"), "1") << "taken once";
  EXPECT_EQ(ann->shows("accounts", shop, "visitCount"), "1");
  // And what was made since under numbers of which no answer is left is another's, not lost.
  ann->restore(backup);
  add(*ann, 10);
  all_sync({ann.get(), bob.get()});
  EXPECT_EQ(at_hub("visitCount"), "11");
}

TEST_F(Copies, ADroppedAnswerIsNoForkInANewLifeOfTheServer) {
  add(*ann, 1);
  const auto backup = ann->disk->snapshot();
  ASSERT_TRUE(ann->sync());
  drop_first_answers(*ann);
  ASSERT_EQ(first_answers(), 0U);
  office.begin_incarnation();
  // No fence is asked in another life: the device offers its commit under its own id.
  ann->restore(backup);
  all_sync({ann.get(), bob.get()});
  EXPECT_EQ(at_hub("visitCount"), "1") << "taken once";
}

TEST_F(Copies, ARestoredServerGetsBackWhatWasMadeUnderAFormerId) {
  Phone copy{*ann, 21};
  const auto backup = office.disk->snapshot();
  add(copy, 1);
  ASSERT_TRUE(copy.sync());
  ASSERT_TRUE(copy.edge->reidentify());
  add(copy, 10);
  all_sync({&copy});
  ASSERT_EQ(at_hub("visitCount"), "11");
  office.restore(backup);
  EXPECT_EQ(at_hub("visitCount"), "-");
  // The restored server begins a new life as soon as somebody knows more than it does.
  for (int i = 0; i < 3; ++i) static_cast<void>(copy.sync_as_host());
  EXPECT_EQ(at_hub("visitCount"), "11");
  EXPECT_EQ(copy.shows("accounts", shop, "visitCount"), "11");
}

TEST_F(Copies, WhatARestoredServerHasStillToAnswerIsKeptWhateverItsSequenceWas) {
  const auto backup = office.disk->snapshot();
  ASSERT_TRUE(bob->set("accounts", shop, "industry", Value{Bytes(5'000, 'x')}));  // A push alone.
  ASSERT_TRUE(bob->set("accounts", shop, "size", Value{"big"}));
  all_sync({bob.get()});
  office.restore_with_tool(backup);
  for (int i = 0; i < 5; ++i) add(*ann, 1);  // Its new life comes past where those two were.
  all_sync({ann.get()});
  office.back_up();
  int pushes = 0;
  const auto cut_second_push = [&](bool to_hub, const Bytes& message) {
    const bool push = to_hub && std::holds_alternative<wire::Push>(*wire::decode_frame(message));
    return !push || ++pushes < 2;
  };
  EXPECT_FALSE(bob->sync(cut_second_push));
  ASSERT_EQ(pushes, 2) << "the first was answered";
  all_sync({bob.get(), ann.get()});
  EXPECT_EQ(at_hub("size"), "\"big\"");
  EXPECT_EQ(ann->shows("accounts", shop, "size"), "\"big\"");
}

TEST_F(Copies, AServerPutBackToBeforeItsLastBackupTellsAnewWhatIsBackedUp) {
  const auto backup = office.disk->snapshot();
  for (int i = 0; i < 5; ++i) add(*ann, 1);
  all_sync({ann.get()});
  office.back_up();
  add(*bob, 10);
  all_sync({bob.get()});  // The answer says how far the backup goes.
  office.restore_with_tool(backup);
  ASSERT_TRUE(bob->set("accounts", shop, "size", Value{"big"}));
  all_sync({bob.get()});  // At a number that the other life's backup had passed.
  add(*bob, 100);
  all_sync({bob.get()});
  office.restore_with_tool(backup);
  EXPECT_FALSE(bob->sync()) << "of a life that the copy never heard of";
  all_sync({bob.get(), ann.get()});
  EXPECT_EQ(at_hub("size"), "\"big\"");
  EXPECT_EQ(at_hub("visitCount"), "115");
}

TEST_F(Copies, WhatTheDeviceHasConfirmedIsDurableWhenItsSessionCloses) {
  // Several pages and answers within the ten seconds between two writes of progress.
  for (int i = 0; i < 3; ++i) {
    add(*bob, 1);
    ASSERT_TRUE(bob->sync() && ann->sync());
    const auto known = office.hub->find_replica(ann->edge->state().replica);
    ASSERT_TRUE(known && *known);
    EXPECT_EQ((*known)->progress.seq, ann->edge->state().cursor.seq);
  }
}

TEST_F(Copies, ARetryIsOneTransaction) {
  office.add_user("ann", Role::kAuditor);  // Now she may only read.
  ASSERT_TRUE(ann->set("accounts", shop, "size", Value{"big"}) && ann->sync());
  const auto inbox = ann->edge->inbox();
  ASSERT_TRUE(inbox && inbox->size() == 1);
  const auto before = ann->disk->commit_count();
  ASSERT_TRUE(ann->edge->retry(inbox->front().id));
  EXPECT_EQ(ann->disk->commit_count(), before + 1);
  EXPECT_TRUE(ann->edge->inbox()->empty());
  EXPECT_EQ(ann->edge->pending_count(), 1U);
}

}  // namespace
}  // namespace satchel::test
