// References of a collection to itself (an account's parent) never lead back to where they begin.
#include "sync/hub/ingestion.hpp"
#include "sync/hub/scopes.hpp"

namespace satchel::sync {
namespace {

using schema::CollectionDef;
using schema::FieldDef;
using wire::Outcome;

// The record that a reference's value names.
std::optional<RecordId> named_by(ByteView encoded) {
  const auto value = decode_value(encoded);
  const auto* text = value ? value->as<std::string>() : nullptr;
  const auto id =
      text == nullptr ? Result<RecordId>{Error{Errc::kNotFound}} : parse_record_id(*text);
  return id ? std::optional{*id} : std::nullopt;
}

}  // namespace

// Where the reference leads once the commit has taken effect: two records of one commit may name
// each other.
Result<std::optional<RecordId>> Ingestion::reference_after(const CommitBody& body,
                                                           const CollectionDef& collection,
                                                           const FieldDef& field,
                                                           const RecordId& id) const {
  for (const RecordWrite& record : body.records) {
    if (record.id != id || record.collection != collection.id) continue;
    for (const RegisterWrite& write : record.writes) {
      if (write.field == field.id) return named_by(write.value);
    }
  }
  return reference_of(txn_.hub_, *txn_.txn_, collection, field, id);
}

Result<std::optional<Ingestion::Refusal>> Ingestion::judge_cycles(const CommitBody& body) {
  constexpr int kStepsMax = 64;
  for (std::size_t i = 0; i < body.records.size(); ++i) {
    for (const RegisterWrite& write : body.records[i].writes) {
      const FieldDef* field = targets_[i].collection->find(write.field);
      if (field == nullptr || !field->reference || !field->reference->acyclic) continue;
      auto parent = named_by(write.value);
      for (int steps = 0; parent; ++steps) {
        if (*parent == body.records[i].id || steps > kStepsMax) {
          return std::optional{Refusal{Outcome::kInvalid, Errc::kReferenceCycle, field->name}};
        }
        auto next = reference_after(body, *targets_[i].collection, *field, *parent);
        if (!next) return next.error();
        parent = *next;
      }
    }
  }
  return std::optional<Refusal>{};
}

}  // namespace satchel::sync
