// Where in its author's files stands what accepts_successor_of found.
#pragma once

#include <string>

#include "schema/catalog/catalog.hpp"

namespace satchel::schema {

// Puts "file:line: " before each finding of `refused` (kSchemaIncompatible), for the schema
// `newer` that was compiled from the file at `path` and what it imports. What the files have no
// place for, such as a collection that was taken out, stands at the first line of `path`. The code
// stays; other errors are given back as they are.
Error place_findings(const Error& refused, const Catalog& newer, const std::string& path);

}  // namespace satchel::schema
