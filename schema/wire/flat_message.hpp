// Cap'n Proto messages as flat, word-aligned byte strings, and the wall at which kj's exceptions
// end. For the files of this folder alone.
#pragma once

#include <cstring>
#include <utility>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include "schema/model/bytes.hpp"
#include "schema/model/limits.hpp"
#include "schema/model/result.hpp"

namespace satchel::wire {

// Thrown by readers that meet what the form does not allow; never leaves read_flat.
struct Refused {
  Error error;
};

// `words_hint`: about how large the message will be. One segment where the hint suffices.
template <class Root, class Fill>
Bytes write_flat(std::size_t words_hint, const Fill& fill) {
  capnp::MallocMessageBuilder message{static_cast<unsigned>(words_hint)};
  fill(message.initRoot<Root>());
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(message);
  const auto octets = words.asBytes();
  return Bytes{reinterpret_cast<const char*>(octets.begin()), octets.size()};
}

// Reads a message whose words are aligned. Each part may be visited about once: a message that
// points twice to the same bytes is refused.
template <class Root, class Read>
auto read_words(kj::ArrayPtr<const capnp::word> words, const Read& read)
    -> Result<decltype(read(std::declval<typename Root::Reader>()))> {
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.size() + 64;
    options.nestingLimit = static_cast<int>(limits::kFrameNestingMax);
    capnp::FlatArrayMessageReader message{words, options};
    if (message.getEnd() != words.end()) {
      return Error{Errc::kFrameMalformed, "bytes are left after the message"};
    }
    return read(message.getRoot<Root>());
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const kj::Exception&) {
    // Its text names source files and words of the message: kept out of ours.
    return Error{Errc::kFrameMalformed, "not a message of this form"};
  }
}

// An aligned copy is made of `bytes`, which come from anywhere.
template <class Root, class Read>
auto read_flat(ByteView bytes, const Read& read)
    -> Result<decltype(read(std::declval<typename Root::Reader>()))> {
  if (bytes.size() > limits::kFrameBytesMax) return Error{Errc::kFrameTooLarge, "a message"};
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0) {
    return Error{Errc::kFrameMalformed, "a message is made of whole words"};
  }
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), bytes.data(), bytes.size());
  return read_words<Root>(words, read);
}

}  // namespace satchel::wire
