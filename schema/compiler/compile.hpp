// From Cap'n Proto text to a catalog, with Cap'n Proto's own parser: for the server, for tools and
// for tests. A device is given compiled nodes (Catalog::load, built_in.hpp) and never parses.
#pragma once

#include <memory>
#include <string>

#include "schema/catalog/catalog.hpp"

namespace satchel::schema {

// Parses Cap'n Proto text (the annotations file is embedded under "/satchel/annotations.capnp" and
// the standard CRM under "/satchel/crm.capnp") and checks it whole. The collections are those of
// the file and of every file that it imports. With a base, those of the base are there too, and the
// text's own stand in place of the base's of the same type id: so a file that names one new
// collection adds it. kSchemaInvalid with "file:line: Struct.field: what and what to do", all
// complaints, one a line, in the context; kFileRead; kLimitExceeded. Any thread.
Result<std::shared_ptr<const Catalog>> compile_file(const std::string& path,
                                                    const Catalog* base = nullptr);
// The same for text that came otherwise; relative imports are refused.
Result<std::shared_ptr<const Catalog>> compile_text(const std::string& display_name,
                                                    std::string text,
                                                    const Catalog* base = nullptr);
// The text of the standard CRM.
Result<std::shared_ptr<const Catalog>> compile_crm();

}  // namespace satchel::schema
