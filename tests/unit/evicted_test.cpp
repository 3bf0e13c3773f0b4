// A server that takes away what it likes: what a device has not sent outlives it.
#include "sync/page/page.hpp"
#include "tests/support/workplace.hpp"

namespace satchel::test {
namespace {

struct Evicted : TwoPhones {
  std::vector<RecordId> shops;

  Evicted() {
    for (int i = 0; i < 20; ++i) shops.push_back(ann->create("accounts", "size", Value{"small"}));
    EXPECT_TRUE(ann->sync() && bob->sync());
  }
  // A connection of ann's phone on which the server is honest until it has said welcome.
  void welcome(sync::EdgeSession& edge) {
    sync::HubSession hub = office.session();
    for (bool said = false; !said;) {
      office.work_for(hub);
      const auto up = edge.generate();
      if (*up) {
        ASSERT_TRUE(hub.receive(**up));
      }
      const auto down = hub.generate();
      if (!*down) continue;
      said = std::holds_alternative<wire::Welcome>(*wire::decode_frame(**down));
      ASSERT_TRUE(edge.receive(**down));
    }
  }
  // Every record there is, and some that there are not.
  Bytes everything_goes(const char* scope) {
    sync::PageWriter writer{office.store->numbers()};
    const CollectionId accounts = crm()->find("accounts")->id;
    for (const RecordId& id : shops) writer.add_evict(accounts, id, scope);
    writer.add_evict(accounts, shop, scope);
    RecordId nobody;
    nobody.octets.fill(0xEE);
    writer.add_evict(accounts, nobody, scope);
    return writer.finish();
  }
  Status hear(sync::EdgeSession& session, wire::Changes changes) {
    changes.cursor = ann->edge->state().cursor;
    return session.receive(wire::encode_frame(changes, false));
  }
};

TEST_F(Evicted, EverythingByAHostileServerLeavesTheOutboxAsItWas) {
  ASSERT_TRUE(ann->set("accounts", shops[0], "size", Value{"large"}));
  ASSERT_TRUE(ann->add("accounts", shops[1], "visitCount", 3));
  ASSERT_TRUE(ann->erase("accounts", shops[2]));
  const RecordId made = ann->create("accounts", "size", Value{"new"});
  const std::vector<wire::Commit> unsent = ann->unsent();
  ASSERT_EQ(unsent.size(), 4U);

  sync::EdgeSession session = ann->session();
  welcome(session);
  for (const char* scope : {"territory:north", "owner:ann", "*", "", "nobody's"}) {
    wire::Changes changes;
    changes.page = everything_goes(scope);
    ASSERT_TRUE(hear(session, changes));
  }
  wire::Changes nothing;  // And a beginning that has nothing in it.
  nothing.restart = nothing.caught_up = true;
  ASSERT_TRUE(hear(session, nothing));

  EXPECT_EQ(ann->unsent(), unsent);
  ann->restart();
  EXPECT_EQ(ann->unsent(), unsent) << "also on the disk";
  EXPECT_EQ(ann->shows("accounts", made, "size"), "\"new\"") << "what was made here is shown";

  ASSERT_TRUE(ann->sync() && bob->sync());
  EXPECT_TRUE(ann->unsent().empty());
  EXPECT_EQ(*ann->edge->count_inbox(), 0U);
  EXPECT_EQ(bob->shows("accounts", shops[0], "size"), "\"large\"");
  EXPECT_EQ(bob->shows("accounts", shops[1], "visitCount"), "3");
  EXPECT_EQ(bob->shows("accounts", shops[2], "size"), "dead");
  EXPECT_EQ(bob->shows("accounts", made, "size"), "\"new\"");
}

}  // namespace
}  // namespace satchel::test
