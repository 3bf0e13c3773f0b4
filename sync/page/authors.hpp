// Who is behind the replica ids of a page, so that a person can be told who wrote.
#pragma once

#include <string>
#include <vector>

#include "schema/model/ids.hpp"
#include "schema/model/result.hpp"

namespace satchel::sync {

// The user whose device it is; empty for the server.
struct Author {
  ReplicaId replica;
  std::string user;
  friend bool operator==(const Author&, const Author&) = default;
};

//   authors  format (u8 = 1) | count | count x (id (16) | length, name); of nobody: nothing
Bytes encode_authors(const std::vector<Author>& authors);
// kFrameMalformed, kRecordNewer.
Result<std::vector<Author>> decode_authors(ByteView bytes);

// The replica ids that a page mentions. kFrameMalformed, kRecordNewer.
Result<std::vector<ReplicaId>> replicas_of_page(ByteView page);

}  // namespace satchel::sync
