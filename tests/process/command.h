// Runs the project's binaries to their end.
#ifndef METASTEP_TESTS_PROCESS_COMMAND_H_
#define METASTEP_TESTS_PROCESS_COMMAND_H_

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "tests/support/child_process.h"

namespace metastep {

struct CommandResult {
  int exit_code;
  std::string output;  // standard output and error
};

inline CommandResult RunBinary(const std::string& name,
                               std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   std::string(METASTEP_BIN_DIR) + "/" + name);
  const auto process = ChildProcess::Start(std::move(arguments));
  process->WaitForLine("no line has this", absl::Minutes(2));
  const int exit_code = process->Wait();
  return {exit_code, process->output()};
}

inline CommandResult Metastep(std::vector<std::string> arguments) {
  return RunBinary("metastep", std::move(arguments));
}

// The JSON document in an output that ends with it.
inline nlohmann::json JsonIn(const CommandResult& result) {
  const size_t begin = result.output.find('{');
  EXPECT_NE(begin, std::string::npos) << result.output;
  return nlohmann::json::parse(result.output.substr(begin), nullptr,
                               /*allow_exceptions=*/false);
}

}  // namespace metastep

#endif  // METASTEP_TESTS_PROCESS_COMMAND_H_
