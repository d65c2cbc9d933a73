#include "tests/support/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/time/clock.h"

extern char** environ;

namespace metastep {

std::unique_ptr<ChildProcess> ChildProcess::Start(
    std::vector<std::string> argv) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& argument : argv) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], &actions, nullptr,
                                 arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) std::abort();
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, ends[0]));
}

ChildProcess::ChildProcess(pid_t pid, int output_fd)
    : pid_(pid), output_fd_(output_fd), reader_([this] { Read(); }) {}

ChildProcess::~ChildProcess() {
  if (!reaped_) {
    Signal(SIGKILL);
    Wait();
  }
  reader_.join();
  close(output_fd_);
}

void ChildProcess::Signal(int signal) const { kill(pid_, signal); }

int ChildProcess::Wait() {
  if (reaped_) return exit_code_;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return exit_code_;
}

void ChildProcess::Read() {
  char buffer[4096];
  while (true) {
    const ssize_t got = read(output_fd_, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    MutexLock lock(mu_);
    if (got > 0) output_.append(buffer, static_cast<size_t>(got));
    ended_ = got <= 0;
    more_.NotifyAll();
    if (ended_) return;
  }
}

std::string ChildProcess::WaitForLine(absl::string_view text,
                                      absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mu_);
  size_t begin = 0;
  while (true) {
    size_t end = output_.find('\n', begin);
    for (; end != std::string::npos; end = output_.find('\n', begin)) {
      std::string line = output_.substr(begin, end - begin);
      if (absl::StrContains(line, text)) return line;
      begin = end + 1;
    }
    const absl::Duration left = deadline - absl::Now();
    if (ended_ || left <= absl::ZeroDuration()) return "";
    more_.WaitFor(mu_, left);
  }
}

std::string ChildProcess::output() {
  MutexLock lock(mu_);
  return output_;
}

}  // namespace metastep
