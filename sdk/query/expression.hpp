// A query expression, read and typed against its collection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sdk {

// Names what is compared: a field, an entry of a map, a member of a struct. Value type; its field
// lives as long as the catalog it was resolved in.
struct Path {
  enum class Root : std::uint8_t { kField, kId, kModifiedAt };
  Root root = Root::kField;
  const schema::FieldDef* field = nullptr;  // Of kField.
  std::optional<Bytes> map_key;             // Encoded; without it any entry of a map counts.
  std::vector<std::uint16_t> members;       // Ordinals, from the register's value inwards.
  schema::Type leaf;                        // What the path ends at.
};

enum class Comparison : std::uint8_t { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// One level of an expression. Two-valued: a comparison with something absent or withheld is false,
// and `!=` is the negation of `=`. Of a set, log or map any element counts.
struct Node {
  enum class Kind : std::uint8_t { kAll, kAnd, kOr, kNot, kCompare, kIn, kLike, kExists };
  Kind kind = Kind::kAll;
  std::vector<Node> children;  // Of kAnd, kOr (two or more) and kNot (one).
  Path path;
  Comparison comparison = Comparison::kEqual;
  std::vector<Value> literals;  // Of kCompare (one) and kIn; typed as the path's leaf.
  std::string pattern;          // Of kLike: % stands for any text, _ for one character.
};

struct OrderBy {
  Path path;
  bool descending = false;
};

// Resolves "id", "modifiedAt" or a field with dots into maps and structs. kFieldUnknown.
Result<Path> resolve_path(const schema::CollectionDef& collection, std::string_view text);

// Empty text is kAll. kQueryInvalid with the column (from 1), kLimitExceeded (kQueryBytesMax,
// kQueryDepthMax).
Result<Node> parse_expression(const schema::CollectionDef& collection, std::string_view text);

// "name,-createdAt". kQueryInvalid.
Result<std::vector<OrderBy>> parse_order(const schema::CollectionDef& collection,
                                         std::string_view text);

}  // namespace satchel::sdk
