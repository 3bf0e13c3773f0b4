#include "schema/compiler/compile.hpp"

#include <filesystem>
#include <fstream>
#include <optional>

#include <capnp/message.h>
#include <capnp/schema-parser.h>
#include <capnp/serialize.h>

#include "schema/catalog/catalog_builder.hpp"
#include "schema/catalog/load.hpp"
#include "schema/compiler/source_text.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {
namespace {

namespace fs = std::filesystem;
using capnp::schema::CodeGeneratorRequest;

Error too_long(const std::string& file) {
  return {Errc::kLimitExceeded, file + ": a schema's text has at most 4 MiB"};
}

// All texts of one compilation, by their key: the import path of an embedded one, the canonical
// path of a file. Thread-bound.
class Sources {
 public:
  explicit Sources(Complaints& complaints) : complaints_(complaints) {}

  struct Source {
    std::string key;
    std::optional<fs::path> folder;  // Where relative imports begin; none for text without a file.
    SourceText text;
  };

  const Source* add(std::string key, std::optional<fs::path> folder, std::string display_name,
                    std::string text) {
    auto source = std::make_unique<Source>(
        Source{key, std::move(folder), SourceText{std::move(display_name), std::move(text)}});
    if (const unsigned line = source->text.too_deep_line(); line != 0) {
      complaints_.add_at({source->text.display_name(), line, 0},
                         "this goes more than 64 brackets or dots deep; name the parts");
    }
    return sources_.emplace(std::move(key), std::move(source)).first->second.get();
  }

  // kFileRead, kLimitExceeded.
  Result<const Source*> open_file(const fs::path& path) {
    std::error_code failed;
    const fs::path canonical = fs::weakly_canonical(path, failed);
    const std::string key = failed ? path.string() : canonical.string();
    if (const auto known = sources_.find(key); known != sources_.end()) return known->second.get();
    if (full()) return Error{Errc::kLimitExceeded, "a schema has at most 64 files; join some"};
    std::ifstream in{path, std::ios::binary};
    std::string text(limits::kSchemaBytesMax + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.fail() && !in.eof())) return Error{Errc::kFileRead, path.string()};
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > limits::kSchemaBytesMax) return too_long(path.string());
    return add(key, path.parent_path(), path.string(), std::move(text));
  }

  // Null where there is no such file, which the compiler then complains of, or where there are too
  // many.
  const Source* import(const Source& from, const std::string& path) {
    const Source* const source = find(from, path);
    return source == nullptr || source->text.too_deep_line() != 0 ? nullptr : source;
  }

  Complaints& complaints() { return complaints_; }

 private:
  const Source* find(const Source& from, const std::string& path) {
    if (path.starts_with('/')) {
      if (const auto known = sources_.find(path); known != sources_.end())
        return known->second.get();
      const std::string* text = embedded_schema(path);
      if (text == nullptr) return nullptr;
      return full() ? complain_of(from) : add(path, std::nullopt, path.substr(1), *text);
    }
    if (!from.folder) return nullptr;
    const auto opened = open_file(*from.folder / path);
    if (opened) return *opened;
    return opened.error().code == Errc::kLimitExceeded ? complain_of(from) : nullptr;
  }

  [[nodiscard]] bool full() const { return sources_.size() >= limits::kSchemaFilesMax; }
  const Source* complain_of(const Source& importing) {
    complaints_.add_at({importing.text.display_name(), 1, 0},
                       "what this imports is too much; a schema has at most 64 files of 4 MiB");
    return nullptr;
  }

  Complaints& complaints_;
  std::map<std::string, std::unique_ptr<Source>> sources_;
};

// Hands one source to Cap'n Proto's parser. kj::Own destroys it by its own type, so that the
// missing virtual destructor of the base does no harm.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class SourceFile final : public capnp::SchemaFile {
 public:
  SourceFile(Sources& sources, const Sources::Source& source)
      : sources_(sources), source_(source) {}

  kj::StringPtr getDisplayName() const override { return source_.key.c_str(); }
  kj::Array<const char> readContent() const override {
    const std::string& text = source_.text.text();
    return kj::heapArray<const char>(text.data(), text.size());
  }
  kj::Maybe<kj::Own<capnp::SchemaFile>> import(kj::StringPtr path) const override {
    const Sources::Source* source = sources_.import(source_, path.cStr());
    if (source == nullptr) return nullptr;
    kj::Own<capnp::SchemaFile> file = kj::heap<SourceFile>(sources_, *source);
    return kj::mv(file);
  }
  bool operator==(const capnp::SchemaFile& other) const override {
    return &source_ ==
           &static_cast<const SourceFile&>(other).source_;  // All files are of this class.
  }
  bool operator!=(const capnp::SchemaFile& other) const override { return !(*this == other); }
  std::size_t hashCode() const override { return std::hash<const void*>{}(&source_); }
  void reportError(SourcePos start, SourcePos, kj::StringPtr message) const override {
    if (is_no_text_) return;  // What else it says of that is of no use.
    is_no_text_ = message.startsWith("Non-UTF-8");
    // The parser counts from 0.
    sources_.complaints().add_at({source_.text.display_name(), start.line + 1, start.column + 1},
                                 message.cStr());
  }

 private:
  Sources& sources_;
  const Sources::Source& source_;
  mutable bool is_no_text_ = false;
};
#pragma GCC diagnostic pop

// The nodes of some files, and where each was written.
struct ParsedNodes {
  NodeIndex nodes;
  std::map<std::uint64_t, const SourceText*> texts;

  void add(const capnp::ParsedSchema& schema, const SourceText& text) {
    const auto node = schema.getProto();
    nodes.emplace(node.getId(), node);
    texts.emplace(node.getId(), &text);
    for (const auto nested : schema.getAllNested()) add(nested, text);
  }
};

