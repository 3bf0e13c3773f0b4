#include "server/admin/import_row.hpp"

#include "crypto/hash.hpp"
#include "server/admin/writing.hpp"

namespace satchel::server {
namespace {

// A row without a key is its own: the same content is the same record.
std::string content_key(const std::vector<ImportField>& fields, const ImportRow& row) {
  Bytes content;
  for (const ImportValue& value : row.values) {
    content += fields[value.field].path + '\0' + value.text + '\0';
  }
  return to_hex(crypto::sha256(content));
}

}  // namespace

RowReader::RowReader(const ImportBatch& batch, const schema::CollectionDef& collection,
                     const KeyIndexes& indexes, const KeyIndex* fresh)
    : batch_(batch), collection_(collection), fresh_(fresh) {
  for (const ImportField& field : batch_.rows.fields) {
    assignments_.push_back({field.path, {}, field.is_json});
    const auto index = indexes.find(field.collection + " " + field.by);
    references_.push_back(index == indexes.end() ? nullptr : &index->second);
  }
  if (batch_.key.empty() || batch_.key == kIdKey) return;
  own_ = &indexes.find(batch_.collection + " " + batch_.key)->second;
}

const RecordId* RowReader::find_fresh(const std::string& key) const {
  if (fresh_ == nullptr) return nullptr;
  const auto found = fresh_->find(key);
  return found == fresh_->end() ? nullptr : &found->second;
}

std::optional<RecordId> RowReader::id_of(const ImportRow& row, const WorkspaceId& workspace,
                                         const Complain& complain) const {
  if (batch_.key == kIdKey) {
    auto id = parse_record_id(row.key);
    if (id) return *id;
    complain(batch_.key, id.error());
    return std::nullopt;
  }
  if (batch_.key.empty()) {
    return keyed_record_id(workspace, batch_.collection, "content",
                           content_key(batch_.rows.fields, row));
  }
  if (row.key.empty()) {
    complain(batch_.key, Error{Errc::kRequiredMissing, "the row has no key"});
    return std::nullopt;
  }
  if (const RecordId* id = find_fresh(row.key)) return *id;
  const auto found = own_->find(row.key);
  if (found != own_->end()) return found->second;
  return keyed_record_id(workspace, batch_.collection, batch_.key, row.key);
}

Result<const Assignment*> RowReader::resolved(const ImportValue& value) {
  const ImportField& field = batch_.rows.fields[value.field];
  Assignment& assignment = assignments_[value.field];
  assignment.text = value.text;
  if (field.collection.empty() || value.text.empty() || field.by == kIdKey) return &assignment;
  const KeyIndex& index = *references_[value.field];
  const auto found = index.find(value.text);
  const RecordId* id = found == index.end() ? nullptr : &found->second;
  if (id == nullptr && &index == own_) id = find_fresh(value.text);
  if (id == nullptr) {
    return Error{Errc::kNotFound, "no record of " + field.collection + " has this " + field.by};
  }
  assignment.text = to_text(*id);
  return &assignment;
}

bool RowReader::assign(sync::CommitBuilder& builder, const sync::Record& shown,
                       const ImportRow& row, const Complain& complain) {
  FieldAssigner assigner{builder, collection_, shown, AssignMode::kUpsert};
  if (!batch_.key.empty() && batch_.key != kIdKey) {
    if (const Status put = assigner.assign({batch_.key, row.key, false}); !put) {
      complain(batch_.key, put.error());
      return false;
    }
  }
  bool complained = false;
  for (const ImportValue& value : row.values) {
    auto assignment = resolved(value);
    const Status put = assignment ? assigner.assign(**assignment) : Status{assignment.error()};
    if (put) continue;
    complain(batch_.rows.fields[value.field].path, put.error());
    complained = true;
  }
  if (complained) return false;
  if (const Status flushed = assigner.flush(); !flushed) {
    const std::string& context = flushed.error().context;
    complain(context.substr(0, context.find(':')), flushed.error());
    return false;
  }
  return true;
}

}  // namespace satchel::server
