// metastep-server: coordinator, model registry and step service.
#include <prometheus/registry.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/build_version.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/periodic_thread.h"
#include "base/status_macros.h"
#include "rpc/grpc_log.h"
#include "rpc/server_host.h"
#include "rpc/shutdown_signal.h"
#include "server/coordinator.h"
#include "server/coordinator_service.h"
#include "server/http_host.h"
#include "server/model_registry.h"
#include "server/model_service.h"
#include "server/run_service.h"
#include "server/run_store.h"
#include "server/session_store.h"
#include "server/state_lock.h"
#include "server/step_service.h"
#include "server/web_api.h"

namespace metastep {
namespace {

constexpr char kFooter[] = R"(
Example:
  metastep-server --listen 127.0.0.1:7070 --state-dir state --http 127.0.0.1:9464

Prints one line of JSON, {"port":7070,"http_port":9464}, once it serves. SIGTERM
and SIGINT drain it: calls in flight end, sessions are written to disk.

Exit codes:
  0  drained after SIGTERM or SIGINT
  1  could not start (the reason is on standard error), or ended by a second
     signal while it drained
  2  wrong usage
)";

// Expiries and waits are late by at most this; small beside any of them.
constexpr absl::Duration kTick = absl::Milliseconds(20);
// What a drain gives the calls that are in flight.
constexpr absl::Duration kDrainGrace = absl::Seconds(25);

struct Flags {
  std::string listen = "127.0.0.1:7070";
  std::filesystem::path state_dir = "state";
  std::string http;
  std::string lease_duration = "10s";
  std::string log_format = "text";
  bool exit_with_parent = false;
};

std::string CheckLeaseDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) &&
      duration >= absl::Milliseconds(100) && duration <= absl::Hours(1)) {
    return "";
  }
  return absl::StrCat("\"", text,
                      "\" is no duration from 100ms to 1h, such as 10s");
}

void Declare(CLI::App& app, Flags& flags) {
  app.footer(kFooter);
  app.set_version_flag("--version",
                       absl::StrCat("metastep-server ", kBuildVersion));
  app.add_option("--listen", flags.listen,
                 "HOST:PORT of the gRPC services; port 0 takes a free one")
      ->capture_default_str();
  app.add_option("--state-dir", flags.state_dir,
                 "Folder for runs, models and sessions; made if need be")
      ->capture_default_str();
  app.add_option("--http", flags.http,
                 "HOST:PORT of a page for people and of Prometheus' /metrics; "
                 "empty for none");
  app.add_option("--lease-duration", flags.lease_duration,
                 "How long a worker may be silent about a shard")
      ->check(CheckLeaseDuration)
      ->capture_default_str();
  app.add_option("--log-format", flags.log_format,
                 "Of the lines on standard error: text, or json for an object "
                 "a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("--exit-with-parent", flags.exit_with_parent,
               "Drain when the process that started this one ends");
}

absl::StatusOr<std::unique_ptr<HttpHost>> StartHttp(
    const std::string& address, const prometheus::Registry& registry,
    const std::map<std::string, HttpApi>& apis) {
  if (address.empty()) return nullptr;
  return HttpHost::Start(address, registry, apis);
}

void Announce(const ServerHost& host, const HttpHost* http) {
  const int http_port = http == nullptr ? 0 : http->port();
  std::printf("{\"port\":%d,\"http_port\":%d}\n", host.port(), http_port);
  std::fflush(stdout);
  LogInfo("serving on port %d, version %s", host.port(), kBuildVersion);
}

absl::Status Serve(const Flags& flags) {
  METASTEP_RETURN_IF_ERROR(MakeFolder(flags.state_dir));
  METASTEP_ASSIGN_OR_RETURN(const StateLock lock,
                            StateLock::Take(flags.state_dir));
  const Clock& clock = Clock::Real();
  const auto metrics = std::make_shared<prometheus::Registry>();
  CoordinatorMetrics coordinator_metrics(*metrics);
  StepMetrics step_metrics(*metrics);

  METASTEP_ASSIGN_OR_RETURN(const std::unique_ptr<RunStore> store,
                            RunStore::Open(flags.state_dir / "runs.db"));
  METASTEP_ASSIGN_OR_RETURN(
      const std::unique_ptr<ModelRegistry> registry,
      ModelRegistry::Open(flags.state_dir / "models", clock));
  const int threads =
      static_cast<int>(std::max(2u, std::thread::hardware_concurrency()));
  METASTEP_ASSIGN_OR_RETURN(
      const std::unique_ptr<SessionStore> sessions,
      SessionStore::Create(
          {.dir = flags.state_dir / "sessions", .threads = threads}, clock,
          *registry, step_metrics));
  CoordinatorOptions options;
  options.version = kBuildVersion;
  absl::ParseDuration(flags.lease_duration, &options.lease_duration);
  METASTEP_ASSIGN_OR_RETURN(
      const std::unique_ptr<Coordinator> coordinator,
      Coordinator::Create(options, clock, *store, *registry,
                          coordinator_metrics));

  ThreadPool pool(threads);
  CoordinatorServiceImpl coordinator_service(*coordinator, pool);
  RunServiceImpl run_service(*coordinator, pool);
  ModelServiceImpl model_service(*registry, pool);
  StepServiceImpl step_service(*sessions, step_metrics, pool);
  METASTEP_ASSIGN_OR_RETURN(
      const std::unique_ptr<ServerHost> host,
      ServerHost::Start(
          {.listen = flags.listen},
          {{v1::CoordinatorService::service_full_name(), &coordinator_service},
           {v1::RunService::service_full_name(), &run_service},
           {v1::ModelService::service_full_name(), &model_service},
           {v1::StepService::service_full_name(), &step_service}}));
  METASTEP_ASSIGN_OR_RETURN(
      const std::unique_ptr<HttpHost> http,
      StartHttp(flags.http, *metrics,
                WebApis(*coordinator, *registry, *sessions)));
  PeriodicThread ticker(kTick, [&] {
    coordinator->Tick();
    sessions->Sweep();
  });
  Announce(*host, http.get());

  WaitForShutdownSignal();
  LogInfo("draining");
  coordinator->Stop();
  host->Drain(kDrainGrace);
  return sessions->SpillAll();
}

int Main(int argc, char** argv) {
  BlockShutdownSignals();
  RouteGrpcLog();
  CLI::App app("Trains update rules on workers and serves them.",
               "metastep-server");
  Flags flags;
  Declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (flags.log_format == "json") SetLogFormat(LogFormat::kJson);
  if (flags.exit_with_parent) ExitWithParent();
  const absl::Status status = Serve(flags);
  if (status.ok()) return 0;
  LogError("%s", std::string(status.message()));
  return 1;
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) { return metastep::Main(argc, argv); }
