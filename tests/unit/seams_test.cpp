// Places where later versions will build on, each held open by a test (docs/TESTING.md has the
// table): nothing here may be lost because this version has no use for it.
#include "sync/edge/rows.hpp"
#include "sync/hub/rows.hpp"
#include "sync/record/header.hpp"
#include "tests/support/stored_records.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

using sync::Role;
using sync::Table;

struct Seams : testing::Test, TwoReps {
  void everybody_syncs() {
    for (Phone* phone : {ann.get(), bob.get(), ann.get()}) {
      const Status synced = phone->sync();
      ASSERT_TRUE(synced) << synced.error().message();
    }
  }
  RecordId shared_account() {
    const RecordId id = ann->create("accounts", "industry", Value{"retail"});
    everybody_syncs();
    return id;
  }
};

// ---- The four doors -----------------------------------------------------------------------------

TEST_F(Seams, TheDeviceIsAskedForThePurposeOfEveryRead) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->edge->shown(id, "ServiceProvision"));
  EXPECT_EQ(ann->edge->shown(id, "Mischief").error().code, Errc::kPolicyDenied);
  const auto nothing = [](const sync::Record&) { return true; };
  const CollectionId accounts = crm()->find("accounts")->id;
  EXPECT_EQ(ann->edge->visit(accounts, "Mischief", nothing).error().code, Errc::kPolicyDenied);
}

TEST_F(Seams, TheDeviceAsksBeforeEveryWrite) {
  EXPECT_EQ(ann->edge->begin_write("Mischief").error().code, Errc::kPolicyDenied);
  const RecordId id = shared_account();
  office.add_user("otto", Role::kAuditor);
  Phone auditor{office, "otto", Role::kAuditor, 33};
  ASSERT_TRUE(auditor.sync());
  const Status refused = auditor.set("accounts", id, "size", Value{"big"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPolicyDenied);
  EXPECT_NE(refused.error().context.find("rule "), std::string::npos) << refused.error().context;
}

TEST_F(Seams, TheServerJudgesActorAndPurposeOfEveryCommit) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  const auto commits = ann->unsent();
  ASSERT_EQ(commits.size(), 1U);
  const auto verdict = [&](const std::function<void(wire::CommitHeader&)>& change, Role role) {
    auto changed = commits;
    change(changed[0].header);
    changed[0].header.content_hash = sync::content_hash(changed[0].header, changed[0].sections);
    auto txn = office.hub->begin();
    const auto outcome = (*txn)->ingest({ann->edge->state().replica, "ann", role, changed});
    SATCHEL_ASSERT(outcome && outcome->results.size() == 1);
    return outcome->results[0];  // Rolled back with the transaction.
  };
  const auto unchanged = [](wire::CommitHeader&) {};
  EXPECT_EQ(verdict(unchanged, Role::kRep).outcome, wire::Outcome::kApplied);
  EXPECT_EQ(verdict(unchanged, Role::kAuditor).outcome, wire::Outcome::kDenied);
  EXPECT_EQ(verdict([](auto& h) { h.purpose = "Mischief"; }, Role::kRep).rule, "unknown-purpose");
  EXPECT_EQ(verdict([](auto& h) { h.actor = "bob"; }, Role::kRep).rule, "actor");
}

TEST_F(Seams, TheServerSelectsByActorAndPurpose) {
  shared_account();
  const auto user = office.hub->find_user("bob");
  const sync::Entitlement entitlement = office.hub->entitlement_of(**user);
  const auto records = [&](const std::string& purpose, const sync::Entitlement& of) {
    const auto page = office.hub->changes_after({of, purpose, {}, {}, 0, 1 << 20});
    SATCHEL_ASSERT(page.has_value());
    return page->body.find("retail") != Bytes::npos;
  };
  EXPECT_TRUE(records(std::string{sync::kDefaultPurpose}, entitlement));
  EXPECT_FALSE(records("Mischief", entitlement));
  sync::Entitlement nobody = entitlement;
  nobody.role = static_cast<Role>(99);
  EXPECT_FALSE(records(std::string{sync::kDefaultPurpose}, nobody));
}

