// What is wrong with a schema, collected so that its author sees all of it at once.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "schema/model/error.hpp"

namespace satchel::schema {

// A struct, or one member of it. Views into the nodes that are being read.
struct Place {
  std::uint64_t node = 0;
  std::string_view type_name;  // "Order.Signature"
  std::string_view member;     // Empty for the struct itself.
};

// Thread-bound.
class Complaints {
 public:
  struct Position {
    std::string file;
    unsigned line = 0;    // From 1; 0 where the text is not at hand.
    unsigned column = 0;  // From 1; 0 where only the declaration is known.
  };
  using Locate = std::function<Position(const Place&)>;

  explicit Complaints(Locate locate) : locate_(std::move(locate)) {}

  // `what` says what is wrong and what to do.
  void add(const Place& place, std::string_view what);
  void add_at(const Position& position, std::string_view what);
  [[nodiscard]] bool empty() const { return found_.empty(); }
  // kSchemaInvalid with one complaint a line, in the order of the text.
  [[nodiscard]] Error error() const;

 private:
  Locate locate_;
  std::set<std::tuple<std::string, unsigned, unsigned, std::string>> found_;
};

}  // namespace satchel::schema
