# Debian 12 packages only. Boost is 1.81 by name: the distribution's default is 1.74, and the two
# never mix.
find_package(Threads REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json url container)
find_package(OpenSSL 3 REQUIRED)
find_package(CapnProto CONFIG REQUIRED)
# Its headers are not for the C++20 of Clang without a word of ours.
set(SATCHEL_CAPNP_WORD ${PROJECT_SOURCE_DIR}/schema/capnp_for_clang.hpp)
set_property(TARGET CapnProto::capnp APPEND PROPERTY INTERFACE_COMPILE_OPTIONS
  "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-include ${SATCHEL_CAPNP_WORD}>")
find_package(tomlplusplus CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
if(SATCHEL_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
if(SATCHEL_BUILD_BENCH)
  find_package(benchmark CONFIG REQUIRED)
endif()
