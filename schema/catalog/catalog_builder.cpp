#include "schema/catalog/catalog_builder.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "schema/catalog/digest.hpp"
#include "annotations.capnp.h"
#include "schema/model/limits.hpp"

namespace satchel::schema {
Result<std::shared_ptr<const Catalog>> CatalogBuilder::build(
    capnp::schema::CodeGeneratorRequest::Reader request, std::string serialized) {
  SATCHEL_TRY(index_nodes(request));
  read_collections();
  check_relations(collections_, complaints_);
  check_gates(collections_, complaints_);
  if (!complaints_.empty()) return complaints_.error();

  std::shared_ptr<Catalog> catalog{new Catalog};
  for (ReadCollection& read : collections_) {
    CollectionDef& collection = catalog->collections_.emplace_back(std::move(read.collection));
    collection.by_name.resize(collection.fields.size());
    std::iota(collection.by_name.begin(), collection.by_name.end(), std::uint16_t{0});
    std::ranges::sort(collection.by_name, {}, [&](std::uint16_t place) -> std::string_view {
      return collection.fields[place].name;
    });
  }
  std::ranges::sort(catalog->collections_, {}, &CollectionDef::name);
  catalog->serialized_ = std::move(serialized);
  catalog->hash_ = schema_digest(catalog->serialized_);
  return std::shared_ptr<const Catalog>{std::move(catalog)};
}

Status CatalogBuilder::index_nodes(capnp::schema::CodeGeneratorRequest::Reader request) {
  // Nodes are read as they are and never given to capnp::SchemaLoader: the loader of 0.9.2 recurses
  // until the stack ends when a field's name is malformed, and checks nothing that this reading
  // relies on.
  std::size_t collections = 0;
  for (const auto node : request.getNodes()) {
    if (!nodes_.emplace(node.getId(), node).second) {
      return Error{Errc::kSchemaInvalid, "two types have one id"};
    }
    if (is_collection(node)) ++collections;
  }
  if (collections > limits::kCollectionsMax) {
    return Error{
        Errc::kLimitExceeded,
        "a schema has at most " + std::to_string(limits::kCollectionsMax) + " collections"};
  }
  if (collections == 0)
    return Error{Errc::kSchemaInvalid, "no struct of the schema is a $collection"};
  return {};
}

void CatalogBuilder::read_collections() {
  for (const auto& [id, node] : nodes_) {
    if (is_collection(node)) read_collection(node);
  }
}

void CatalogBuilder::read_collection(NodeReader node) {
  ReadCollection read;
  CollectionDef& into = read.collection;
  into.id = node.getId();
  into.type_name = type_name_of(node);
  FieldDefaults defaults;
  read_collection_words(node, into, defaults);
  if (!into.subjects.empty()) defaults.privacy = PrivacyClass::kBusinessContact;

  const Place place{into.id, into.type_name, {}};
  const auto definition = node.getStruct();
  if (node.getIsGeneric()) return complaints_.add(place, "a collection takes no parameters");
  if (definition.getDiscriminantCount() != 0) {
    complaints_.add({into.id, into.type_name, "union"},
                    "a union cannot merge; make its members fields");
  }
  if (definition.getFields().size() > limits::kFieldsMax) {
    return complaints_.add(
        place, "a collection has at most " + std::to_string(limits::kFieldsMax) + " fields");
  }
  const auto common = nodes_.find(type_id::kRecordCommon);
  if (common == nodes_.end() || !common->second.isStruct() ||
      common->second.getStruct().getFields().size() > limits::kFieldsMax) {
    return complaints_.add(place, "the schema lacks the fields that every record has");
  }
  FieldReader fields{nodes_, complaints_};
  read_fields(node, 0, defaults, fields, read);
  read_fields(common->second, kCommonFieldBase, defaults, fields, read);
  collections_.push_back(std::move(read));
}

void CatalogBuilder::read_fields(NodeReader node, FieldId base, const FieldDefaults& defaults,
                                 FieldReader& fields, ReadCollection& into) {
  std::vector<ReadField> own;
  const std::string_view type_name = type_name_of(node);
  for (const auto field : node.getStruct().getFields()) {
    const Place place{node.getId(), type_name, view(field.getName())};
    auto read = fields.read(field, place, defaults);
    if (!read) continue;
    if (read->field.id >= limits::kFieldsMax) {
      complaints_.add(place, "ordinals go up to " + std::to_string(limits::kFieldsMax - 1));
      continue;
    }
    read->field.id = static_cast<FieldId>(base + read->field.id);
    const bool shadowed = base != 0 && into.collection.find(place.member) != nullptr;
    if (!shadowed) own.push_back(std::move(*read));
  }
  std::ranges::sort(own, {}, [](const ReadField& read) { return read.field.id; });
  for (ReadField& read : own) {
    const bool same_id = into.collection.find(read.field.id) != nullptr;
    if (same_id || into.collection.find(read.field.name) != nullptr) {
      complaints_.add({node.getId(), type_name, read.field.name},
                      "two fields have this name or ordinal");
    }
    into.collection.fields.push_back(std::move(read.field));
    into.names.push_back(std::move(read.names));
  }
}

void CatalogBuilder::read_collection_words(NodeReader node, CollectionDef& into,
                                           FieldDefaults& defaults) {
  const Place place{into.id, into.type_name, {}};
  std::set<std::uint64_t> said;
  for (const auto annotation : node.getAnnotations()) {
    const auto value = annotation.getValue();
    const std::uint64_t id = annotation.getId();
    const bool ours = (id >= word::kCollection && id <= word::kSubjectIf) ||
                      id == word::kRetention || id == word::kRetentionFrom || id == word::kAgenda ||
                      id == word::kHistory;
    if (!ours) continue;
    if (!said.insert(id).second) complaints_.add(place, "the same annotation twice; take one out");
    if (id == word::kCollection && value.isText()) {
      into.name = view(value.getText());
    } else if (id == word::kLife && value.isEnum() && value.getEnum() < 2) {
      into.life = value.getEnum() == 0 ? LifeRule::kEditWins : LifeRule::kDeleteWins;
    } else if (id == word::kScopes && value.isList()) {
      read_text_list(annotation, place, limits::kScopePathsMax, into.scopes);
    } else if (id == word::kSubject && value.isList()) {
      read_text_list(annotation, place, limits::kSubjectsMax, into.subjects);
    } else if (id == word::kSubjectIf && value.isText()) {
      into.subject_if = view(value.getText());
    } else if (id == word::kAgenda && value.isStruct()) {
      read_agenda(annotation, place, into);
    } else if (id == word::kHistory && value.isText()) {
      into.history = History{std::string{view(value.getText())}, {}, 0, 0};
    } else if (id == word::kRetention && value.isEnum() && retention_of(value.getEnum())) {
      defaults.retention = *retention_of(value.getEnum());
    } else if (id == word::kRetentionFrom && value.isStruct()) {
      defaults.retained_from = gate_names_of(value.getStruct().getAs<words::Gate>());
    } else {
      complaints_.add(place, "an annotation holds what this version does not know; update Satchel");
    }
  }
  if (!is_name(into.name)) complaints_.add(place, "a collection's name is letters and digits");
  if (into.scopes.empty()) {
    complaints_.add(place,
                    "no $scopes; say who may hold its records, such as $scopes([\"owner\"])");
  }
}

void CatalogBuilder::read_agenda(capnp::schema::Annotation::Reader annotation, const Place& place,
                                 CollectionDef& into) {
  const auto agenda = annotation.getValue().getStruct().getAs<words::Agenda>();
  into.agenda = Agenda{std::string{view(agenda.getAt())}, {}};
  if (agenda.getWith().size() > limits::kAgendaFieldsMax) {
    return complaints_.add(
        place, "$agenda names at most " + std::to_string(limits::kAgendaFieldsMax) + " fields");
  }
  for (const auto field : agenda.getWith()) into.agenda->with.emplace_back(view(field));
}

void CatalogBuilder::read_text_list(capnp::schema::Annotation::Reader annotation,
                                    const Place& place, std::size_t max,
                                    std::vector<std::string>& into) {
  const auto texts = annotation.getValue().getList().getAs<capnp::List<capnp::Text>>();
  if (texts.size() > max) {
    const char* which =
        annotation.getId() == word::kScopes ? "$scopes has at most " : "$subject has at most ";
    return complaints_.add(place, which + std::to_string(max) + " entries");
  }
  for (const auto text : texts) into.emplace_back(view(text));
}

}  // namespace satchel::schema
