#include "schema/catalog/type_reader.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <string>

#include "schema/model/limits.hpp"

namespace satchel::schema {

using CapnpType = capnp::schema::Type;

bool is_name(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
  };
  return !text.empty() && text.size() <= limits::kSchemaNameBytesMax &&
         std::isalpha(static_cast<unsigned char>(text.front())) != 0 &&
         std::ranges::all_of(text, is_letter_or_digit);
}

namespace {

template <class Integer>
Type integer_type() {
  Type type;
  type.kind = Kind::kInteger;
  type.min = std::numeric_limits<Integer>::min();
  type.max = std::numeric_limits<Integer>::max();
  return type;
}

Type plain(Kind kind) {
  Type type;
  type.kind = kind;
  return type;
}

// Types without parts; nothing for all others.
std::optional<Type> scalar_type(CapnpType::Which which) {
  switch (which) {
    case CapnpType::BOOL: return plain(Kind::kBool);
    case CapnpType::INT8: return integer_type<std::int8_t>();
    case CapnpType::INT16: return integer_type<std::int16_t>();
    case CapnpType::INT32: return integer_type<std::int32_t>();
    case CapnpType::INT64: return integer_type<std::int64_t>();
    case CapnpType::UINT8: return integer_type<std::uint8_t>();
    case CapnpType::UINT16: return integer_type<std::uint16_t>();
    case CapnpType::UINT32: return integer_type<std::uint32_t>();
    case CapnpType::UINT64: {
      Type type = integer_type<std::int64_t>();
      type.min = 0;
      return type;
    }
    case CapnpType::FLOAT32:
    case CapnpType::FLOAT64: return plain(Kind::kFloat);
    case CapnpType::TEXT: return plain(Kind::kText);
    case CapnpType::DATA: return plain(Kind::kData);
    default: return std::nullopt;
  }
}

std::optional<Type> boxed_type(std::uint64_t id) {
  if (id == type_id::kInteger) return integer_type<std::int64_t>();
  if (id == type_id::kReal) return plain(Kind::kFloat);
  if (id == type_id::kFlag) return plain(Kind::kBool);
  return std::nullopt;
}

bool has_bindings(capnp::schema::Brand::Reader brand) { return brand.getScopes().size() != 0; }

}  // namespace

bool TypeReader::mark_as_time(Type& type) {
  if (type.kind == Kind::kInteger) {
    type.time = type.max == INT64_MAX;
    return type.time;
  }
  if (type.kind != Kind::kList && type.kind != Kind::kMap) return false;
  Type element = *type.element;
  if (!mark_as_time(element)) return false;
  type.element = std::make_shared<const Type>(std::move(element));
  return true;
}

std::optional<Type> TypeReader::read_field(CapnpType::Reader type, const Place& place) {
  if (type.isStruct() && type.getStruct().getTypeId() == type_id::kMap) {
    return read_map(type, place);
  }
  auto read_type = read(type, place);
  if (!read_type) return std::nullopt;
  // A list's element or a set's is one value of its own, but the whole may be one value too.
  if (read_type->levels > limits::kValueDepthMax) {
    complaints_.add(place, "the type has more than " + std::to_string(limits::kValueDepthMax) +
                               " levels of structs and lists; flatten it");
    return std::nullopt;
  }
  return std::move(read_type->type);
}

std::optional<Type> TypeReader::read_map(CapnpType::Reader type, const Place& place) {
  Type map = plain(Kind::kMap);
  for (const auto scope : type.getStruct().getBrand().getScopes()) {
    if (scope.getScopeId() != type_id::kMap || !scope.isBind() || scope.getBind().size() != 2) {
      continue;
    }
    const auto bindings = scope.getBind();
    if (!bindings[0].isType() || !bindings[1].isType()) continue;
    if (!bindings[0].getType().isText()) {
      complaints_.add(place, "the key of a Map is Text; write Map(Text, ...)");
      return std::nullopt;
    }
    auto value = read_field(bindings[1].getType(), place);
    if (!value) return std::nullopt;
    if (value->kind == Kind::kMap) break;
    map.key = std::make_shared<const Type>(plain(Kind::kText));
    map.element = std::make_shared<const Type>(std::move(*value));
    return map;
  }
  complaints_.add(place, "a Map needs a key and a value that is no map; write Map(Text, ...)");
  return std::nullopt;
}

