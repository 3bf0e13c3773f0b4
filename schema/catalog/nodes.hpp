// The Cap'n Proto side of a schema: its nodes by id, and the ids that annotations.capnp gives to
// its words. Includes Cap'n Proto: for schema/catalog and schema/compiler alone. Readers throw
// kj::Exception on hostile bytes; the wall that catches it is guarded() of load.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include <capnp/schema.capnp.h>

namespace satchel::schema {

using NodeReader = capnp::schema::Node::Reader;
using NodeIndex = std::map<std::uint64_t, NodeReader>;

namespace word {
inline constexpr std::uint64_t kCollection = 0xb6b51d3a8e1c0f01;
inline constexpr std::uint64_t kLife = 0xb6b51d3a8e1c0f02;
inline constexpr std::uint64_t kScopes = 0xb6b51d3a8e1c0f03;
inline constexpr std::uint64_t kSubject = 0xb6b51d3a8e1c0f04;
inline constexpr std::uint64_t kSubjectIf = 0xb6b51d3a8e1c0f05;
inline constexpr std::uint64_t kAgenda = 0xb6b51d3a8e1c0f0a;
inline constexpr std::uint64_t kHistory = 0xb6b51d3a8e1c0f0b;
inline constexpr std::uint64_t kMerge = 0xb6b51d3a8e1c0f10;
inline constexpr std::uint64_t kValues = 0xb6b51d3a8e1c0f11;
inline constexpr std::uint64_t kStages = 0xb6b51d3a8e1c0f12;
inline constexpr std::uint64_t kPrivacy = 0xb6b51d3a8e1c0f13;
inline constexpr std::uint64_t kRetention = 0xb6b51d3a8e1c0f14;
inline constexpr std::uint64_t kReference = 0xb6b51d3a8e1c0f15;
inline constexpr std::uint64_t kWriters = 0xb6b51d3a8e1c0f16;
inline constexpr std::uint64_t kIndex = 0xb6b51d3a8e1c0f17;
inline constexpr std::uint64_t kSearch = 0xb6b51d3a8e1c0f18;
inline constexpr std::uint64_t kRequired = 0xb6b51d3a8e1c0f19;
inline constexpr std::uint64_t kUnit = 0xb6b51d3a8e1c0f1a;
inline constexpr std::uint64_t kFrozenFrom = 0xb6b51d3a8e1c0f1b;
inline constexpr std::uint64_t kRetentionFrom = 0xb6b51d3a8e1c0f1c;
inline constexpr std::uint64_t kReopens = 0xb6b51d3a8e1c0f1d;
}  // namespace word

namespace type_id {
inline constexpr std::uint64_t kMap = 0xc1d0a8f5e7b20a01;
inline constexpr std::uint64_t kAttachment = 0xc1d0a8f5e7b20a02;
inline constexpr std::uint64_t kRecordCommon = 0xc1d0a8f5e7b20a03;
inline constexpr std::uint64_t kInteger = 0xc1d0a8f5e7b20a04;
inline constexpr std::uint64_t kReal = 0xc1d0a8f5e7b20a05;
inline constexpr std::uint64_t kFlag = 0xc1d0a8f5e7b20a06;
}  // namespace type_id

inline std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
// "Order.Signature"; the nodes of a compiled schema carry no file name.
inline std::string_view type_name_of(NodeReader node) {
  const std::string_view name = view(node.getDisplayName());
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}
inline bool is_collection(NodeReader node) {
  if (!node.isStruct()) return false;
  for (const auto annotation : node.getAnnotations()) {
    if (annotation.getId() == word::kCollection) return true;
  }
  return false;
}
// Names become JSON members, query words and CLI words.
bool is_name(std::string_view text);

}  // namespace satchel::schema
