// metastep-worker: computes shards for a metastep server.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/build_version.h"
#include "base/logging.h"
#include "rpc/channel.h"
#include "rpc/grpc_log.h"
#include "rpc/shutdown_signal.h"
#include "worker/worker.h"

namespace metastep {
namespace {

constexpr int kExitDrained = 0;
constexpr int kExitUsage = 2;
constexpr int kExitOutOfReach = 3;
constexpr int kExitRefused = 4;

constexpr char kFooter[] = R"(
Example: two slots for a server on another machine
  metastep-worker --server trainer:7070 --data-dir /srv/data --slots 2

On SIGTERM or SIGINT it takes no new shard, finishes those in work (or hands
them back after --drain-timeout) and exits. Durations are written like 500ms,
10s, 1m30s or 2h.

Exit codes:
  0  drained after SIGTERM or SIGINT
  1  ended by a second signal while it drained
  2  wrong usage
  3  the server was out of reach for --give-up-after
  4  refused: the server's version is another, or it is no metastep server; or
     the slots would get wrong numbers of an OpenBLAS built without threads
)";

struct Flags {
  std::string server = "127.0.0.1:7070";
  std::string data_dir = ".";
  int slots = std::clamp<int>(std::thread::hardware_concurrency(), 1, 1024);
  int64_t lane_memory_mib = 1024;
  std::string give_up_after = "10m";
  std::string drain_timeout = "30s";
  std::string log_format = "text";
  bool exit_with_parent = false;
};

// CLI11 validators: the error, or nothing.
std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) &&
      duration >= absl::ZeroDuration() && duration <= absl::Hours(24 * 365)) {
    return "";
  }
  return absl::StrCat("'", text, "' is no duration from 0s to a year; write ",
                      "it like 30s or 10m");
}

std::string CheckAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon != std::string::npos && colon > 0 &&
      absl::SimpleAtoi(text.substr(colon + 1), &port) && port >= 1 &&
      port <= 65535) {
    return "";
  }
  return absl::StrCat("'", text,
                      "' is no HOST:PORT with a port from 1 to 65535");
}

void Declare(CLI::App& app, Flags& flags) {
  app.set_version_flag("--version",
                       absl::StrCat("metastep-worker ", kBuildVersion));
  app.footer(kFooter);
  app.option_defaults()->always_capture_default();
  app.add_option("--server", flags.server, "Server to work for")
      ->type_name("HOST:PORT")
      ->check(CheckAddress);
  app.add_option("--data-dir", flags.data_dir,
                 "Folder that holds the data sets' folders")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  app.add_option("--slots", flags.slots,
                 "Shards computed at once, a thread for each; by default as "
                 "many as there are cores")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_option("--lane-memory-mib", flags.lane_memory_mib,
                 "Memory for lane states kept between shards, in MiB")
      ->type_name("N")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30));
  app.add_option("--give-up-after", flags.give_up_after,
                 "How long a server out of reach is waited for")
      ->type_name("DURATION")
      ->check(CheckDuration);
  app.add_option("--drain-timeout", flags.drain_timeout,
                 "Time for the shards in work after SIGTERM")
      ->type_name("DURATION")
      ->check(CheckDuration);
  app.add_option("--log-format", flags.log_format,
                 "Of the lines on standard error: text, or json for an object "
                 "a line")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--exit-with-parent", flags.exit_with_parent,
               "Drain when the process that started this one ends");
}

// REQUIRES: CheckDuration(text) passed.
absl::Duration ToDuration(const std::string& text) {
  absl::Duration duration;
  absl::ParseDuration(text, &duration);
  return duration;
}

// host:pid
std::string ProcessName() {
  char host[65] = {};  // Linux: at most 64 characters
  if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '?';
  return absl::StrCat(host, ":", getpid());
}

WorkerOptions ToOptions(const Flags& flags) {
  WorkerOptions options;
  options.name = ProcessName();
  options.version = kBuildVersion;
  options.slots = flags.slots;
  options.data_dir = flags.data_dir;
  options.lane_memory_bytes = flags.lane_memory_mib << 20;
  options.retry.give_up_after = ToDuration(flags.give_up_after);
  options.drain_timeout = ToDuration(flags.drain_timeout);
  return options;
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitDrained;
  return absl::IsUnavailable(status) ? kExitOutOfReach : kExitRefused;
}

int Main(int argc, char** argv) {
  BlockShutdownSignals();
  RouteGrpcLog();
  CLI::App app("Computes shards for a metastep server.", "metastep-worker");
  Flags flags;
  Declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (flags.log_format == "json") SetLogFormat(LogFormat::kJson);
  if (flags.exit_with_parent) ExitWithParent();

  Worker worker(ToOptions(flags), MakeChannel(flags.server));
  std::thread([&worker] {
    WaitForShutdownSignal();
    LogInfo("draining");
    worker.Drain();
  }).detach();
  const absl::Status status = worker.Run();
  if (status.ok()) {
    LogInfo("drained");
  } else {
    LogError("stopped: %s", status.ToString());
  }
  // Not `return`: a slot may still compute what was handed back, and cannot be
  // interrupted. A worker owns no file that could be left half-written.
  _exit(ExitCodeOf(status));
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) { return metastep::Main(argc, argv); }
