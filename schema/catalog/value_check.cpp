#include <algorithm>
#include <cmath>

#include "schema/catalog/json.hpp"

namespace satchel::schema {
namespace {

bool conforms(const Type& type, const Value& value, std::string& pointer);

bool members_conform(const StructType& type, const StructMembers& members, std::string& pointer) {
  for (const auto& [ordinal, value] : members) {
    const auto known = std::ranges::lower_bound(type.members, ordinal, {}, &StructMember::ordinal);
    if (known == type.members.end() || known->ordinal != ordinal) continue;
    const std::size_t size = pointer.size();
    pointer.append("/").append(known->name);
    if (!conforms(known->type, value, pointer)) return false;
    pointer.resize(size);
  }
  return true;
}

bool elements_conform(const Type& element, const ListElements& elements, std::string& pointer) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const std::size_t size = pointer.size();
    pointer.append("/").append(std::to_string(i));
    if (!conforms(element, elements[i], pointer)) return false;
    pointer.resize(size);
  }
  return true;
}

bool conforms(const Type& type, const Value& value, std::string& pointer) {
  switch (type.kind) {
    case Kind::kBool: return value.as<bool>() != nullptr;
    case Kind::kInteger: {
      const auto* number = value.as<std::int64_t>();
      return number != nullptr && *number >= type.min && *number <= type.max;
    }
    case Kind::kFloat: {
      const auto* number = value.as<double>();
      return number != nullptr && std::isfinite(*number) &&
             !(*number == 0 && std::signbit(*number));
    }
    case Kind::kText: {
      const auto* text = value.as<std::string>();
      return text != nullptr && is_utf8(*text);
    }
    case Kind::kData: return value.as<Data>() != nullptr;
    case Kind::kStruct:
    case Kind::kAttachment: {
      const auto* members = value.as<StructMembers>();
      return members != nullptr && members_conform(*type.structure, *members, pointer);
    }
    case Kind::kList: {
      const auto* elements = value.as<ListElements>();
      return elements != nullptr && elements_conform(*type.element, *elements, pointer);
    }
    case Kind::kMap: return false;  // Its entries are registers of their own.
  }
  return false;
}

}  // namespace

Status check_value(const Type& type, const Value& value) {
  std::string pointer;
  if (value.is_null() || conforms(type, value, pointer)) return {};
  return Error{Errc::kTypeMismatch, "at \"" + pointer + "\": not of the schema's type"};
}

}  // namespace satchel::schema
