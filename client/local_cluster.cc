#include "client/local_cluster.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

constexpr char kServer[] = "server";
constexpr char kWorker[] = "worker";

// It takes well under a second, unless a large store has to be recovered.
constexpr absl::Duration kServerStartTimeout = absl::Seconds(30);
// What a worker has in hand at the end is of no use to anybody.
constexpr char kWorkerDrainTimeout[] = "1s";
constexpr absl::Duration kStopPatience = absl::Seconds(5);
// For each worker: chance kills one now and then, a bug kills each one.
constexpr int kReplacementsPerWorker = 3;
constexpr int kLogLinesShown = 15;
// The server's first line is some 30 bytes.
constexpr size_t kMaxReadyLine = 4096;

std::string Obituary(const std::string& name, const std::string& fate,
                     const std::filesystem::path& log) {
  return absl::StrCat("the local ", name, " ", fate, "; the end of ",
                      log.string(), ":\n", TailOf(log, kLogLinesShown));
}

// Reads up to a newline, or as much as comes before `deadline` or the end.
std::string ReadLine(int descriptor, absl::Time deadline) {
  std::string line;
  while (line.size() < kMaxReadyLine && !absl::EndsWith(line, "\n")) {
    pollfd readable = {descriptor, POLLIN, 0};
    const auto left = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int ready = left > 0 ? poll(&readable, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    char byte = 0;
    if (ready <= 0 || read(descriptor, &byte, 1) != 1) break;
    line.push_back(byte);
  }
  return line;
}

// The port of {"port":7070,...}; 0 if that is not what the line says.
int PortFrom(const std::string& line) {
  const auto ready = nlohmann::json::parse(line, nullptr,
                                           /*allow_exceptions=*/false);
  if (!ready.is_object() || !ready.contains("port")) return 0;
  return ready["port"].is_number_integer() ? ready["port"].get<int>() : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(
    const LocalClusterOptions& options, Cancellation& cancellation) {
  METASTEP_RETURN_IF_ERROR(MakeFolder(options.state_dir / "logs"));
  auto cluster =
      std::unique_ptr<LocalCluster>(new LocalCluster(options, cancellation));
  METASTEP_RETURN_IF_ERROR(cluster->StartServer());
  METASTEP_RETURN_IF_ERROR(cluster->StartWorkers());
  return cluster;
}

LocalCluster::~LocalCluster() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  Stop(kWorker);
  Stop(kServer);
  if (supervisor_.joinable()) supervisor_.join();
}

absl::Status LocalCluster::StartServer() {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError("no file descriptors left for a pipe");
  }
  absl::Cleanup close_read = [&] { close(pipe_ends[0]); };
  Child child = {kServer,
                 {options_.binaries / "metastep-server",
                  {"--listen=127.0.0.1:0",
                   absl::StrCat("--state-dir=", options_.state_dir.string()),
                   "--exit-with-parent"},
                  options_.state_dir / "logs/server.log",
                  pipe_ends[1]}};
  const absl::StatusOr<pid_t> pid = StartChild(child.command);
  close(pipe_ends[1]);
  METASTEP_RETURN_IF_ERROR(pid.status());
  const int port =
      PortFrom(ReadLine(pipe_ends[0], absl::Now() + kServerStartTimeout));
  if (port == 0) {
    // Ended already, unless it hangs.
    kill(*pid, SIGKILL);
    int wait_status = 0;
    waitpid(*pid, &wait_status, 0);
    return absl::FailedPreconditionError(Obituary(
        kServer, absl::StrCat(DescribeExit(wait_status), " before it served"),
        child.command.log));
  }
  address_ = absl::StrCat("127.0.0.1:", port);
  MutexLock lock(mu_);
  children_.emplace(*pid, std::move(child));
  return absl::OkStatus();
}

absl::Status LocalCluster::StartWorkers() {
  MutexLock lock(mu_);
  // Not earlier: it ends when it finds no child.
  supervisor_ = std::thread([this] { Supervise(); });
  replacements_left_ = kReplacementsPerWorker * options_.workers;
  for (int i = 0; i < options_.workers; ++i) {
    METASTEP_RETURN_IF_ERROR(Launch(WorkerChild(i)));
  }
  return absl::OkStatus();
}

LocalCluster::Child LocalCluster::WorkerChild(int index) const {
  const std::string name = absl::StrCat(kWorker, "-", index);
  return {name,
          {options_.binaries / "metastep-worker",
           {absl::StrCat("--server=", address_),
            absl::StrCat("--data-dir=", options_.data_dir.string()),
            "--slots=1", absl::StrCat("--drain-timeout=", kWorkerDrainTimeout),
            "--exit-with-parent"},
           options_.state_dir / "logs" / absl::StrCat(name, ".log")}};
}

absl::Status LocalCluster::Launch(Child child) {
  METASTEP_ASSIGN_OR_RETURN(const pid_t pid, StartChild(child.command));
  children_.emplace(pid, std::move(child));
  return absl::OkStatus();
}

void LocalCluster::Supervise() {
  while (true) {
    siginfo_t ended;
    // Leaves the child unreaped, so that its pid is not reused while Signal
    // may still send to it.
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return;  // no children left
    }
    MutexLock lock(mu_);
    int wait_status = 0;
    waitpid(ended.si_pid, &wait_status, 0);
    if (auto child = children_.extract(ended.si_pid); !child.empty()) {
      OnExit(child.mapped(), wait_status);
    }
    child_ended_.NotifyAll();
  }
}

void LocalCluster::OnExit(const Child& child, int wait_status) {
  if (stopping_) return;
  const std::string fate = DescribeExit(wait_status);
  if (child.name != kServer && replacements_left_ > 0) {
    --replacements_left_;
    LogWarning("the local %s %s; starting another", child.name, fate);
    const absl::Status launched = Launch(child);
    if (launched.ok()) return;
  }
  cancellation_.Cancel(
      absl::AbortedError(Obituary(child.name, fate, child.command.log)));
}

void LocalCluster::Stop(const std::string& prefix) {
  MutexLock lock(mu_);
  Signal(prefix, SIGTERM);
  if (WaitForEnd(prefix)) return;
  Signal(prefix, SIGKILL);
  while (!WaitForEnd(prefix)) {
  }
}

void LocalCluster::Signal(const std::string& prefix, int signal) {
  for (const auto& [pid, child] : children_) {
    if (absl::StartsWith(child.name, prefix)) kill(pid, signal);
  }
}

bool LocalCluster::WaitForEnd(const std::string& prefix) {
  const absl::Time end = absl::Now() + kStopPatience;
  while (AnyLeft(prefix)) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    child_ended_.WaitFor(mu_, left);
  }
  return true;
}

bool LocalCluster::AnyLeft(const std::string& prefix) const {
  return std::any_of(children_.begin(), children_.end(), [&](const auto& it) {
    return absl::StartsWith(it.second.name, prefix);
  });
}

}  // namespace metastep
