// What every fuzz target is: a function of bytes that asserts laws, and the seeds it grows from.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "schema/model/bytes.hpp"
#include "schema/model/result.hpp"

namespace satchel::fuzz {

// One input. Leaves nothing behind that a later one could meet.
void run(ByteView input);
// Whole, well-formed inputs, the same in every run.
std::vector<Bytes> seeds();

// Ends the process where a law is broken, so that the input is kept.
inline void law(bool holds, const char* what) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "law broken: %s\n", what);
  std::abort();
}
// The same of a call that must succeed.
template <class Outcome>
void must(const Outcome& outcome, const char* what) {
  if (outcome) [[likely]]
    return;
  std::fprintf(stderr, "law broken: %s: %s\n", what, outcome.error().message().c_str());
  std::abort();
}

// Takes an input apart: what is not there reads as zero. Thread-bound.
class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}
  std::uint8_t octet() {
    const ByteView one = take(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }
  std::uint16_t two_octets() {
    const unsigned low = octet();
    return static_cast<std::uint16_t>(low | unsigned{octet()} << 8);
  }
  // At most so many.
  ByteView take(std::size_t size) {
    const ByteView taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the mark, which goes too; all where there is none.
  ByteView until(char mark) {
    const ByteView taken = take(std::min(rest_.find(mark), rest_.size()));
    static_cast<void>(take(1));
    return taken;
  }
  ByteView rest() { return take(rest_.size()); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

}  // namespace satchel::fuzz
