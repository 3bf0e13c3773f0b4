// A folder for the files of a target that needs some; in memory where the machine has such a place.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/fuzz/target.hpp"

namespace satchel::fuzz {

// Goes with its owner.
class Scratch {
 public:
  Scratch() {
    namespace fs = std::filesystem;
    const bool asked = std::getenv("TMPDIR") != nullptr;
    const bool in_memory = !asked && fs::is_directory("/dev/shm");
    path_ = (in_memory ? "/dev/shm" : fs::temp_directory_path().string()) + "/satchel-fuzz-XXXXXX";
    law(mkdtemp(path_.data()) != nullptr, "there is no room for a folder");
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace satchel::fuzz
