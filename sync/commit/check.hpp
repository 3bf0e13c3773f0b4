// Whether a value or an operation fits a field: asked by authors before they write and by the hub
// before it accepts.
#pragma once

#include <optional>

#include "schema/catalog/catalog.hpp"
#include "sync/commit/body.hpp"

namespace satchel::sync {

// kTypeMismatch names the field and what it takes. Null fits every type (it clears).
Status check_type(const schema::FieldDef& field, const schema::Type& type, const Value& value);

// Whether `op` with this key and value is one that the field's rule has. kRuleMismatch,
// kTypeMismatch, kLimitExceeded.
Status check_write(const schema::FieldDef& field, const RegisterWrite& write);

// A value that decodes, has at most kValueBytesMax bytes, and a key of at most kKeyBytesMax. For
// fields that this version does not know, this is all that can be said.
Status check_bounds(const RegisterWrite& write);

// The stage that a value names (the text itself or a struct's first member), nothing where it names
// none.
std::optional<std::uint8_t> stage_index(const schema::StageTable& table, const Value& value);

}  // namespace satchel::sync
