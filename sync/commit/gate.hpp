// What a record's stage forbids: the one evaluator for devices, which ask before they write, and
// for the hub, which asks before it accepts.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "schema/catalog/catalog.hpp"
#include "sync/commit/body.hpp"
#include "sync/merge/explain.hpp"

namespace satchel::sync {

// Gives a record as it stood before the commit in hand, or nothing where none is held.
using RecordBefore =
    std::function<Result<std::optional<Record>>(const schema::CollectionDef&, const RecordId&)>;

// A gate that a record has passed.
struct PassedGate {
  std::string path;   // Of the stage field: "status", "order.status". Empty: kept from the start.
  std::string stage;  // Where it stands.
  schema::Retention basis = schema::Retention::kCrm;  // Of what is kept.
};

// Judges by what was there before the commit, so that one commit may fill in a record and move it
// on. What is not held, is withheld, or stands at a stage of a newer schema has not passed a gate.
// Where a stage is contested, one of its branches is enough. Thread-compatible as `before` is.
class Gates {
 public:
  Gates(const schema::Catalog& catalog, RecordBefore before)
      : catalog_(catalog), before_(std::move(before)) {}

  // The gate that keeps devices from writing `field` of the record, if any. Errors are those of
  // `before`.
  Result<std::optional<PassedGate>> frozen(const schema::CollectionDef& collection,
                                           const schema::FieldDef& field,
                                           const RecordWrite& record) const;
  // The gate that keeps devices from bringing a deleted record back, if any: a field of it that has
  // a value is frozen, so that it would be there again after all had been settled without it.
  Result<std::optional<PassedGate>> left_out(const schema::CollectionDef& collection,
                                             const RecordWrite& record) const;
  // The gate that keeps everybody from deleting the record, if any: a field that is kept on a basis
  // of its own (legal, evidence) has a value. The office may once `retainUntil` has passed.
  Result<std::optional<PassedGate>> retained(const schema::CollectionDef& collection,
                                             const RecordWrite& record, bool office,
                                             std::int64_t now_us) const;
  // Says in `into` on which basis the field is kept now, and what it is frozen by.
  Status tell(const schema::CollectionDef& collection, const schema::FieldDef& field,
              const Record& record, Explanation& into) const;

 private:
  Result<std::optional<PassedGate>> passed(const schema::StageGate& gate,
                                           const schema::CollectionDef& collection,
                                           const Record* held, const RecordWrite& record) const;

  const schema::Catalog& catalog_;
  RecordBefore before_;
};

// "orders.note is frozen ...": what, since which stage, and what to do. Names of the schema alone.
Error frozen_error(const schema::CollectionDef& collection, const schema::FieldDef& field,
                   const PassedGate& gate);
Error left_out_error(const schema::CollectionDef& collection, const PassedGate& gate);
Error retained_error(const schema::CollectionDef& collection, const PassedGate& gate);

}  // namespace satchel::sync
