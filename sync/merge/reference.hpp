// What a field shows where it is read as one of these: names of people and territories, ids of
// records, times.
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

// Where history begins that is kept for so many days, in us: with a day (UTC). 0 days: 0, all.
std::int64_t history_from(std::int64_t now_us, std::uint32_t days);

// The record that a $ref field names; nothing where it shows none, or what is no id.
std::optional<RecordId> shown_reference(const schema::FieldDef& field, const Record& record);

// The time that the field shows, in us; nothing where it shows none.
std::optional<std::int64_t> shown_time(const schema::FieldDef& field,
                                       std::span<const Entry> entries);

}  // namespace satchel::sync
