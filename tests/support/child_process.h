// A child process whose output a test reads and waits on.
#ifndef METASTEP_TESTS_SUPPORT_CHILD_PROCESS_H_
#define METASTEP_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace metastep {

// Runs from Start until it ends or is destroyed (SIGKILL). Thread-safe.
class ChildProcess {
 public:
  // Runs argv[0]; standard output and error are read together. Aborts the test
  // binary if the system has no process to give.
  static std::unique_ptr<ChildProcess> Start(std::vector<std::string> argv);
  ~ChildProcess();

  // Sends a signal.
  void Signal(int signal) const;
  // Waits for its end; the exit code, or minus the signal that ended it.
  int Wait();
  // Waits for a line that contains `text` and returns it; "" if the output ends
  // or `timeout` passes first.
  std::string WaitForLine(absl::string_view text,
                          absl::Duration timeout = absl::Seconds(30));
  // All output so far.
  std::string output();

 private:
  ChildProcess(pid_t pid, int output_fd);
  void Read();

  const pid_t pid_;
  const int output_fd_;

  Mutex mu_;
  CondVar more_;
  std::string output_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool reaped_ = false;
  int exit_code_ = 0;
  std::thread reader_;  // last, so that it starts when all else is there
};

}  // namespace metastep

#endif  // METASTEP_TESTS_SUPPORT_CHILD_PROCESS_H_
