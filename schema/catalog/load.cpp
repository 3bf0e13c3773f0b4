#include "schema/catalog/load.hpp"

#include <cstring>

#include <capnp/serialize.h>

#include "schema/catalog/catalog_builder.hpp"
#include "schema/model/limits.hpp"

namespace satchel::schema {

using capnp::schema::CodeGeneratorRequest;

kj::Array<capnp::word> aligned(const std::string& bytes) {
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), bytes.data(), words.asBytes().size());
  return words;
}

Result<std::shared_ptr<const Catalog>> build_from(std::string serialized, Complaints& complaints) {
  if (serialized.size() > limits::kSchemaBytesMax) {
    return Error{Errc::kLimitExceeded, "a compiled schema has at most 4 MiB"};
  }
  if (serialized.size() % sizeof(capnp::word) != 0) {
    return Error{Errc::kSchemaInvalid, "a compiled schema is whole words"};
  }
  const kj::Array<capnp::word> words = aligned(serialized);
  capnp::ReaderOptions options;
  options.traversalLimitInWords = traversal_limit(words.size());
  options.nestingLimit = 32;
  capnp::FlatArrayMessageReader reader{words, options};
  return CatalogBuilder{complaints}.build(reader.getRoot<CodeGeneratorRequest>(),
                                          std::move(serialized));
}

Result<std::shared_ptr<const Catalog>> Catalog::load(ByteView nodes) {
  Complaints complaints{nullptr};
  return guarded([&] { return build_from(std::string{nodes}, complaints); });
}

}  // namespace satchel::schema
