// The mapping of an import: a file is a mapping or is refused with its place; a mapping reads the
// same twice, is checked against the schema, and turns a row into values of its own fields.
#include <sys/mman.h>
#include <unistd.h>

#include "schema/catalog/json_value.hpp"
#include "server/ctl/mapping.hpp"
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {
namespace {

using server::CollectionFields;
using server::Mapping;

// A file that is nowhere but in memory. A resource.
class MemoryFile {
 public:
  explicit MemoryFile(ByteView bytes) : descriptor_(memfd_create("mapping", MFD_CLOEXEC)) {
    law(descriptor_ >= 0 &&
            write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
        "there is no room for a file");
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// As the server answers.
constexpr std::string_view kSchema = R"({"collections":[
  {"name":"accounts","fields":[
    {"name":"name","rule":"lww","type":"text"},
    {"name":"amount","rule":"lww","type":"struct","members":["minor","currency"]},
    {"name":"tags","rule":"set","type":"list of text"},
    {"name":"externalIds","rule":"map","type":"map of text to text"},
    {"name":"parent","rule":"lww","type":"text"}]},
  {"name":"products","fields":[{"name":"sku","rule":"lww","type":"text"}]}]})";

const CollectionFields& known_fields() {
  static const CollectionFields fields = *CollectionFields::read(kSchema, "accounts");
  return fields;
}

const std::vector<std::string> kColumns{"a", "b", "c", "d"};

void try_row(const Mapping& mapping, const std::vector<std::string_view>& cells) {
  const Mapping::Cell cell = [&](std::string_view column) -> std::optional<std::string_view> {
    for (std::size_t i = 0; i < kColumns.size() && i < cells.size(); ++i) {
      if (kColumns[i] == column) return cells[i];
    }
    return std::nullopt;
  };
  const Mapping::Mapped mapped = mapping.apply(cell);
  const auto targets = mapping.targets();
  law(targets.size() == 2 * mapping.fields().size(), "a field has not two targets");
  for (const auto& value : mapped.values) {
    law(value.field < targets.size(), "a value is of no field");
  }
  for (const auto& complaint : mapped.complaints) {
    law(!complaint.reason.empty() && !complaint.field.empty(), "a complaint says nothing");
  }
  for (const auto& field : mapping.fields()) {
    static_cast<void>(mapping.text_of(field.path, cell));
  }
  static_cast<void>(mapping.text_of(mapping.key(), cell));
}

// Whole numbers times their scale are what multiplication says.
void try_scale(std::string_view text, std::int64_t scale) {
  const auto scaled = server::scaled(text, scale);
  if (!scaled) return;
  const auto whole = server::scaled(text.substr(0, text.find('.')), 1);
  const bool plain = text.find('.') == std::string_view::npos;
  if (!plain || !whole) return;
  std::int64_t product = 0;
  law(!__builtin_mul_overflow(std::strtoll(whole->c_str(), nullptr, 10), scale, &product) &&
          std::to_string(product) == *scaled,
      "a number times its scale is another");
}

}  // namespace

void run(ByteView input) {
  Input in{input};
  const std::uint8_t flags = in.octet();
  std::vector<std::string_view> cells;
  for (std::size_t i = 0; i < kColumns.size(); ++i) cells.push_back(in.until('\n'));
  if (flags % 4 == 0) try_scale(cells[0], 1 + flags / 4 * 25);
  if (flags % 8 == 1) {
    const auto fields = CollectionFields::read(in.rest(), "accounts");
    if (fields) static_cast<void>(fields->complaint(cells[0]) + fields->complaint(cells[1]));
    return;
  }
  const MemoryFile file{in.take(16 * 1024)};
  const auto mapping = Mapping::read(file.path());
  if (!mapping) {
    law(mapping.error().code == Errc::kConfigInvalid &&
            mapping.error().context.starts_with(file.path() + ":"),
        "a refused mapping has no place");
    return;
  }
  const auto again = Mapping::read(file.path());
  law(again && again->targets() == mapping->targets() && again->key() == mapping->key(),
      "a mapping reads in two ways");
  const Status checked = mapping->check(known_fields(), &kColumns);
  law(checked || !checked.error().context.empty(), "a mapping is refused without a word");
  try_row(*mapping, cells);
}

std::vector<Bytes> seeds() {
  const Bytes cells = "12.50\nCologne; Bonn\n19960704\n[1,2]\n";
  static const Bytes kFiles[] = {
      "key = \"externalIds.erp\"\ntrim = true\n[fields]\nname = \"a\"\n\"amount.minor\" = { column "
      "= \"a\", scale = 100 }\n",
      "[fields]\ntags = { column = \"b\", split = \";\" }\ncloseDate = { column = \"c\", time = "
      "true }\n",
      "[fields]\nname = { template = \"{a} {b}\" }\nparent = { column = \"a\", ref = \"accounts\", "
      "by = \"externalIds.erp\" }\n",
      "[fields]\nname = { join = [\"{a} {b}\", \"{c}\"], with = \", \" }\ntype = { value = "
      "\"customer\" }\n",
      "[fields]\nactive = { column = \"d\", map = { \"0\" = \"true\", \"1\" = \"false\" } "
      "}\npayments "
      "= { column = \"d\", json = true }\n",
      "fields = 1\nother = [[1,2],[{a=1979-05-27T07:32:00Z}]]\n[fields.x]\ncolumn = '''a'''\n",
  };
  std::vector<Bytes> made;
  for (const Bytes& file : kFiles) made.push_back("\2" + cells + file);
  for (const char* number : {"9.8", "-0.05", "9223372036854775807", "1."}) {
    made.push_back(Bytes{"\x10"} + number + "\n\n\n\n");
  }
  made.push_back("\1name\ntags.x\n\n\n" + Bytes{kSchema});
  return made;
}

}  // namespace satchel::fuzz
