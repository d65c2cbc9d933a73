// Starting other programs and saying what became of them.
#ifndef METASTEP_BASE_CHILD_PROCESS_H_
#define METASTEP_BASE_CHILD_PROCESS_H_

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace metastep {

// What to start, and where its output goes.
struct ChildCommand {
  std::filesystem::path binary;
  std::vector<std::string> arguments;
  // Takes standard error, and standard output unless that has a descriptor.
  // Appended to.
  std::filesystem::path log;
  int stdout_descriptor = -1;
  int stdin_descriptor = -1;  // default: the parent's
};

// Starts a child in a process group of its own (so that Ctrl-C reaches only the
// parent) with no signal blocked. Errors: FailedPrecondition, with the path and
// the system's reason.
absl::StatusOr<pid_t> StartChild(const ChildCommand& command);

// "exited with code 3" or "was killed by signal 9 (Killed)", of a status that
// waitpid gave.
std::string DescribeExit(int wait_status);

// The end of a text file, at most `lines` lines; empty if it cannot be read.
std::string TailOf(const std::filesystem::path& path, int lines);

}  // namespace metastep

#endif  // METASTEP_BASE_CHILD_PROCESS_H_
