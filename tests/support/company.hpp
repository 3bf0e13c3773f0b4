// An office and two reps, and what all three of them must show. For tests only.
#pragma once

#include <string>

#include "tests/support/workplace.hpp"

namespace satchel::test {

struct Company : TwoReps {
  using TwoReps::TwoReps;
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
};

}  // namespace satchel::test
