// A struct's field and the words said about it, as a field of a collection.
#pragma once

#include <memory>
#include <optional>

#include "annotations.capnp.h"
#include "schema/catalog/type_reader.hpp"

namespace satchel::schema {

// A $Gate as it is written, by names.
struct GateNames {
  std::string path;
  std::string stage;
};
// What a field says of other fields and collections, by their names still.
struct NamesOfField {
  std::string refers_to;
  std::optional<GateNames> frozen_from;
  std::optional<GateNames> retained_from;
  std::optional<GateNames> reopens;
  std::string reopens_to;
};

// What a field's collection says for fields that do not say it themselves.
struct FieldDefaults {
  PrivacyClass privacy = PrivacyClass::kCompany;
  Retention retention = Retention::kCrm;
  std::optional<GateNames> retained_from;
};

struct ReadField {
  FieldDef field;
  NamesOfField names;
};

// Thread-bound; the nodes and the complaints outlive it.
class FieldReader {
 public:
  FieldReader(const NodeIndex& nodes, Complaints& complaints)
      : types_(nodes, complaints), complaints_(complaints) {}

  // Nothing, having complained, where the field makes no sense at all. Complaints alone may come
  // with a field.
  std::optional<ReadField> read(capnp::schema::Field::Reader field, const Place& place,
                                const FieldDefaults& defaults);

 private:
  struct Words;
  Words read_words(capnp::schema::Field::Reader field, const Place& place);
  void read_word(capnp::schema::Annotation::Reader annotation, const Place& place, Words& words);
  void read_enumerated(std::uint64_t id, std::uint16_t number, const Place& place, Words& words);
  void read_reference(const Words& words, const Place& place, ReadField& into);
  void read_writers(const Words& words, const Place& place, FieldDef& into);
  static void read_gates(const Words& words, const FieldDefaults& defaults, ReadField& into);
  void check_rule(const FieldDef& field, bool has_values, const Place& place);
  void check_stage(const FieldDef& field, const Place& place);
  void check_marks(FieldDef& field, const Place& place);

  TypeReader types_;
  Complaints& complaints_;
};

// Reads an enumerant of annotations.capnp; nothing for one that this version does not know.
std::optional<Rule> rule_of(std::uint16_t enumerant);
std::optional<PrivacyClass> privacy_of(std::uint16_t enumerant);
std::optional<Retention> retention_of(std::uint16_t enumerant);
GateNames gate_names_of(words::Gate::Reader gate);

}  // namespace satchel::schema
