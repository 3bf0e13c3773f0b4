// Small text files that hold keys: a title line, lines, and a last line "sum HEX" with the SHA-256
// of all bytes above it, so that a cut or altered file is told apart from a wrong key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/secret.hpp"
#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::crypto {

// The lines between title and sum. kKeyLost: there is no such file; kKeyMalformed: title or sum are
// not as written; kKeyProvider: it is no plain file, others may read or write it, or it cannot be
// read.
Result<std::vector<SecretBytes>> read_key_file(const std::string& path, std::string_view title);

// Replaces the file as a whole, mode 0600, durable with its name when it returns; then overwrites
// the bytes of the file that was replaced, as well as the file system lets it. kKeyProvider: the
// old file may still stand.
Status write_key_file(const std::string& path, std::string_view title,
                      const std::vector<SecretBytes>& lines);

// `prefix` and the key in hexadecimal; and back, where the line is exactly that.
SecretBytes key_line(std::string_view prefix, const Key32& key);
std::optional<Key32> key_after(ByteView line, std::string_view prefix);

}  // namespace satchel::crypto
