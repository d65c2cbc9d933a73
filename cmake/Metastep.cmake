# How this project's libraries, binaries and tests are declared.
include(GoogleTest)

set(METASTEP_GENERATED_DIR "${CMAKE_BINARY_DIR}/generated")
set(METASTEP_PROTO_OUT "${METASTEP_GENERATED_DIR}/proto")
file(MAKE_DIRECTORY "${METASTEP_PROTO_OUT}/client")

# Warnings and include paths of our own code.
add_library(metastep_options INTERFACE)
add_library(metastep::options ALIAS metastep_options)
target_compile_features(metastep_options INTERFACE cxx_std_20)
target_compile_options(metastep_options INTERFACE $<BUILD_INTERFACE:
  -Wall;-Wextra;-Wshadow;
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>;
  $<$<BOOL:${METASTEP_WERROR}>:-Werror>>
)
target_include_directories(metastep_options INTERFACE
  "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR};${METASTEP_GENERATED_DIR}>")

# metastep_cc_library(NAME HDRS ... SRCS ... [DEPS ...] [PRIVATE_DEPS ...])
# makes the static library metastep::NAME from the folder's files.
function(metastep_cc_library name)
  cmake_parse_arguments(ARG "" "" "HDRS;SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(metastep_${name} STATIC ${ARG_SRCS} ${ARG_HDRS})
  add_library(metastep::${name} ALIAS metastep_${name})
  target_link_libraries(metastep_${name}
    PUBLIC metastep::options ${ARG_DEPS}
    PRIVATE ${ARG_PRIVATE_DEPS})
  set_target_properties(metastep_${name} PROPERTIES
    METASTEP_HEADERS "${ARG_HDRS}")
endfunction()

# metastep_cc_binary(NAME SRCS ... DEPS ...) puts NAME into bin/.
function(metastep_cc_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE metastep::options ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endfunction()

# metastep_bench(NAME SRCS ... DEPS ...) makes bin/bench-NAME for tools/bench.
# Benchmarks are built when they are asked for: each by its name, or all by
# `benches`.
add_custom_target(benches)
function(metastep_bench name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  metastep_cc_binary(bench-${name}
    SRCS ${ARG_SRCS} DEPS metastep::bench ${ARG_DEPS})
  set_target_properties(bench-${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  add_dependencies(benches bench-${name})
endfunction()

# metastep_test(NAME SRCS ... DEPS ... [LABELS ...] [TIMEOUT s]) registers the
# GoogleTest cases of one binary; the default label is "unit".
function(metastep_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE
    metastep::options ${ARG_DEPS} metastep::test_support
    metastep_test_main GTest::gmock)
  gtest_discover_tests(${name}
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    DISCOVERY_TIMEOUT 60)
endfunction()

# metastep_process_test(NAME SRCS ... DEPS ...) registers a binary as one test:
# its cases share what is costly to make.
function(metastep_process_test name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE
    metastep::options ${ARG_DEPS} metastep_test_main GTest::gmock)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS process TIMEOUT 900)
endfunction()
