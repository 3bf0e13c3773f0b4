// What people do all day: random but sensible writes, driven by the catalog, so that every merge
// rule has its turn.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sync/commit/builder.hpp"
#include "tests/sim/ports.hpp"

namespace satchel::sim {

// With what a commit is written: a device's or the server's.
struct Pen {
  sync::CommitBuilder& builder;
  std::function<Result<RecordId>(const std::string& collection)> create;
  // What the writer may choose from, the dead included.
  std::vector<std::pair<CollectionId, RecordId>> held;
  std::vector<std::string> users;  // To whom records can be handed over.
  // Records that somebody has made and this writer has been told of, whether or not he holds them.
  const std::vector<std::pair<CollectionId, RecordId>>& heard_of;
  std::optional<RecordId> shunned{};  // Nothing is made to hang on it.
  bool is_server = false;
  std::int64_t now_us = 0;  // By a clock that does not lie.
};

// Thread-bound.
class Workload {
 public:
  // Picks a few collections and fields of each, so that people meet in the same registers.
  Workload(Gen& gen, Marks& marks, const schema::Catalog& catalog);

  // One to four writes. What the builder refuses is left out: it never became part of a commit.
  void compose(Pen& pen);

 private:
  struct Hot {
    const schema::CollectionDef* collection = nullptr;
    std::vector<const schema::FieldDef*> fields;
    std::vector<const schema::FieldDef*> places;  // Of these those that say where a record belongs.
  };
  void make_hot(const schema::CollectionDef& collection);

  void create(Pen& pen, const Hot& hot);
  const schema::FieldDef& field_to_edit(const Pen& pen, const Hot& hot);
  Status write_place(Pen& pen, const Hot& hot, const RecordId& id, const schema::FieldDef& field);
  void edit(Pen& pen, const Hot& hot, const RecordId& id);
  void end_or_restore(Pen& pen, const Hot& hot, const RecordId& id);
  Status write_field(Pen& pen, const Hot& hot, const RecordId& id, const schema::FieldDef& field);
  Value value_of(const schema::Type& type, int depth = 0);
  Value stage_of(const schema::FieldDef& field);
  std::string word();

  Gen& gen_;
  Marks& marks_;
  std::vector<Hot> hot_;
  std::int64_t now_us_ = 0;
};

}  // namespace satchel::sim
