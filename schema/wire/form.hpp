// Plain structs into builders and readers into plain structs. For the files of this folder alone:
// no builder or reader leaves it.
#pragma once

#include "schema/wire/frames.capnp.h"
#include "schema/wire/frames.hpp"

namespace satchel::wire {

void fill(form::CommitHeader::Builder to, const CommitHeader& header);
void fill(form::Commit::Builder to, const Commit& commit);
void fill(form::CommitResult::Builder to, const CommitResult& result);
void fill(form::HelloBody::Builder to, const HelloBody& body);
void fill(form::Frame::Builder to, const Frame& frame);

// Readers throw Refused (flat_message.hpp) and kj::Exception: only inside read_flat.
CommitHeader read(form::CommitHeader::Reader from);
Commit read(form::Commit::Reader from);
CommitResult read(form::CommitResult::Reader from);
HelloBody read(form::HelloBody::Reader from);
Frame read(form::Frame::Reader from);

// About how many words the message of each takes.
std::size_t words_of(const CommitHeader& header);
std::size_t words_of(const Commit& commit);
std::size_t words_of(const CommitResult& result);
std::size_t words_of(const HelloBody& body);
std::size_t words_of(const Frame& frame);

}  // namespace satchel::wire
