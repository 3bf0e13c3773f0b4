// A law that never holds: the control of the replay (control.sh).
#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {

void run(ByteView input) { law(input.empty(), "an input holds nothing"); }
std::vector<Bytes> seeds() { return {"x"}; }

}  // namespace satchel::fuzz
