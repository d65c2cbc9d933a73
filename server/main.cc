// metastep-server: coordinator, model registry and step service.
#include <prometheus/exposer.h>
#include <prometheus/registry.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "rpc/server_host.h"
#include "rpc/shutdown_signal.h"
#include "server/coordinator.h"
#include "server/coordinator_service.h"
#include "server/model_registry.h"
#include "server/model_service.h"
#include "server/run_service.h"
#include "server/run_store.h"
#include "server/step_service.h"

namespace metastep {
namespace {

constexpr char kExample[] = R"(
Example:
  metastep-server --listen 127.0.0.1:7070 --state-dir state --http 127.0.0.1:9464

Prints one line of JSON, {"port":7070,"http_port":9464}, once it serves.
SIGTERM and SIGINT drain it; a second one ends it at once.

Exit codes: 0 drained, 1 ended by a second signal or failed, 2 usage)";

struct Options {
  ServerHostOptions host{.listen = "127.0.0.1:7070"};
  std::filesystem::path state_dir = "state";
  std::string http;
  std::string lease_duration = "10s";
  bool exit_with_parent = false;
};

// Moves the server's time on: expiries, long-polls, session TTLs.
class Ticker {
 public:
  explicit Ticker(std::function<void()> tick)
      : thread_([this, tick = std::move(tick)] { Loop(tick); }) {}
  ~Ticker() {
    {
      MutexLock lock(mu_);
      stopping_ = true;
    }
    wake_.NotifyAll();
    thread_.join();
  }

 private:
  // Late by at most this; small beside any lease or wait.
  static constexpr absl::Duration kPeriod = absl::Milliseconds(20);

  void Loop(const std::function<void()>& tick) {
    while (true) {
      {
        MutexLock lock(mu_);
        if (!stopping_) wake_.WaitFor(mu_, kPeriod);
        if (stopping_) return;
      }
      tick();
    }
  }

  Mutex mu_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last, so that it starts when all else is there
};
