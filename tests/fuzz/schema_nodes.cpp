// Compiled nodes, as a device is given them: they are refused, or make a catalog that is the same
// when it is loaded again, follows itself, and can be asked for everything that it names.
#include "schema/catalog/built_in.hpp"
#include "schema/catalog/json.hpp"
#include "schema/compiler/compile.hpp"
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {
namespace {

constexpr const char* kSmall = R"(@0xd2f1a7c3b5e49801;
using Satchel = import "/satchel/annotations.capnp";
struct Van $Satchel.collection("vans") $Satchel.scopes(["owner"]) {
  plate @0 :Text $Satchel.merge(lww) $Satchel.index;
  state @1 :Text $Satchel.merge(stage) $Satchel.stages((stages = ["a", "b"],
      moves = [(from = "a", to = ["b"])], beats = [(stage = "b", over = ["a"])]));
  price @2 :Satchel.Money $Satchel.merge(lww) $Satchel.frozenFrom(field = "state", stage = "b");
  keys  @3 :List(Text) $Satchel.merge(set);
  other @4 :Text $Satchel.merge(lww) $Satchel.ref(to = "vans", gone = clear);
  notes @5 :Satchel.Map(Text, Satchel.Integer) $Satchel.merge(map) $Satchel.values(max);
}
)";

void ask(const schema::Catalog& catalog) {
  for (const auto& collection : catalog.collections()) {
    law(catalog.find(collection.id) == &collection && catalog.find(collection.name) == &collection,
        "a collection is not found under its names");
    for (const auto& field : collection.fields) {
      law(collection.find(field.id) == &field && collection.find(field.name) == &field,
          "a field is not found under its names");
      law(!schema::name_of(field.rule).empty(), "a field has a rule without a name");
      static_cast<void>(schema::value_from_text(field, field.value_type(), "7").has_value());
      static_cast<void>(schema::canonical_json(field.value_type(), Value{std::int64_t{7}}));
    }
  }
}

}  // namespace

void run(ByteView input) {
  const auto catalog = schema::Catalog::load(input);
  if (!catalog) {
    law(!catalog.error().context.empty(), "a schema is refused without a word");
    return;
  }
  const auto again = schema::Catalog::load((*catalog)->serialized());
  must(again, "a catalog does not load again");
  law((*again)->hash() == (*catalog)->hash() &&
          (*again)->collections().size() == (*catalog)->collections().size(),
      "a catalog loads as another");
  must((*catalog)->accepts_successor_of(**again), "a catalog does not follow itself");
  static const auto crm = *schema::built_in_crm();
  static_cast<void>((*catalog)->accepts_successor_of(*crm).has_value());
  static_cast<void>(crm->accepts_successor_of(**catalog).has_value());
  ask(**catalog);
}

std::vector<Bytes> seeds() {
  const auto small = schema::compile_text("van.capnp", kSmall);
  must(small, "the small schema is in order");
  return {(*small)->serialized()};
}

}  // namespace satchel::fuzz
