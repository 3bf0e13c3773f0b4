// Writing one record: put, delete, restore, resolve.
#include "schema/catalog/json.hpp"
#include "server/admin/records.hpp"
#include "server/admin/writing.hpp"
#include "sync/edge/edge.hpp"
#include "sync/merge/dot_text.hpp"
#include "sync/merge/life.hpp"
#include "sync/policy/decide.hpp"

namespace satchel::server {
namespace {

using schema::CollectionDef;

Status check_purpose(const std::string& purpose) {
  if (sync::is_known_purpose(purpose)) return {};
  return Error{Errc::kPolicyDenied, "unknown purpose"};
}

// The record as the builder shows it, of the collection named. Dead ones too.
Result<sync::Record> held(sync::CommitBuilder& builder, const schema::Catalog& catalog,
                          const RecordName& name) {
  const CollectionDef* const collection = catalog.find(name.collection);
  if (collection == nullptr) return Error{Errc::kCollectionUnknown, name.collection};
  auto record = builder.shown(*collection, name.id);
  if (!record) return record.error();
  if (!*record || (*record)->collection != collection->id) {
    return Error{Errc::kRecordUnknown, name.collection + "/" + to_text(name.id)};
  }
  return std::move(**record);
}

// Runs `change` with a builder of its own and writes what it made, in one durable commit.
Status write(Writer& writer, sync::Hub& hub, const std::string& purpose,
             const std::function<Status(sync::CommitBuilder& builder)>& change) {
  SATCHEL_TRY(check_purpose(purpose));
  return writer.run([&](sync::HubTxn& txn) -> Status {
    auto builder = txn.builder();
    SATCHEL_TRY(change(builder));
    OwnerCheck owners;
    SATCHEL_TRY(owners.check(txn, *hub.catalog(), builder.peek()));
    auto written = write_all(txn, builder, purpose);
    if (!written) return written.error();
    return {};
  });
}

Status put_fields(sync::CommitBuilder& builder, sync::Hub& hub, const schema::Catalog& catalog,
                  const PutRequest& request, const RecordId& id) {
  const RecordName name{request.collection, id};
  auto record = held(builder, catalog, name);
  bool creates = false;
  if (!record) {
    if (record.error().code != Errc::kRecordUnknown || !request.may_create) return record.error();
    creates = true;
    SATCHEL_TRY(builder.create(request.collection, id));
    record = held(builder, catalog, name);
    if (!record) return record.error();
  }
  const CollectionDef& collection = *catalog.find(request.collection);
  if (!sync::is_alive(*record, collection.life)) {
    return Error{Errc::kRecordDeleted, request.collection + "/" + to_text(id)};
  }
  FieldAssigner assigner{builder, collection, *record, AssignMode::kPut};
  for (const Assignment& each : request.fields) SATCHEL_TRY(assigner.assign(each));
  SATCHEL_TRY(assigner.flush());
  return creates ? fill_created(builder, collection, id, hub.clock().wall_us()) : Status{};
}

// The value that a choice names: whole, or what is shown with one member set.
Result<Value> chosen_value(const schema::FieldDef& field, const sync::Record& record,
                           const Assignment& choice) {
  const std::size_t dot = choice.path.find('.');
  if (dot == std::string::npos) {
    return choice.is_json ? schema::value_from_json(field.value_type(), choice.text)
                          : schema::value_from_text(field, field.value_type(), choice.text);
  }
  Value whole;
  const auto reading = sync::read_field(field, record.of_field(field.id));
  if (reading.present) {
    auto shown = decode_value(reading.value);
    if (!shown) return shown.error();
    whole = std::move(*shown);
  }
  return schema::with_member(field.type, whole, std::string_view{choice.path}.substr(dot + 1),
                             choice.text, choice.is_json);
}

}  // namespace

Result<RecordId> put_record(sync::Hub& hub, Writer& writer, const PutRequest& request) {
  const auto catalog = hub.catalog();
  PutRequest asked = request;
  if (!asked.id) {
    auto made = sync::make_record_id(hub.clock().wall_us(), hub.entropy());
    if (!made) return made.error();
    asked.id = *made;
    asked.may_create = true;
  }
  SATCHEL_TRY(write(writer, hub, asked.purpose, [&](sync::CommitBuilder& builder) {
    return put_fields(builder, hub, *catalog, asked, *asked.id);
  }));
  return *asked.id;
}

Status delete_record(Writer& writer, sync::Hub& hub, const RecordName& name,
                     const std::string& purpose) {
  const auto catalog = hub.catalog();
  return write(writer, hub, purpose, [&](sync::CommitBuilder& builder) -> Status {
    auto record = held(builder, *catalog, name);
    if (!record) return record.error();
    return builder.erase(name.collection, name.id);
  });
}

Status restore_record(Writer& writer, sync::Hub& hub, const RecordName& name,
                      const std::string& purpose) {
  const auto catalog = hub.catalog();
  return write(writer, hub, purpose, [&](sync::CommitBuilder& builder) -> Status {
    auto record = held(builder, *catalog, name);
    if (!record) return record.error();
    return builder.restore(name.collection, name.id);
  });
}

Status restore_value(Writer& writer, sync::Hub& hub, const RecordName& name,
                     const std::string& field_name, const sync::Dot& dot,
                     const std::string& purpose) {
  const auto catalog = hub.catalog();
  return write(writer, hub, purpose, [&](sync::CommitBuilder& builder) -> Status {
    auto record = held(builder, *catalog, name);
    if (!record) return record.error();
    const schema::FieldDef* const field = catalog->find(name.collection)->find(field_name);
    if (field == nullptr) return Error{Errc::kFieldUnknown, name.collection + "." + field_name};
    for (const sync::Entry& entry : record->of_field(field->id)) {
      for (const sync::Sibling& sibling : entry.state.siblings) {
        if (sibling.dot != dot) continue;
        auto value = decode_value(sibling.value);
        if (!value) return value.error();
        if (entry.key.empty()) return builder.resolve(name.collection, name.id, field_name, *value);
        if (schema::rule_in_force(field->rule) != schema::Rule::kMap) {
          return Error{Errc::kRuleMismatch, field_name + ": add or remove the element instead"};
        }
        auto key = decode_value(entry.key);
        if (!key) return key.error();
        return builder.set_entry(name.collection, name.id, field_name, *key, *value);
      }
    }
    return Error{Errc::kNotFound, field_name + " holds no value of " + sync::to_text(dot)};
  });
}

Status resolve_field(Writer& writer, sync::Hub& hub, const RecordName& name,
                     const Assignment& choice, const std::string& purpose) {
  const auto catalog = hub.catalog();
  return write(writer, hub, purpose, [&](sync::CommitBuilder& builder) -> Status {
    auto record = held(builder, *catalog, name);
    if (!record) return record.error();
    const std::string field_name = choice.path.substr(0, choice.path.find('.'));
    const schema::FieldDef* const field = catalog->find(name.collection)->find(field_name);
    if (field == nullptr) return Error{Errc::kFieldUnknown, name.collection + "." + field_name};
    auto value = chosen_value(*field, *record, choice);
    if (!value) return value.error();
    return builder.resolve(name.collection, name.id, field_name, *value);
  });
}

}  // namespace satchel::server
