// Phones that are copied and put back, and one counter that says how often each write took effect.
// For tests only.
#pragma once

#include <initializer_list>
#include <string>

#include "tests/support/workplace.hpp"

namespace satchel::test {

struct CopiedPhones : TwoPhones {
  void add(Phone& phone, std::int64_t n) {
    const Status done = phone.add("accounts", shop, "visitCount", n);
    ASSERT_TRUE(done) << done.error().message();
  }
  // Everybody twice, so that each has heard of all.
  void all_sync(std::initializer_list<Phone*> phones) {
    for (int round = 0; round < 2; ++round) {
      for (Phone* phone : phones) {
        const Status done = phone->sync_as_host();
        ASSERT_TRUE(done) << "round " << round << ": " << done.error().message();
        EXPECT_EQ(phone->edge->pending_count(), 0U);
      }
    }
  }
  std::string at_hub(const std::string& field) {
    return hub_shows(office, *ann, "accounts", shop, field);
  }
  std::size_t siblings_at_hub(const std::string& field) {
    const auto* def = office.hub->catalog()->find("accounts")->find(field);
    return (*office.hub->find_record(shop))->find(def->id)->state.siblings.size();
  }
};

}  // namespace satchel::test
