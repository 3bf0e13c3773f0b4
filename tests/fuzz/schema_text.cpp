// The text of a schema: it is refused with a place, or compiles to nodes that load as the same
// catalog.
#include <fcntl.h>
#include <unistd.h>

#include "schema/compiler/compile.hpp"
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {
namespace {

constexpr std::size_t kTextBytesMax = 2'048;
// What a schema begins with, so that the input is about what follows.
constexpr const char* kHead =
    "@0xd2f1a7c3b5e49801;\nusing Satchel = import \"/satchel/annotations.capnp\";\n";

// Cap'n Proto 0.9 leaves /dev/urandom open wherever it makes up an id for a text without one: once
// in the life of a command, thousands of times here.
class NoneLeftOpen {
 public:
  NoneLeftOpen() : lowest_(open("/dev/null", O_RDONLY | O_CLOEXEC)) { close(lowest_); }
  ~NoneLeftOpen() { close(lowest_); }
  NoneLeftOpen(const NoneLeftOpen&) = delete;
  NoneLeftOpen& operator=(const NoneLeftOpen&) = delete;

 private:
  int lowest_;
};

}  // namespace

void run(ByteView input) {
  const NoneLeftOpen descriptors;
  Input in{input};
  const bool whole = in.octet() % 2 == 1;
  const Bytes text = (whole ? "" : kHead) + Bytes{in.take(kTextBytesMax)};
  const auto catalog = schema::compile_text("own.capnp", text);
  if (!catalog) {
    law(!catalog.error().context.empty(), "a schema is refused without a word");
    return;
  }
  const auto loaded = schema::Catalog::load((*catalog)->serialized());
  must(loaded, "what was compiled does not load");
  law((*loaded)->hash() == (*catalog)->hash(), "what was compiled loads as something else");
  must((*loaded)->accepts_successor_of(**catalog), "a schema does not follow itself");
}

std::vector<Bytes> seeds() {
  static const Bytes kTexts[] = {
      "struct Van $Satchel.collection(\"vans\") $Satchel.scopes([\"owner\"]) {\n  plate @0 :Text "
      "$Satchel.merge(lww) $Satchel.index;\n}\n",
      "const t :Satchel.StageTable = (stages = [\"a\", \"b\"], moves = [(from = \"a\", to = "
      "[\"b\"])], beats = [(stage = \"b\", over = [\"a\"])]);\nstruct V "
      "$Satchel.collection(\"vs\") "
      "$Satchel.scopes([\"all\"]) {\n  s @0 :Text $Satchel.merge(stage) $Satchel.stages(.t);\n  n "
      "@1 :Int64 $Satchel.merge(counter) $Satchel.frozenFrom(field = \"s\", stage = \"b\");\n}\n",
      "struct V $Satchel.collection(\"vs\") $Satchel.life(deleteWins) $Satchel.scopes([\"owner\", "
      "\"up.owner\"]) $Satchel.subject([\"self\"]) {\n  up @0 :Text $Satchel.merge(once) "
      "$Satchel.ref(to = \"vs\", gone = clear);\n  m @1 :Satchel.Map(Text, Satchel.Integer) "
      "$Satchel.merge(map) $Satchel.values(max);\n  l @2 :List(E) $Satchel.merge(log);\n  struct E "
      "{ at @0 :Int64 $Satchel.unit(\"us\"); where @1 :Satchel.Position; }\n}\n",
      "struct Box(T) { of @0 :T; union { a @1 :Void; b :group { c @2 :Box(Text); } } }\nenum E { x "
      "@0; y @1; }\ninterface I { f @0 (a :Int8 = -1) -> (b :Float64 = 1e3); }\nannotation n(*) "
      ":Text;\n",
  };
  std::vector<Bytes> made;
  for (const Bytes& text : kTexts) {
    made.push_back(Bytes(1, '\0') + text);
    made.push_back(Bytes(1, '\1') + kHead + text);
  }
  return made;
}

}  // namespace satchel::fuzz
