#include "schema/model/value.hpp"

#include <bit>

#include "schema/model/limits.hpp"
#include "schema/model/varint.hpp"

namespace satchel {
namespace {

enum Tag : std::uint8_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kInteger = 3,
  kFloat = 4,
  kText = 5,
  kData = 6,
  kStruct = 7,
  kList = 8
};

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

void append_tag(Bytes& out, Tag tag) { out += static_cast<char>(tag); }

// Tells bytes that nest too deeply from bytes that are wrong.
struct ValueReader : ByteReader {
  using ByteReader::ByteReader;
  bool too_deep = false;
};

Value read_value(ValueReader& in, std::size_t depth);

Value read_struct(ValueReader& in, std::size_t depth) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) in.fail();  // Every member takes at least one byte.
  StructMembers members;
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    const std::uint64_t ordinal = in.varint();
    const bool sorted = members.empty() || ordinal > members.back().first;
    if (ordinal > 0xFFFF || !sorted) in.fail();
    Value member = read_value(in, depth + 1);
    if (member.is_null()) in.fail();
    members.emplace_back(static_cast<std::uint16_t>(ordinal), std::move(member));
  }
  return Value{std::move(members)};
}

Value read_list(ValueReader& in, std::size_t depth) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) in.fail();
  ListElements elements;
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    elements.push_back(read_value(in, depth + 1));
  }
  return Value{std::move(elements)};
}

Value read_value(ValueReader& in, std::size_t depth) {
  if (depth > limits::kValueDepthMax) {
    in.too_deep = true;
    in.fail();
  }
  switch (in.u8()) {
    case kNull: return Value{};
    case kFalse: return Value{false};
    case kTrue: return Value{true};
    case kInteger: return Value{unzigzag(in.varint())};
    case kFloat: return Value{std::bit_cast<double>(in.u64())};
    case kText: return Value{std::string{in.sized()}};
    case kData: return Value{Data{Bytes{in.sized()}}};
    case kStruct: return read_struct(in, depth);
    case kList: return read_list(in, depth);
    default: in.fail(); return Value{};
  }
}

}  // namespace

void append_value(Bytes& out, const Value& value) {
  std::visit(Overload{
                 [&](std::monostate) { append_tag(out, kNull); },
                 [&](bool b) { append_tag(out, b ? kTrue : kFalse); },
                 [&](std::int64_t i) { append_tag(out, kInteger), append_varint(out, zigzag(i)); },
                 [&](double d) {
                   append_tag(out, kFloat), append_u64(out, std::bit_cast<std::uint64_t>(d));
                 },
                 [&](const std::string& text) { append_tag(out, kText), append_sized(out, text); },
                 [&](const Data& data) { append_tag(out, kData), append_sized(out, data.bytes); },
                 [&](const StructMembers& members) {
                   append_tag(out, kStruct), append_varint(out, members.size());
                   for (const auto& [ordinal, member] : members) {
                     append_varint(out, ordinal);
                     append_value(out, member);
                   }
                 },
                 [&](const ListElements& elements) {
                   append_tag(out, kList), append_varint(out, elements.size());
                   for (const Value& element : elements) append_value(out, element);
                 },
             },
             value.of);
}

Bytes encode_value(const Value& value) {
  Bytes out;
  append_value(out, value);
  return out;
}

Result<Value> decode_value(ByteView bytes) {
  ValueReader in{bytes};
  Value value = read_value(in, 1);
  if (in.too_deep) {
    return Error{Errc::kLimitExceeded, "a value has at most " +
                                           std::to_string(limits::kValueDepthMax) + " levels"};
  }
  if (!in.finished()) return Error{Errc::kRecordMalformed, "a value's bytes are not canonical"};
  return value;
}

}  // namespace satchel
