# The manner in which every target of this project is made: one alias each, warnings private.

add_library(satchel_warnings INTERFACE)
add_library(satchel::warnings ALIAS satchel_warnings)
target_compile_options(satchel_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow
  $<$<COMPILE_LANGUAGE:CXX>:-Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>
  # GCC 12 sees overlapping copies in std::string at -O2 and above where there are none (its bug
  # 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(SATCHEL_SANITIZE)
  target_compile_options(satchel_warnings INTERFACE -fsanitize=${SATCHEL_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SATCHEL_SANITIZE})
  if(SATCHEL_SANITIZE STREQUAL "thread")
    # Boost fences atomics on every strand; the sanitizer, which does not watch fences, says so once
    # per place.
    target_compile_options(satchel_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()
if(SATCHEL_FUZZ)
  target_compile_options(satchel_warnings INTERFACE -fsanitize=fuzzer-no-link)
endif()

# std::move(*f()) says what becomes of a Result, also where Boost gives a value of its own.
add_library(satchel_test_warnings INTERFACE)
target_compile_options(satchel_test_warnings INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-pessimizing-move>)

# Of the core, in every debug build: it runs several times as fast and takes little longer to build,
# and the simulator's worlds are most of what a test run does.
set(SATCHEL_CORE_OPTIONS $<$<CONFIG:Debug>:$<IF:$<CXX_COMPILER_ID:Clang>,-O1,-Og>>)

# satchel_library(name SOURCES... DEPENDS... [PRIVATE_DEPENDS...]) makes satchel_name and its alias
# satchel::name.
function(satchel_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(satchel_${name} STATIC)
  add_library(satchel::${name} ALIAS satchel_${name})
  target_sources(satchel_${name} PRIVATE ${arg_SOURCES})
  target_include_directories(satchel_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(satchel_${name} PUBLIC ${arg_DEPENDS}
    PRIVATE satchel::warnings ${arg_PRIVATE_DEPENDS})
endfunction()

# satchel_test(name LABEL SOURCES... DEPENDS...) makes a GoogleTest binary known to CTest.
# One CTest entry per binary keeps the start-up cost of hundreds of processes out of the run.
function(satchel_test name label)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(SATCHEL_SANITIZE)
    math(EXPR arg_TIMEOUT "5 * ${arg_TIMEOUT}")
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE satchel::warnings satchel_test_warnings ${arg_DEPENDS}
    GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${arg_TIMEOUT})
endfunction()
