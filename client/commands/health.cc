// metastep health: whether a server serves, for probes and scripts.
#include "rpc/health.h"

#include <iostream>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "client/commands/flags.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

// Below the 5 s that probes are commonly given.
constexpr absl::Duration kTimeout = absl::Seconds(4);

struct HealthOptions {
  ServerFlags server;
  std::string service;
  bool json = false;
};

absl::Status RunHealth(const HealthOptions& options, Cancellation&) {
  METASTEP_RETURN_IF_ERROR(CheckHealth(MakeChannel(options.server.address),
                                       options.service, kTimeout));
  std::cout << (options.json ? "{\"status\":\"SERVING\"}\n" : "serving\n");
  return absl::OkStatus();
}

}  // namespace

void AddHealthCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "health", "Ask a server whether it serves (exit code 3: it does not)");
  const auto options = std::make_shared<HealthOptions>();
  AddServerFlags(*verb, options->server);
  verb->add_option("--service", options->service,
                   "Full name of a service, such as metastep.v1.StepService; "
                   "default: the whole server");
  AddJsonFlag(*verb, options->json);
  verb->footer("Example:\n  metastep health --server 127.0.0.1:7070");
  OnParse(*verb, command, options, &RunHealth);
}

}  // namespace metastep
