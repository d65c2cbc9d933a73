#include "bench/python_peer.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/child_process.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

// From the repository's root, where tools/bench starts the benchmarks.
const char* const kInterpreters[] = {"build/peers/bin/python", "python3",
                                     "/usr/bin/python3"};

constexpr int64_t kMaxResultBytes = int64_t{1} << 30;

// A script at work. Not thread-safe.
class Script {
 public:
  // Starts the script. Errors: FailedPrecondition.
  static absl::StatusOr<std::unique_ptr<Script>> Start(
      const std::string& python, const std::filesystem::path& script,
      const std::filesystem::path& folder) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return absl::UnavailableError(
          absl::StrCat("no socket pair: ", std::strerror(errno)));
    }
    const auto log = folder / absl::StrCat(script.filename().string(), ".log");
    // env looks the interpreter up in PATH.
    const absl::StatusOr<pid_t> pid =
        StartChild({.binary = "/usr/bin/env",
                    .arguments = {python, script.string(), folder.string()},
                    .log = log,
                    .stdout_descriptor = ends[1],
                    .stdin_descriptor = ends[1]});
    close(ends[1]);
    if (!pid.ok()) {
      close(ends[0]);
      return pid.status();
    }
    return std::unique_ptr<Script>(new Script(*pid, ends[0], log));
  }

  // Closing its standard input ends it.
  ~Script() {
    fclose(stream_);
    if (pid_ != 0) waitpid(pid_, nullptr, 0);
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // Its next line. Errors: Internal: it ended.
  absl::StatusOr<std::string> ReadLine() {
    std::string line;
    for (int c = fgetc(stream_); c != '\n'; c = fgetc(stream_)) {
      if (c == EOF) return Ended();
      line += static_cast<char>(c);
    }
    return line;
  }

  absl::StatusOr<double> Measure() {
    send(fileno(stream_), "\n", 1, MSG_NOSIGNAL);
    METASTEP_ASSIGN_OR_RETURN(const std::string answer, ReadLine());
    double value = 0;
    if (absl::SimpleAtod(answer, &value)) return value;
    return absl::InternalError(
        absl::StrCat("the peer answers '", answer, "', not a number"));
  }

 private:
  absl::Status Ended() {
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return absl::InternalError(absl::StrCat("a peer ", DescribeExit(status),
                                            ": ", TailOf(log_, /*lines=*/5)));
  }

  Script(pid_t pid, int socket, std::filesystem::path log)
      : pid_(pid), stream_(fdopen(socket, "r")), log_(std::move(log)) {}

  pid_t pid_;  // 0: it has been waited for
  FILE* const stream_;
  const std::filesystem::path log_;
};

// Errors: NotFound: this interpreter lacks what the script needs.
absl::StatusOr<PythonPeer> StartWith(const std::string& python,
                                     const std::filesystem::path& script,
                                     const std::filesystem::path& folder) {
  METASTEP_ASSIGN_OR_RETURN(const std::shared_ptr<Script> peer,
                            Script::Start(python, script, folder));
  METASTEP_ASSIGN_OR_RETURN(const std::string line, peer->ReadLine());
  const nlohmann::json hello =
      nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (hello.contains("missing")) {
    return absl::NotFoundError(
        absl::StrCat(python, " has no ", hello["missing"].get<std::string>()));
  }
  if (!hello.contains("name")) {
    return absl::InternalError(
        absl::StrCat(script.string(), " begins with '", line, "'"));
  }
  return PythonPeer{hello["name"], [peer] { return peer->Measure(); }};
}

// A name without a folder is left to env.
bool IsThere(const std::string& python) {
  return !absl::StrContains(python, '/') || access(python.c_str(), X_OK) == 0;
}

absl::StatusOr<PythonPeer> StartByFirst(const std::string& python,
                                        const std::filesystem::path& script,
                                        const std::filesystem::path& folder) {
  std::vector<std::string> interpreters = {python};
  if (python.empty()) {
    interpreters.assign(std::begin(kInterpreters), std::end(kInterpreters));
  }
  std::vector<std::string> reasons;
  for (const std::string& interpreter : interpreters) {
    if (!IsThere(interpreter)) {
      reasons.push_back(absl::StrCat("no ", interpreter));
      continue;
    }
    absl::StatusOr<PythonPeer> peer = StartWith(interpreter, script, folder);
    if (!absl::IsNotFound(peer.status())) return peer;
    reasons.emplace_back(peer.status().message());
  }
  return absl::NotFoundError(
      absl::StrCat("not installed: ", absl::StrJoin(reasons, ", "),
                   "; see bench/README.md"));
}

absl::StatusOr<std::vector<float>> ReadFloats(
    const std::filesystem::path& path) {
  METASTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kMaxResultBytes));
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

}  // namespace

double RelativeError(absl::Span<const float> theirs,
                     absl::Span<const float> ours) {
  if (theirs.size() != ours.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    difference += std::pow(double{theirs[i]} - ours[i], 2);
    norm += std::pow(double{ours[i]}, 2);
  }
  return std::sqrt(difference / norm);
}

absl::Status CheckResult(absl::string_view contender,
                         absl::Span<const float> result,
                         const PeerProblem& problem) {
  const double error = RelativeError(result, problem.expected);
  if (error <= problem.tolerance) return absl::OkStatus();
  return absl::InternalError(absl::StrFormat(
      "%s computes something else: its relative difference is %.3g; limit %.3g",
      contender, error, problem.tolerance));
}

absl::StatusOr<PythonPeer> StartPython(const std::string& python,
                                       const std::filesystem::path& script,
                                       const PeerProblem& problem) {
  METASTEP_ASSIGN_OR_RETURN(PythonPeer peer,
                            StartByFirst(python, script, problem.folder));
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<float> result,
      ReadFloats(problem.folder /
                 absl::StrCat(script.filename().string(), ".f32")));
  METASTEP_RETURN_IF_ERROR(CheckResult(peer.name, result, problem));
  return peer;
}

absl::StatusOr<Contender> PythonContender(const std::string& python,
                                          const std::filesystem::path& script,
                                          const PeerProblem& problem) {
  METASTEP_ASSIGN_OR_RETURN(const PythonPeer peer,
                            StartPython(python, script, problem));
  return Contender{peer.name, problem.unit,
                   [measure = peer.measure,
                    work = problem.work]() -> absl::StatusOr<double> {
                     METASTEP_ASSIGN_OR_RETURN(const double seconds, measure());
                     return work / seconds;
                   }};
}

}  // namespace metastep
