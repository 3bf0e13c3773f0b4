// Included before any header of Cap'n Proto where Clang compiles (cmake/SatchelDependencies.cmake).
#pragma once

#include <kj/string.h>

namespace kj {

// Cap'n Proto 0.9's headers compare a C string with a StringPtr and rely on C++20's turning the
// comparison round. P2468, which Clang 16 follows and GCC 12 does not, forbids that where a class
// has an operator!= too.
inline bool operator==(const char* a, const StringPtr& b) { return b.operator==(StringPtr{a}); }

}  // namespace kj
