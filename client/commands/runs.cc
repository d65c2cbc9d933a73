// metastep runs, watch, workers: what a server is doing.
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "client/commands/flags.h"
#include "client/model_name.h"
#include "client/progress.h"
#include "client/run_report.h"
#include "client/service_clients.h"
#include "client/tensorboard.h"
#include "client/user_file.h"
#include "client/watch_run.h"
#include "rpc/channel.h"
#include "rpc/message_json.h"

namespace metastep {
namespace {

struct RunsOptions {
  std::string run_id;
  std::string cancel_id;
  std::string tensorboard_dir;
  ServerFlags server;
  bool json = false;
  bool quiet = false;
};

std::string FormatRunLine(const v1::Run& run) {
  return absl::StrFormat(
      "%s  %-9s  %-24s  %d/%d  %s\n", run.run_id(),
      v1::Run::State_Name(run.state()), run.spec().name(), run.done(),
      run.total(), run.has_model() ? ModelName(run.model()) : run.error());
}

// Writes the run's history where TensorBoard finds it: a folder for each run.
absl::Status WriteTensorBoard(const RunsOptions& options, RunClient& runs) {
  if (options.run_id.empty()) {
    return absl::InvalidArgumentError(
        "--tensorboard needs the run whose history to write: metastep runs "
        "RUN_ID --tensorboard DIR");
  }
  METASTEP_ASSIGN_OR_RETURN(const auto rounds, runs.ListRounds(options.run_id));
  const auto folder =
      std::filesystem::path(options.tensorboard_dir) / options.run_id;
  METASTEP_RETURN_IF_ERROR(MakeUserFolder(folder));
  return WriteUserFile(folder / kEventFileName, EventFile(rounds));
}

absl::Status RunRuns(const RunsOptions& options, Cancellation& cancellation) {
  RunClient runs(MakeChannel(options.server.address), cancellation);
  if (!options.tensorboard_dir.empty()) {
    METASTEP_RETURN_IF_ERROR(WriteTensorBoard(options, runs));
  }
  if (options.cancel_id.empty() && options.run_id.empty()) {
    METASTEP_ASSIGN_OR_RETURN(const auto all, runs.List());
    if (options.json) {
      std::cout << MessagesJson(all);
      return absl::OkStatus();
    }
    for (const v1::Run& run : all) std::cout << FormatRunLine(run);
    return absl::OkStatus();
  }
  METASTEP_ASSIGN_OR_RETURN(const v1::Run run,
                            options.cancel_id.empty()
                                ? runs.Get(options.run_id)
                                : runs.Cancel(options.cancel_id));
  std::cout << (options.json ? MessageJson(run) + "\n"
                             : FormatRunLine(run) + FormatTrials(run));
  return absl::OkStatus();
}

absl::Status RunWatch(const RunsOptions& options, Cancellation& cancellation) {
  RunClient runs(MakeChannel(options.server.address), cancellation);
  ProgressLine progress(ProgressLine::StyleForStderr(options.quiet), std::cerr,
                        Clock::Real());
  METASTEP_ASSIGN_OR_RETURN(const v1::Run run,
                            WatchToEnd(runs, options.run_id, progress));
  std::cout << (options.json ? RunResultJson(run) + "\n"
                             : FormatRunResult(run));
  return absl::OkStatus();
}

absl::Status RunWorkers(const RunsOptions& options,
                        Cancellation& cancellation) {
  RunClient runs(MakeChannel(options.server.address), cancellation);
  METASTEP_ASSIGN_OR_RETURN(const auto workers, runs.ListWorkers());
  if (options.json) {
    std::cout << MessagesJson(workers);
    return absl::OkStatus();
  }
  for (const v1::Worker& worker : workers) {
    std::cout << absl::StrFormat(
        "%s  %-24s  %d/%d slots busy  %d lanes (%d bytes)  %d results  silent "
        "for %s\n",
        worker.worker_id(), worker.name(), worker.leases(), worker.slots(),
        worker.lanes(), worker.lane_bytes(), worker.accepted(),
        absl::FormatDuration(absl::Seconds(worker.silent().seconds())));
  }
  return absl::OkStatus();
}

}  // namespace

void AddRunCommands(CLI::App& app, Command& command) {
  const auto add = [&](const char* name, const char* help, const char* example,
                       auto run) {
    CLI::App* verb = app.add_subcommand(name, help);
    const auto options = std::make_shared<RunsOptions>();
    AddServerFlags(*verb, options->server);
    AddJsonFlag(*verb, options->json);
    verb->footer(example);
    OnParse<RunsOptions>(*verb, command, options, run);
    return std::make_pair(verb, options);
  };
  const auto [runs, runs_options] =
      add("runs", "List the runs of a server, newest first, or one of them",
          "Examples:\n"
          "  metastep runs --cancel mnist-3f2a4b5c\n"
          "  metastep runs mnist-3f2a4b5c --tensorboard logs",
          &RunRuns);
  runs->add_option("run_id", runs_options->run_id, "Only this run")
      ->type_name("RUN_ID");
  runs->add_option("--cancel", runs_options->cancel_id, "End this run early")
      ->type_name("RUN_ID");
  runs->add_option("--tensorboard", runs_options->tensorboard_dir,
                   "Write the run's history as an event file for TensorBoard")
      ->type_name("DIR");
  const auto [watch, watch_options] =
      add("watch", "Follow a run to its end", "Example:\n  metastep watch 3f2a",
          &RunWatch);
  watch->add_option("run_id", watch_options->run_id, "The run")
      ->type_name("RUN_ID")
      ->required();
  watch->add_flag("--quiet", watch_options->quiet, "Show no progress");
  add("workers", "List the workers of a server",
      "Example:\n  metastep workers --server 127.0.0.1:7070", &RunWorkers);
}

}  // namespace metastep
