// The command `metastep`.
#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/build_version.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "rpc/cancellation.h"
#include "rpc/shutdown_signal.h"

namespace metastep {
namespace {

constexpr char kFooter[] =
    "Exit codes:\n"
    "  0    done\n"
    "  1    the run failed or was cancelled\n"
    "  2    wrong usage, or a wrong run spec\n"
    "  3    the server is out of reach\n"
    "  4    not found\n"
    "  5    any other error of the server\n"
    "  6    a figure of `reproduce` misses what it must show\n"
    "  130  interrupted\n\n"
    "Example:\n"
    "  metastep local specs/quadratic_gaussian.textproto --state-dir state\n\n"
    "metastep VERB --help says more about a verb.";

void AddAllCommands(CLI::App& app, Command& command) {
  AddLocalCommand(app, command);
  AddTrainCommand(app, command);
  AddRunCommands(app, command);
  AddModelCommands(app, command);
  AddSessionsCommand(app, command);
  AddHealthCommand(app, command);
  AddCompareCommand(app, command);
  AddMinimizeCommand(app, command);
  AddReproduceCommand(app, command);
  AddDoctorCommand(app, command);
  AddCompletionCommands(app, command);
}

// Turns SIGTERM and SIGINT into a cancellation.
void CancelOnSignal(Cancellation& cancellation) {
  std::thread([&cancellation] {
    WaitForShutdownSignal();
    cancellation.Cancel(absl::CancelledError("interrupted"));
  }).detach();
}

int Run(const Command& command) {
  // Never destroyed: the signal thread may use it to the process's last moment.
  static auto& cancellation = *new Cancellation;
  CancelOnSignal(cancellation);
  absl::Status status = command(cancellation);
  // As with WriteUserFile.
  if (status.ok() && !std::cout.flush()) {
    status = absl::InvalidArgumentError(
        "standard output could not be written; some of the output is lost");
  }
  if (status.ok()) return kExitDone;
  // What was cancelled fails in many ways; the reason is the one to tell.
  if (!cancellation.status().ok()) status = cancellation.status();
  std::cerr << "metastep: " << status.message() << "\n";
  return ExitCodeFor(status);
}

int Main(int argc, char** argv) {
  BlockShutdownSignals();
  CLI::App app(
      "Meta-train update rules on a server and its workers, and step "
      "optimizations with them.",
      "metastep");
  app.set_version_flag("--version", absl::StrCat("metastep ", kBuildVersion));
  app.require_subcommand(1);
  app.footer(kFooter);
  Command command;
  AddAllCommands(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  return Run(command);
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) { return metastep::Main(argc, argv); }