std::optional<TypeReader::Measured> TypeReader::read(CapnpType::Reader type, const Place& place) {
  if (const auto scalar = scalar_type(type.which())) return Measured{*scalar, 1};
  switch (type.which()) {
    case CapnpType::LIST: return read_list(type.getList().getElementType(), place);
    case CapnpType::STRUCT: {
      const auto structure = type.getStruct();
      if (structure.getTypeId() == type_id::kMap) {
        complaints_.add(place,
                        "a Map is the type of a collection's field and of nothing inside it");
        return std::nullopt;
      }
      if (has_bindings(structure.getBrand())) {
        complaints_.add(place, "only Map takes parameters; write the struct out");
        return std::nullopt;
      }
      return read_struct(structure.getTypeId(), place);
    }
    case CapnpType::ENUM:
      complaints_.add(place,
                      "an enum is not a field's type, since devices could not read a later "
                      "enumerant; use Text");
      return std::nullopt;
    default:
      complaints_.add(place,
                      "this is not a type of data; use Bool, an integer, a float, Text, Data, "
                      "a struct, a List or a Map");
      return std::nullopt;
  }
}

std::optional<TypeReader::Measured> TypeReader::read_list(CapnpType::Reader element,
                                                          const Place& place) {
  auto read_element = read(element, place);
  if (!read_element) return std::nullopt;
  Measured list{plain(Kind::kList), read_element->levels + 1};
  list.type.element = std::make_shared<const Type>(std::move(read_element->type));
  return list;
}

std::optional<TypeReader::Measured> TypeReader::read_struct(std::uint64_t id, const Place& place) {
  if (const auto boxed = boxed_type(id)) return Measured{*boxed, 1};
  const auto read_type = structure(id, place);
  if (!read_type) return std::nullopt;
  Measured measured{plain(id == type_id::kAttachment ? Kind::kAttachment : Kind::kStruct),
                    read_type->levels};
  measured.type.structure = read_type->structure;
  return measured;
}

std::optional<TypeReader::MeasuredStruct> TypeReader::structure(std::uint64_t id,
                                                                const Place& place) {
  if (const auto known = done_.find(id); known != done_.end()) {
    if (known->second.structure == nullptr) return std::nullopt;  // Complained of before.
    return known->second;
  }
  const auto node = nodes_.find(id);
  if (node == nodes_.end() || !node->second.isStruct()) {
    complaints_.add(place, "the struct that this names is not part of the schema");
    return std::nullopt;
  }
  const bool met_before = !open_.insert(id).second;
  if (met_before || open_.size() > limits::kValueDepthMax) {
    if (!met_before) open_.erase(id);
    complaints_.add(place,
                    "a struct may not hold itself, nor nest too deeply; refer to a record instead");
    return std::nullopt;
  }
  const auto definition = node->second.getStruct();
  const std::string_view name = type_name_of(node->second);
  MeasuredStruct result;
  auto type = std::make_shared<StructType>();
  type->name = name;
  bool sound =
      definition.getDiscriminantCount() == 0 && definition.getFields().size() <= limits::kFieldsMax;
  if (!sound) {
    complaints_.add({id, name, "union"}, "a union cannot merge, nor can more than 256 members");
  }
  for (const auto field : definition.getFields()) {
    const Place member{id, name, view(field.getName())};
    if (sound) sound = read_member(field, member, *type, result.levels);
  }
  open_.erase(id);
  std::ranges::sort(type->members, {}, &StructMember::ordinal);
  const auto same = std::ranges::adjacent_find(type->members, {}, &StructMember::ordinal);
  if (sound && same != type->members.end()) {
    complaints_.add({id, name, same->name}, "two members have this ordinal");
    sound = false;
  }
  if (sound) result.structure = std::move(type);
  done_.emplace(id, result);
  if (!sound) return std::nullopt;
  return result;
}

bool TypeReader::read_member(capnp::schema::Field::Reader field, const Place& place,
                             StructType& into, std::size_t& levels) {
  if (!field.isSlot() || !field.getOrdinal().isExplicit()) {
    complaints_.add(place, "a group cannot merge; make it a struct");
    return false;
  }
  if (!is_name(place.member) || into.find(place.member) != nullptr) {
    complaints_.add(place, "a member's name is letters and digits, and its own");
    return false;
  }
  if (field.getSlot().getHadExplicitDefault()) {
    complaints_.add(place, "a member that nobody wrote is absent; take the default value out");
    return false;
  }
  auto member = read(field.getSlot().getType(), place);
  if (!member) return false;
  levels = std::max(levels, member->levels + 1);
  for (const auto annotation : field.getAnnotations()) {
    if (annotation.getId() == word::kUnit && annotation.getValue().isText() &&
        view(annotation.getValue().getText()) == "us" && !mark_as_time(member->type)) {
      complaints_.add(place, "$unit(\"us\") is for Int64");
      return false;
    }
  }
  into.members.push_back(
      {field.getOrdinal().getExplicit(), std::string{place.member}, member->type});
  return true;
}

}  // namespace satchel::schema
