// The query language: an expression that is read prints to one that means the same, and the index
// that is chosen for it names every record that answers it.
#include <charconv>

#include "schema/catalog/built_in.hpp"
#include "sdk/query/evaluate.hpp"
#include "sdk/query/index.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/literals.hpp"
#include "tests/support/seeds.hpp"

namespace satchel::fuzz {
namespace {

using schema::Kind;
using schema::Rule;
using sdk::Node;

// ---- Records to be asked for --------------------------------------------------------------------

Value drawn(test::Gen& gen, const schema::Type& type) {
  static constexpr const char* kTexts[] = {"", "a", "Ab", "nordwind", "Nordwind KG", "\xC3\xA4x"};
  static constexpr std::int64_t kNumbers[] = {INT64_MIN, -1, 0, 1, 42, INT64_MAX};
  static constexpr double kReals[] = {-1e300, -0.5, 0.0, 1.0, 2.5, 9.3e18};
  switch (type.kind) {
    case Kind::kBool: return Value{gen.chance(50)};
    case Kind::kInteger: return Value{kNumbers[gen.below(6)]};
    case Kind::kFloat: return Value{kReals[gen.below(6)]};
    case Kind::kText: return Value{kTexts[gen.below(6)]};
    case Kind::kStruct: {
      StructMembers members;
      for (const auto& member : type.structure->members) {
        if (gen.chance(70)) members.emplace_back(member.ordinal, drawn(gen, member.type));
      }
      return Value{std::move(members)};
    }
    case Kind::kList: return Value{ListElements{drawn(gen, *type.element)}};
    default: return Value{Data{"x"}};
  }
}

void add_entry(test::Gen& gen, sync::Record& record, const schema::FieldDef& field) {
  Value value = drawn(gen, field.value_type());
  Bytes key;
  switch (field.rule) {
    case Rule::kSet:
    case Rule::kAccessSet:
      key = encode_value(value);
      value = Value{true};
      break;
    case Rule::kMap: key = encode_value(Value{"erp"}); break;
    case Rule::kLog: key = Bytes(26, 'k'); break;
    case Rule::kCounter:
    case Rule::kMax:
    case Rule::kMin: key = Bytes(16, 'r'); break;
    default: break;
  }
  const auto stamp = sync::Stamp::at_ms(1 + gen.below(1'000'000));
  record.at(field.id, key, field.privacy).state =
      sync::written(test::dot_named("ann:3"), stamp, encode_value(value), {});
}

struct Shelf {
  const schema::CollectionDef* collection = nullptr;
  std::vector<sync::Record> records;
  std::unique_ptr<sdk::Indexes> indexes;
};

const std::vector<Shelf>& shelves() {
  static const auto catalog = *schema::built_in_crm();
  static const auto all = [] {
    std::vector<Shelf> made(catalog->collections().size());
    test::Gen gen{5};
    for (std::size_t i = 0; i < made.size(); ++i) {
      Shelf& shelf = made[i];
      shelf.collection = &catalog->collections()[i];
      for (std::size_t n = 0; n < 16; ++n) {
        sync::Record& record = shelf.records.emplace_back();
        record.collection = shelf.collection->id;
        record.id.octets[15] = static_cast<std::uint8_t>(n);
        for (const schema::FieldDef& field : shelf.collection->fields) {
          if (gen.chance(60)) add_entry(gen, record, field);
        }
      }
      shelf.indexes = std::make_unique<sdk::Indexes>(
          [records = &shelf.records](CollectionId, std::string_view, const sync::FieldSelection*,
                                     const sync::Edge::VisitRecord& visit,
                                     std::vector<sync::UnreadableRecord>&) -> Status {
            for (const sync::Record& record : *records) static_cast<void>(visit(record));
            return {};
          });
    }
    return made;
  }();
  return all;
}

// ---- Expressions as text ------------------------------------------------------------------------

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string text_of(const Value& value) {
  if (const auto* text = value.as<std::string>()) return in_quotes(*text);
  if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
  if (const auto* number = value.as<std::int64_t>()) return std::to_string(*number);
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, *value.as<double>());
  std::string real{buffer, end};
  return real.find_first_of(".e") == std::string::npos ? real + ".0" : real;
}

std::string text_of(const sdk::Path& path) {
  if (path.root == sdk::Path::Root::kId) return "id";
  if (path.root == sdk::Path::Root::kModifiedAt) return "modifiedAt";
  std::string out = path.field->name;
  if (path.map_key) {
    const Value key = *decode_value(*path.map_key);
    out +=
        '.' + in_quotes(key.as<std::string>() != nullptr ? *key.as<std::string>() : text_of(key));
  }
  const schema::Type* type = &path.field->value_type();
  for (const std::uint16_t ordinal : path.members) {
    const auto& members = type->structure->members;
    const auto member = std::find_if(members.begin(), members.end(),
                                     [&](const auto& each) { return each.ordinal == ordinal; });
    law(member != members.end(), "a path leads to a member that is not there");
    out += '.' + member->name;
    type = &member->type;
  }
  return out;
}

std::string text_of(const Node& node);

std::string joined(const Node& node, const char* word) {
  std::string out;
  for (const Node& child : node.children) {
    out += (out.empty() ? "" : word) + ("(" + text_of(child) + ")");
  }
  return out;
}

std::string text_of(const Node& node) {
  static constexpr const char* kSigns[] = {"=", "<", "<=", ">", ">="};
  switch (node.kind) {
    case Node::Kind::kAll: return "";
    case Node::Kind::kAnd: return joined(node, " and ");
    case Node::Kind::kOr: return joined(node, " or ");
    case Node::Kind::kNot: return "not " + joined(node, "");
    case Node::Kind::kExists: return text_of(node.path) + " exists";
    case Node::Kind::kLike: return text_of(node.path) + " like " + in_quotes(node.pattern);
    case Node::Kind::kCompare:
      return text_of(node.path) + " " + kSigns[static_cast<std::size_t>(node.comparison)] + " " +
             text_of(node.literals.at(0));
    case Node::Kind::kIn: break;
  }
  std::string list;
  for (const Value& value : node.literals) list += (list.empty() ? "" : ", ") + text_of(value);
  return text_of(node.path) + " in (" + list + ")";
}

// ---- The laws -----------------------------------------------------------------------------------

void try_expression(const Shelf& shelf, std::string_view text) {
  const auto node = sdk::parse_expression(*shelf.collection, text);
  if (!node) return law(!node.error().context.empty(), "a refused expression has no reason");
  const std::string printed = text_of(*node);
  const auto again = sdk::parse_expression(*shelf.collection, printed);
  if (again) {
    law(text_of(*again) == printed, "an expression comes back from its text as another");
  } else {  // The text has more parentheses.
    law(again.error().code == Errc::kLimitExceeded, "the text of an expression is refused");
  }
  std::vector<RecordId> answers;
  for (const sync::Record& record : shelf.records) {
    const bool answer = sdk::matches(*node, record);
    if (answer) answers.push_back(record.id);
    law(!again || sdk::matches(*again, record) == answer, "the same expression answers otherwise");
  }
  const auto question = sdk::choose_index(*shelf.collection, *node);
  if (!question) return;
  if (shelf.indexes->built_count() > 200) shelf.indexes->clear();
  std::vector<sync::UnreadableRecord> unreadable;
  const auto candidates = shelf.indexes->candidates(*question, "care", unreadable);
  must(candidates, "an index is not built");
  law(std::includes(candidates->begin(), candidates->end(), answers.begin(), answers.end()),
      "an index leaves out a record that answers");
}

void try_order(const Shelf& shelf, std::string_view text) {
  const auto order = sdk::parse_order(*shelf.collection, text);
  if (!order) return;
  std::vector<sdk::SortKey> keys;
  for (const sync::Record& record : shelf.records) keys.push_back(sdk::sort_key(*order, record));
  for (const auto& a : keys) {
    for (const auto& b : keys) {
      const bool before = sdk::comes_before(*order, a, b);
      const bool after = sdk::comes_before(*order, b, a);
      law(before != after || (!before && a.id == b.id), "two records are in no order");
    }
  }
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  const Shelf& shelf = shelves()[in.octet() % shelves().size()];
  switch (in.octet() % 4) {
    case 0: return try_order(shelf, in.rest());
    case 1: {
      for (const std::string& word : sdk::fold_words(in.rest())) {
        law(!word.empty(), "an empty word is folded");
        static_cast<void>(sdk::word_question(*shelf.collection, word));
      }
      return;
    }
    default: return try_expression(shelf, in.rest());
  }
}

std::vector<Bytes> seeds() {
  std::vector<Bytes> made;
  const auto add = [&](std::size_t shelf, char kind, const std::string& text) {
    made.push_back(Bytes{static_cast<char>(shelf), kind} + text);
  };
  for (std::size_t i = 0; i < shelves().size(); ++i) {
    std::string order;
    std::string all;
    for (const schema::FieldDef& field : shelves()[i].collection->fields) {
      const schema::Type* type = &field.value_type();
      std::string path = field.name;
      if (field.rule == Rule::kMap) path += ".erp";
      while (type->kind == Kind::kStruct && !type->structure->members.empty()) {
        path += '.' + type->structure->members.front().name;
        type = &type->structure->members.front().type;
      }
      order += (order.empty() ? "-" : ",") + path;
      std::string literal = "\"a\"";
      if (type->kind == Kind::kBool) literal = "true";
      if (type->kind == Kind::kInteger) literal = type->time ? "2024-05-01" : "42";
      if (type->kind == Kind::kFloat) literal = "-2.5e3";
      all += (all.empty() ? "" : " or ") + path + (field.indexed ? " >= " : " = ") + literal;
      if (all.size() > 300) {
        add(i, 2, all);
        all.clear();
      }
    }
    add(i, 0, order);
    add(i, 2, all);
  }
  add(0, 2,
      "not (name like \"Nord%\" and name exists) or id in ('x', \"y\") and modifiedAt < "
      "2024-05-01T08:30:00Z");
  add(0, 2, "tags = 'a' and externalIds.\"erp\" != null and name not like '_\\'%'");
  add(0, 1,
      "Stra\xC3\x9F"
      "e \xEF\xAC\x81ne NORDWIND");
  return made;
}

}  // namespace satchel::fuzz
