// The C interface as C sees it, and its numbers against the one list of errors.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/conformance/c_interface.h"
#include "tests/support/replica_home.hpp"

namespace satchel {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(CInterface, WorksFromC99) {
  const test::ReplicaHome home;
  std::array<char, 512> message{};
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds{10}); };
  EXPECT_EQ(c_interface_run(home.config.path.c_str(), pause, message.data(), message.size()), 1)
      << message.data();
}

TEST(CInterface, NamesEveryErrorByItsNumber) {
  std::map<std::string, int> expected{{"OK", 0}};
#define SATCHEL_ERROR(name, number, wire, exit_status, sentence) expected[wire] = number;
#include "schema/model/error.def"
#undef SATCHEL_ERROR
  std::map<std::string, int> declared;
  const std::string header = read_file(SATCHEL_STATUS_HEADER);
  const std::regex line{R"(SATCHEL_(E_)?([A-Z_]+) = (\d+))"};
  for (std::sregex_iterator at{header.begin(), header.end(), line}, end; at != end; ++at) {
    std::string name = (*at)[2];
    if ((*at)[1].matched) {
      for (char& c : name) c = static_cast<char>(std::tolower(c));
    }
    declared[name] = std::stoi((*at)[3]);
  }
  EXPECT_EQ(declared, expected);
}

}  // namespace
}  // namespace satchel