void collect_types(capnp::schema::Type::Reader type, std::vector<std::uint64_t>& into) {
  if (type.isList()) return collect_types(type.getList().getElementType(), into);
  if (!type.isStruct()) return;
  into.push_back(type.getStruct().getTypeId());
  for (const auto scope : type.getStruct().getBrand().getScopes()) {
    if (!scope.isBind()) continue;
    for (const auto binding : scope.getBind()) {
      if (binding.isType()) collect_types(binding.getType(), into);
    }
  }
}

// Collections and the structs that they are made of.
NodeIndex reachable(const NodeIndex& all) {
  std::vector<std::uint64_t> waiting{type_id::kRecordCommon};
  for (const auto& [id, node] : all) {
    if (is_collection(node)) waiting.push_back(id);
  }
  NodeIndex found;
  while (!waiting.empty()) {
    const auto node = all.find(waiting.back());
    waiting.pop_back();
    if (node == all.end() || !found.insert(*node).second || !node->second.isStruct()) continue;
    for (const auto field : node->second.getStruct().getFields()) {
      if (field.isSlot()) collect_types(field.getSlot().getType(), waiting);
    }
  }
  return found;
}

// The same nodes give the same bytes, wherever their text lay: file names are taken out of type
// names, and the whole is written in Cap'n Proto's canonical form.
std::string serialize(const NodeIndex& nodes) {
  capnp::MallocMessageBuilder draft;
  auto list = draft.initRoot<CodeGeneratorRequest>().initNodes(static_cast<unsigned>(nodes.size()));
  unsigned at = 0;
  for (const auto& [id, node] : nodes) {
    list.setWithCaveats(at, node);
    const std::string name{type_name_of(node)};
    const std::size_t dot = name.rfind('.');
    list[at].setDisplayName(name.c_str());
    list[at].setDisplayNamePrefixLength(dot == std::string::npos ? 0
                                                                 : static_cast<unsigned>(dot + 1));
    ++at;
  }
  const kj::Array<capnp::word> canonical =
      capnp::canonicalize(draft.getRoot<CodeGeneratorRequest>().asReader());
  const kj::ArrayPtr<const capnp::word> segment = canonical;
  const kj::Array<capnp::word> flat = capnp::messageToFlatArray(kj::arrayPtr(&segment, 1));
  const auto bytes = flat.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

// The nodes of `base` that `nodes` does not have; the readers belong to `holder`.
void add_base(const Catalog& base, std::optional<capnp::FlatArrayMessageReader>& holder,
              kj::Array<capnp::word>& words, NodeIndex& nodes) {
  words = aligned(base.serialized());
  capnp::ReaderOptions options;
  options.traversalLimitInWords = traversal_limit(words.size());
  holder.emplace(words, options);
  for (const auto node : holder->getRoot<CodeGeneratorRequest>().getNodes())
    nodes.emplace(node.getId(), node);
}

using SharedCatalog = std::shared_ptr<const Catalog>;

// Parses everything that `root` imports, used or not: an imported file's collections belong to the
// schema.
Result<SharedCatalog> compile_sources(Sources& sources, const Sources::Source& root,
                                      const Catalog* base, ParsedNodes& parsed,
                                      Complaints& complaints) {
  const capnp::SchemaParser parser;
  std::vector<const Sources::Source*> waiting{&root};
  std::set<const Sources::Source*> done;
  while (!waiting.empty()) {
    const Sources::Source& source = *waiting.back();
    waiting.pop_back();
    if (!done.insert(&source).second) continue;
    parsed.add(parser.parseFile(kj::heap<SourceFile>(sources, source)), source.text);
    if (!complaints.empty()) return complaints.error();
    for (const std::string& path : source.text.imports()) {
      if (const auto* imported = sources.import(source, path)) waiting.push_back(imported);
    }
  }
  std::optional<capnp::FlatArrayMessageReader> base_reader;
  kj::Array<capnp::word> base_words;
  if (base != nullptr) add_base(*base, base_reader, base_words, parsed.nodes);
  return build_from(serialize(reachable(parsed.nodes)), complaints);
}

template <class OpenRoot>
Result<SharedCatalog> compile_root(OpenRoot open_root, const Catalog* base) {
  ParsedNodes parsed;
  Complaints complaints{[&](const Place& place) -> Complaints::Position {
    const auto text = parsed.texts.find(place.node);
    if (text == parsed.texts.end()) return {};
    std::string name{place.type_name};
    const unsigned of_type = text->second->line_of(name);
    if (!place.member.empty()) name.append(".").append(place.member);
    const unsigned of_member = text->second->line_of(name);
    return {text->second->display_name(), of_member != 0 ? of_member : of_type, 0};
  }};
  Sources sources{complaints};
  const Result<const Sources::Source*> root = open_root(sources);
  if (!root) return root.error();
  if (!complaints.empty()) return complaints.error();
  return guarded([&]() -> Result<SharedCatalog> {
    return compile_sources(sources, **root, base, parsed, complaints);
  });
}

}  // namespace

Result<SharedCatalog> compile_file(const std::string& path, const Catalog* base) {
  return compile_root([&](Sources& sources) { return sources.open_file(path); }, base);
}

Result<SharedCatalog> compile_text(const std::string& display_name, std::string text,
                                   const Catalog* base) {
  return compile_root(
      [&](Sources& sources) -> Result<const Sources::Source*> {
        if (text.size() > limits::kSchemaBytesMax) return too_long(display_name);
        return sources.add("text", std::nullopt, display_name, std::move(text));
      },
      base);
}

Result<SharedCatalog> compile_crm() {
  return compile_text("satchel/crm.capnp", *embedded_schema("/satchel/crm.capnp"));
}

}  // namespace satchel::schema
