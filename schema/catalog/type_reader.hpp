// Cap'n Proto types as the product's types.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "schema/catalog/catalog.hpp"
#include "schema/catalog/complaints.hpp"
#include "schema/catalog/nodes.hpp"

namespace satchel::schema {

// Thread-bound; the nodes and the complaints outlive it. Each struct is read once and shared.
class TypeReader {
 public:
  TypeReader(const NodeIndex& nodes, Complaints& complaints)
      : nodes_(nodes), complaints_(complaints) {}

  // The type of a collection's field; a map is allowed here and nowhere deeper. Nothing, having
  // complained.
  std::optional<Type> read_field(capnp::schema::Type::Reader type, const Place& place);
  // Says of a type that its numbers are microseconds, if they are whole numbers of 64 bits.
  static bool mark_as_time(Type& type);

 private:
  struct Measured {
    Type type;
    std::size_t levels = 1;
  };
  struct MeasuredStruct {
    std::shared_ptr<const StructType> structure;
    std::size_t levels = 1;
  };

  std::optional<Measured> read(capnp::schema::Type::Reader type, const Place& place);
  std::optional<Measured> read_list(capnp::schema::Type::Reader element, const Place& place);
  std::optional<Measured> read_struct(std::uint64_t id, const Place& place);
  std::optional<Type> read_map(capnp::schema::Type::Reader type, const Place& place);
  std::optional<MeasuredStruct> structure(std::uint64_t id, const Place& place);
  bool read_member(capnp::schema::Field::Reader field, const Place& place, StructType& into,
                   std::size_t& levels);

  const NodeIndex& nodes_;
  Complaints& complaints_;
  std::map<std::uint64_t, MeasuredStruct> done_;
  std::set<std::uint64_t> open_;  // Structs being read: meeting one again is a cycle.
};

}  // namespace satchel::schema
