// One record at a time, as the office sees and writes it. Writes are the user `admin`'s, under the
// server's current replica id.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/admin/assignment.hpp"
#include "server/app/writer.hpp"
#include "sync/hub/hub.hpp"

namespace satchel::server {

// Names a record. Errors of every call below: kCollectionUnknown, kRecordUnknown (also where the id
// is of another collection), kRecordDeleted.
struct RecordName {
  std::string collection;
  RecordId id;
};

// {"collection","conflicts":[],"fields":{},"id","withheld":[]}
Result<Bytes> record_json(sync::Hub& hub, const RecordName& name);
// One line for each write that the record still holds, the oldest first:
// {"at","dot","field","key","replica","seq","shown","value"}. Deleted records have one too.
Result<Bytes> history_lines(sync::Hub& hub, const RecordName& name);
// The explanation of one field, or a line for each field that holds a value. kFieldUnknown.
Result<Bytes> explain_lines(sync::Hub& hub, const RecordName& name, const std::string& field);
// A line for each field that a person should look at, of one collection or of all:
// {"collection","field","id","rule","shown","siblings":[{"dot","replica","stamp","value"}]}
Result<Bytes> conflict_lines(sync::Hub& hub, const std::string& collection);

struct PutRequest {
  std::string collection;
  std::optional<RecordId> id;  // None: a new record under a new id.
  bool may_create = false;     // With an id that is not there: make it.
  std::vector<Assignment> fields;
  std::string purpose;
};
// The record's id. kPolicyDenied (unknown purpose) and the builder's errors.
Result<RecordId> put_record(sync::Hub& hub, Writer& writer, const PutRequest& request);

Status delete_record(Writer& writer, sync::Hub& hub, const RecordName& name,
                     const std::string& purpose);
// Brings a deleted record back; with a field and a dot, writes the value of that sibling again.
// kNotFound: the field holds no sibling of this dot.
Status restore_record(Writer& writer, sync::Hub& hub, const RecordName& name,
                      const std::string& purpose);
Status restore_value(Writer& writer, sync::Hub& hub, const RecordName& name,
                     const std::string& field, const sync::Dot& dot, const std::string& purpose);
// Settles a conflict with a value of one's choice.
Status resolve_field(Writer& writer, sync::Hub& hub, const RecordName& name,
                     const Assignment& choice, const std::string& purpose);

}  // namespace satchel::server
