#include "base/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace metastep {
namespace {

// Far more than the lines that are wanted have.
constexpr std::streamoff kTailBytes = 16 << 10;

// Where the child's input comes from and its outputs go.
class FileActions {
 public:
  explicit FileActions(const ChildCommand& command) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(
        &actions_, STDERR_FILENO, command.log.c_str(),
        O_WRONLY | O_CREAT | O_APPEND, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    posix_spawn_file_actions_adddup2(&actions_,
                                     command.stdout_descriptor >= 0
                                         ? command.stdout_descriptor
                                         : STDERR_FILENO,
                                     STDOUT_FILENO);
    if (command.stdin_descriptor >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, command.stdin_descriptor,
                                       STDIN_FILENO);
    }
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// A process group of its own, and no signal blocked.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<pid_t> StartChild(const ChildCommand& command) {
  const FileActions files(command);
  const Attributes attributes;
  std::vector<std::string> words = {command.binary.string()};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, command.binary.c_str(), files.get(),
                                attributes.get(), argv.data(), environ);
  if (error != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start ", command.binary.string(), " (log ",
                     command.log.string(), "): ", std::strerror(error)));
  }
  return pid;
}

std::string DescribeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return absl::StrFormat("was killed by signal %d (%s)", signal,
                           strsignal(signal));
  }
  return absl::StrFormat("exited with code %d", WEXITSTATUS(wait_status));
}

std::string TailOf(const std::filesystem::path& path, int lines) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  file.seekg(std::max<std::streamoff>(0, file.tellg() - kTailBytes));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) return "";
  size_t begin = text.size();
  for (int i = 0; i < lines && begin != std::string::npos && begin > 0; ++i) {
    begin = text.rfind('\n', begin - 1);
  }
  return begin == std::string::npos ? text : text.substr(begin + 1);
}

}  // namespace metastep