// ---- The workspace ------------------------------------------------------------------------------

TEST_F(Seams, AHelloOfAnotherWorkspaceIsRefused) {
  Office other;
  other.workspace.octets[0] = 8;
  office.workspace = other.workspace;  // What the next device is told; the hub has its own.
  office.add_user("zoe", Role::kRep);
  Phone stranger{office, "zoe", Role::kRep, 34};
  const Status synced = stranger.sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, Errc::kWorkspaceMismatch);
}

// ---- Stored records -----------------------------------------------------------------------------

// Rewrites the stored header of a record as a later version might leave it.
void change_header(sync::Store& store, const RecordId& id,
                   const std::function<void(Bytes& header)>& change) {
  sync::StoredRecord record = stored_record(store, id);
  change(record.header);
  put_stored(store, std::move(record));
}
void give_extras(sync::Store& store, const RecordId& id, const Bytes& extras) {
  change_header(store, id, [&](Bytes& header) {
    auto read = sync::decode_header(header, store.numbers());
    ASSERT_TRUE(read);
    read->extras = extras;
    header = sync::encode_header(*read, store.numbers());
  });
}
Bytes extras_in(sync::Store& store, const RecordId& id) {
  const auto header = sync::decode_header(stored_record(store, id).header, store.numbers());
  return header ? header->extras : Bytes{"unreadable"};
}

TEST_F(Seams, WhatALaterVersionPutIntoARecordsHeaderOutlivesRewriting) {
  const RecordId id = shared_account();
  const Bytes later{"\x07later\x00\xFF", 8};
  give_extras(*office.store, id, later);
  give_extras(*ann->store, id, later + "ann");
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->erase("accounts", id));
  ASSERT_TRUE(ann->restore_record("accounts", id));
  everybody_syncs();
  ASSERT_TRUE(bob->set("accounts", id, "size", Value{"small"}));
  everybody_syncs();
  everybody_syncs();
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "size"), "\"small\"");
  EXPECT_EQ(extras_in(*office.store, id), later);
  EXPECT_EQ(ann->shows("accounts", id, "size"), "\"small\"");
  EXPECT_EQ(extras_in(*ann->store, id), later + "ann");
}

TEST_F(Seams, ARecordOfANewerFormatIsRefusedWithAnErrorOfItsOwn) {
  const RecordId id = shared_account();
  change_header(*office.store, id, [](Bytes& header) { header[0] = 2; });
  const auto record = office.hub->find_record(id);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Errc::kRecordNewer);
  EXPECT_EQ(record.error().context, "record header format 2");
}

TEST_F(Seams, ASegmentNamesItsClassGenerationAndSubjects) {
  sync::Segment segment;
  segment.privacy = PrivacyClass::kPersonal;
  segment.generation = 3;
  segment.subjects = {SubjectRef{}};
  wire::Commit commit;
  commit.sections = {{segment.privacy,
                      segment.generation,
                      {segment.subjects.begin(), segment.subjects.end()},
                      "bytes"}};
  EXPECT_EQ(wire::decode_commit(wire::encode_commit(commit))->sections, commit.sections);
}

// ---- Commits ------------------------------------------------------------------------------------

TEST_F(Seams, ACommitSaysWhoForWhatUnderWhichBundleAndOnWhatItIsBased) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  const auto commits = ann->unsent();
  ASSERT_EQ(commits.size(), 1U);
  const wire::CommitHeader& header = commits[0].header;
  EXPECT_EQ(header.actor, "ann");
  EXPECT_EQ(header.purpose, sync::kDefaultPurpose);
  EXPECT_EQ(header.bundle_version, sync::builtin_bundle().version);
  EXPECT_EQ(header.schema_hash, crm()->hash());
  EXPECT_EQ(header.based_on.incarnation, office.hub->state().incarnation);
  EXPECT_EQ(header.based_on.seq, office.hub->state().seq);
  EXPECT_FALSE(header.based_on.epochs.empty());
}

