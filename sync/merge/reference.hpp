// What a field shows where it is read as text: names of people and territories, ids of records.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "schema/catalog/catalog.hpp"
#include "sync/merge/record.hpp"

namespace satchel::sync {

// The text that the field shows, or the texts of its set; empty texts and other kinds of values
// are left out. `entries`: all of the field.
std::vector<std::string> shown_texts(const schema::FieldDef& field, std::span<const Entry> entries);

// The record that a $ref field names; nothing where it shows none, or what is no id.
std::optional<RecordId> shown_reference(const schema::FieldDef& field, const Record& record);

}  // namespace satchel::sync
