// Who wrote, as a rep understands it.
#pragma once

#include "sync/edge/edge.hpp"
#include "sync/merge/explain.hpp"

namespace satchel::sdk {

// "you", "you on another device", "bob", "the server", and where the server has not told whose it
// is "another device (8c8a2a82)". The function must not outlive `edge`; thread-compatible as that
// is.
sync::NameOfReplica names_of_people(sync::Edge& edge);

}  // namespace satchel::sdk