wire::CommitHeader header_in_log(Office& office, Sequence seq) {
  auto txn = office.store->begin_read();
  const auto row = (*txn)->find(Table::kCommits, sync::big_key(seq));
  SATCHEL_ASSERT(row && *row);
  return *wire::decode_commit_header(sync::decode_commit_row(**row)->header);
}

// A device of a later version made the commit; this one keeps it in its outbox, sends it, keeps it
// until it is backed up, and offers it to a server that was restored.
TEST_F(Seams, UnknownFieldsOfACommitsHeaderGoThroughOutboxLogAndRestore) {
  const RecordId id = shared_account();
  const auto backup = office.disk->snapshot();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  const std::uint64_t number = ann->edge->state().next_commit - 1;
  const std::vector<std::pair<std::uint16_t, Bytes>> extras{{900, Bytes{"\x00\xFF later", 8}},
                                                            {901, ""}};
  {
    auto txn = ann->store->begin_write();
    auto commit = *sync::find_commit(**txn, Table::kOutbox, number);
    ASSERT_TRUE(commit);
    commit->header.extras = extras;
    commit->header.signature = "signed by hand";
    commit->header.content_hash = sync::content_hash(commit->header, commit->sections);
    ASSERT_TRUE(sync::put_commit(**txn, Table::kOutbox, number, *commit) && (*txn)->commit());
  }
  ann->restart();
  everybody_syncs();
  EXPECT_EQ(bob->shows("accounts", id, "size"), "\"big\"");
  EXPECT_EQ(header_in_log(office, office.hub->state().seq).extras, extras);
  EXPECT_EQ(header_in_log(office, office.hub->state().seq).signature, "signed by hand");

  office.restore(backup);
  ASSERT_FALSE(ann->sync()) << "the first to know more makes the server begin a new life";
  everybody_syncs();
  EXPECT_EQ(bob->shows("accounts", id, "size"), "\"big\"");
  EXPECT_EQ(header_in_log(office, office.hub->state().seq).extras, extras) << "offered again";
}

TEST_F(Seams, EveryRegisterHasASequenceOfItsOwnAndTheLogARowPerCommit) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  const Sequence at_size = office.hub->state().seq;
  ASSERT_TRUE(ann->set("accounts", id, "website", Value{"a.example"}));
  ASSERT_TRUE(ann->sync());
  const auto record = **office.hub->find_record(id);
  const auto seq_of = [&](const char* field) {
    return record.find(crm()->find("accounts")->find(field)->id)->seq;
  };
  EXPECT_EQ(seq_of("size"), at_size);
  EXPECT_EQ(seq_of("website"), at_size + 1);
  EXPECT_LT(seq_of("industry"), at_size);
  std::size_t rows = 0;
  auto txn = office.store->begin_read();
  ASSERT_TRUE((*txn)->scan(Table::kCommits, {}, [&](ByteView, ByteView) { return ++rows > 0; }));
  EXPECT_EQ(rows, office.hub->state().seq);
}

std::size_t kept_by(Phone& phone) {
  // Of each a row that says what became of it, and its content where it was while it waited.
  auto txn = phone.store->begin_read();
  const auto contents = sync::commit_places(**txn, Table::kOutbox);
  std::size_t rows = 0;
  const Status scanned =
      (*txn)->scan(Table::kCommits, {}, [&](ByteView, ByteView) { return ++rows > 0; });
  EXPECT_TRUE(scanned && contents->size() == rows);
  return rows;
}
TEST_F(Seams, ADeviceKeepsItsAcknowledgedCommitsUntilTheServerIsBackedUp) {
  const RecordId id = shared_account();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(kept_by(*ann), 2U);
  office.back_up();
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"small"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_EQ(kept_by(*ann), 1U) << "the last one is in no backup yet";
}

// ---- Sessions -----------------------------------------------------------------------------------

