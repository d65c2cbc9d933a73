// metastep train: a run on a server, followed to its end.
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/status_macros.h"
#include "client/commands/flags.h"
#include "client/progress.h"
#include "client/run_report.h"
#include "client/service_clients.h"
#include "client/spec_file.h"
#include "client/start_run.h"
#include "client/watch_run.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

struct TrainOptions {
  SpecFlags spec;
  ServerFlags server;
  OutputFlags output;
};

absl::Status RunTrain(const TrainOptions& options, Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(
      const v1::RunSpec spec,
      LoadRunSpec(options.spec.path, options.spec.overrides));
  if (options.spec.print_config) {
    std::cout << FormatRunSpec(spec);
    return absl::OkStatus();
  }
  RunClient runs(MakeChannel(options.server.address), cancellation);
  METASTEP_ASSIGN_OR_RETURN(const v1::Run created, CreateAnew(runs, spec));
  if (!options.output.quiet) {
    std::cerr << "run " << created.run_id()
              << " goes on if this command is interrupted; metastep watch "
              << created.run_id() << " follows it\n";
  }
  ProgressLine progress(ProgressLine::StyleForStderr(options.output.quiet),
                        std::cerr, Clock::Real());
  METASTEP_ASSIGN_OR_RETURN(const v1::Run run,
                            WatchToEnd(runs, created.run_id(), progress));
  std::cout << (options.output.json ? RunResultJson(run) + "\n"
                                    : FormatRunResult(run));
  return absl::OkStatus();
}

}  // namespace

void AddTrainCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "train", "Run a spec on a server and follow it to its end");
  const auto options = std::make_shared<TrainOptions>();
  AddSpecFlags(*verb, options->spec);
  AddServerFlags(*verb, options->server);
  AddOutputFlags(*verb, options->output);
  verb->footer(
      "Example:\n"
      "  metastep train specs/quadratic_gaussian.textproto --server "
      "127.0.0.1:7070");
  OnParse(*verb, command, options, &RunTrain);
}

}  // namespace metastep
