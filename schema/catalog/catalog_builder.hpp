// Makes a catalog of compiled nodes, checking all of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <capnp/schema.capnp.h>

#include "schema/catalog/catalog.hpp"
#include "schema/catalog/complaints.hpp"
#include "schema/catalog/field_reader.hpp"

namespace satchel::schema {

// A collection, and by their names still, what its fields say of others (parallel to its fields).
struct ReadCollection {
  CollectionDef collection;
  std::vector<NamesOfField> names;
};

// Thread-bound; used once. Throws kj::Exception on hostile nodes.
class CatalogBuilder {
 public:
  explicit CatalogBuilder(Complaints& complaints) : complaints_(complaints) {}

  // The catalog of nodes whose bytes are `serialized`. kSchemaInvalid, kLimitExceeded.
  Result<std::shared_ptr<const Catalog>> build(capnp::schema::CodeGeneratorRequest::Reader request,
                                               std::string serialized);

 private:
  Status index_nodes(capnp::schema::CodeGeneratorRequest::Reader request);
  void read_collections();
  void read_collection(NodeReader node);
  void read_collection_words(NodeReader node, CollectionDef& into, FieldDefaults& defaults);
  void read_agenda(capnp::schema::Annotation::Reader annotation, const Place& place,
                   CollectionDef& into);
  void read_text_list(capnp::schema::Annotation::Reader annotation, const Place& place,
                      std::size_t max, std::vector<std::string>& into);
  void read_fields(NodeReader node, FieldId base, const FieldDefaults& defaults,
                   FieldReader& fields, ReadCollection& into);

  Complaints& complaints_;
  NodeIndex nodes_;
  std::vector<ReadCollection> collections_;
};

// Resolves what collections say about each other: references, scopes, subjects, names.
void check_relations(std::vector<ReadCollection>& collections, Complaints& complaints);
// Resolves what hangs on stages: freezes, retention, reopening. References are resolved before.
void check_gates(std::vector<ReadCollection>& collections, Complaints& complaints);

}  // namespace satchel::schema