// One exchange that knows its two sides only as sessions.
Status exchange(Office& office, sync::Session& a, sync::Session& b) {
  for (int step = 0; step < 10'000; ++step) {
    bool moved = false;
    for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      while (auto work = from->take_work()) {
        auto txn = office.hub->begin();
        if (!txn) return txn.error();
        Status status = work->run(**txn);
        if (status) status = (*txn)->commit();
        work->done(status);
      }
      auto message = from->generate();
      if (!message) return message.error();
      if (!*message) continue;
      moved = true;
      SATCHEL_TRY(to->receive(**message));
    }
    if (!moved && a.quiet() && b.quiet()) return {};
  }
  return Error{Errc::kTimeout, "the exchange does not come to rest"};
}

TEST_F(Seams, AWholeExchangeNeedsNothingButTheOneFaceOfASession) {
  const RecordId id = ann->create("accounts", "industry", Value{"retail"});
  ASSERT_TRUE(ann->sync());
  const RecordId other = bob->create("accounts", "industry", Value{"steel"});
  const std::unique_ptr<sync::Session> hub = std::make_unique<sync::HubSession>(
      *office.hub, sync::HubSession::Config{Bytes(32, 'x'), 4096, {}});
  const std::unique_ptr<sync::Session> edge = std::make_unique<sync::EdgeSession>(
      *bob->edge, sync::EdgeSession::Config{Bytes(32, 'x'), *bob->signer});
  EXPECT_EQ(hub->role(), sync::SessionRole::kHub);
  EXPECT_EQ(edge->role(), sync::SessionRole::kEdge);
  const Status done = exchange(office, *hub, *edge);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(bob->shows("accounts", id, "industry"), "\"retail\"");
  EXPECT_EQ(hub_shows(office, *bob, "accounts", other, "industry"), "\"steel\"");
}

TEST_F(Seams, ReservedFrameKindsAreLetPassOnBothSides) {
  const RecordId id = ann->create("accounts", "industry", Value{"retail"});
  sync::HubSession hub = office.session();
  sync::EdgeSession edge = ann->session();
  ASSERT_TRUE(exchange(office, hub, edge));
  using wire::Kind;
  for (const Kind kind : {Kind::kPolicy, Kind::kConsent, Kind::kErasure, Kind::kLease,
                          Kind::kAuditHead, Kind::kBlobWant, Kind::kBlobData}) {
    const Bytes message =
        wire::encode_frame(wire::Other{static_cast<std::uint16_t>(kind), "later"}, false);
    EXPECT_TRUE(hub.receive(message)) << static_cast<int>(kind);
    EXPECT_TRUE(edge.receive(message)) << static_cast<int>(kind);
  }
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(exchange(office, hub, edge)) << "the session goes on";
  EXPECT_EQ(hub_shows(office, *ann, "accounts", id, "size"), "\"big\"");
}

// The hub is woken and told nothing: what it sends it reads from the store, which another process
// may have written.
TEST_F(Seams, ALiveSessionReadsWhatItSendsFromTheStore) {
  const RecordId id = shared_account();
  sync::HubSession hub = office.session();
  sync::EdgeSession edge = bob->session(true);
  ASSERT_TRUE(exchange(office, hub, edge));
  ASSERT_TRUE(ann->set("accounts", id, "size", Value{"big"}));
  ASSERT_TRUE(ann->sync());
  EXPECT_FALSE(hub.generate()->has_value()) << "nobody has woken it";
  hub.poke();
  ASSERT_TRUE(exchange(office, hub, edge));
  EXPECT_EQ(bob->shows("accounts", id, "size"), "\"big\"");
}

TEST_F(Seams, AnAttachmentIsAValueOfItsOwnKind) {
  const schema::FieldDef* photo = crm()->find("contacts")->find("photo");
  EXPECT_EQ(photo->type.kind, schema::Kind::kAttachment);
  const std::string json =
      R"({"class":"personal","hash":"AAEC","mediaType":"image/jpeg","size":3})";
  const auto value = schema::value_from_json(photo->type, json);
  ASSERT_TRUE(value) << value.error().message();
  const RecordId id = ann->create_of(office.make_account(), "contacts", "photo", *value);
  everybody_syncs();
  EXPECT_EQ(bob->shows("contacts", id, "photo"), json);
}

}  // namespace
}  // namespace satchel::test
