#include "tests/contract/store_engines.hpp"

namespace satchel::sync::contract {

std::vector<EngineKind> all_engines() {
  return {{"Memory", [] { return std::make_unique<MemoryEngine>(); }},
          {"Lmdb", [] { return std::make_unique<LmdbEngine>(); }}};
}

}  // namespace satchel::sync::contract
