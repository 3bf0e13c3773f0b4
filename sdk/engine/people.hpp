// Who wrote, as a rep understands it.
#pragma once

#include <string>

#include "sync/edge/edge.hpp"
#include "sync/merge/explain.hpp"

namespace satchel::sdk {

// "you", "you on another device", "bob", "the server", and where the reader holds nothing that
// tells whose it is "another device (8c8a2a82)". Names come from the records that the replica holds
// and `purpose` may read: whoever made one stands in it. The first foreign id costs one pass over
// them. The function must not outlive `edge`; thread-compatible as that is.
sync::NameOfReplica names_of_people(sync::Edge& edge, std::string_view purpose);

}  // namespace satchel::sdk
