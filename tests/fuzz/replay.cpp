// A target's corpus, run once: what every run of the tests does.
//
//   fuzz_NAME FILE|FOLDER...   each input's name, then how many there were; 1 where there were none
//   fuzz_NAME --seeds FOLDER   writes the target's seeds there
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/fuzz/target.hpp"

namespace {

namespace fs = std::filesystem;
using satchel::Bytes;

std::vector<fs::path> inputs_of(const fs::path& path) {
  if (fs::is_regular_file(path)) return {path};
  std::vector<fs::path> inputs;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator{path}) {
      if (entry.is_regular_file()) inputs.push_back(entry.path());
    }
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

// The name comes first: the last one that was printed is the input that ended the process.
int replay(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto inputs = inputs_of(path);
    for (const fs::path& input : inputs) {
      std::cout << input.filename().string() << std::endl;
      std::ifstream file{input, std::ios::binary};
      std::ostringstream bytes;
      bytes << file.rdbuf();
      satchel::fuzz::run(std::move(bytes).str());
    }
    if (inputs.empty()) {
      std::cerr << path << ": no inputs\n";
      return 1;
    }
    std::cout << inputs.size() << " inputs of " << path << " replayed\n";
  }
  return paths.empty() ? 1 : 0;
}

int write_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  std::size_t number = 0;
  for (const Bytes& seed : satchel::fuzz::seeds()) {
    std::ofstream file{folder / ("seed-" + std::to_string(++number)), std::ios::binary};
    file << seed;
    if (!file.flush()) return 1;
  }
  std::cout << number << " seeds\n";
  return number == 0 ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> arguments{words + 1, words + count};
  if (arguments.size() == 2 && arguments[0] == "--seeds") return write_seeds(arguments[1]);
  return replay(arguments);
}
