#include "bench/window_memory.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <string>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "bench/window_problem.h"

namespace metastep {
namespace {

// A field of /proc/self/status, which has it in kB; 0 if it is not there.
double StatusBytes(absl::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == field && status >> kilobytes) return 1024 * kilobytes;
  }
  return 0;
}

// Returns the number of coordinates.
absl::StatusOr<int64_t> RunOnce(int hidden) {
  METASTEP_ASSIGN_OR_RETURN(const WindowProblem problem,
                            MakeMnistProblem(hidden, /*windows=*/1));
  METASTEP_RETURN_IF_ERROR(MetaGradient(problem, *problem.start).status());
  return problem.coordinates;
}

absl::StatusOr<double> Grow() {
  METASTEP_RETURN_IF_ERROR(RunOnce(kPaperHidden).status());
  malloc_trim(0);  // what it freed is not to be had for nothing
  const double before = StatusBytes("VmRSS:");
  METASTEP_ASSIGN_OR_RETURN(const int64_t coordinates, RunOnce(kMillionHidden));
  return (StatusBytes("VmHWM:") - before) / static_cast<double>(coordinates);
}

// The child's part: writes what Grow returns.
[[noreturn]] void WriteGrowth(int descriptor) {
  const absl::StatusOr<double> growth = Grow();
  if (!growth.ok()) {
    std::cerr << growth.status().message() << "\n";
    _exit(1);
  }
  const bool written =
      write(descriptor, &*growth, sizeof(*growth)) == sizeof(*growth);
  _exit(written ? 0 : 1);
}

}  // namespace

absl::StatusOr<double> MemoryOfMillion() {
  int ends[2];
  if (pipe(ends) != 0) return absl::UnavailableError("no pipe");
  const pid_t child = fork();
  if (child == 0) WriteGrowth(ends[1]);
  close(ends[1]);
  double growth = 0;
  const bool read_all =
      read(ends[0], &growth, sizeof(growth)) == sizeof(growth);
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (read_all) return growth;
  return absl::UnavailableError("the process that measures memory failed");
}

}  // namespace metastep
