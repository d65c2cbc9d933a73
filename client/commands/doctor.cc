// metastep doctor: what could be wrong with an installation.
#include "client/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/build_version.h"
#include "base/clock.h"
#include "client/commands/flags.h"
#include "client/doctor_report.h"
#include "client/executable_folder.h"

namespace metastep {
namespace {

struct DoctorOptions {
  std::string server;  // empty: none is looked at
  std::string listen = "127.0.0.1:7070";
  std::string data_dir = ".";
  std::string state_dir = ".";
  bool json = false;
};

absl::Status RunDoctor(const DoctorOptions& options,
                       Cancellation& cancellation) {
  const bool color =
      MayColor(isatty(STDOUT_FILENO) != 0, std::getenv("NO_COLOR"));
  std::vector<Finding> findings;
  const auto report = [&](Finding finding) {
    if (!options.json) std::cout << FormatFinding(finding, color) << std::flush;
    findings.push_back(std::move(finding));
  };
  report(CheckPrograms(ExecutableFolder(), kBuildVersion));
  report(CheckClock(Clock::Real().Now()));
  report(CheckStorage(options.state_dir));
  report(CheckData(options.data_dir));
  report(options.server.empty() ? CheckPort(options.listen)
                                : CheckServer(options.server));
  report(CheckDryRun(ExecutableFolder(), cancellation));
  if (options.json) std::cout << FindingsJson(findings);
  const auto bad = std::count_if(
      findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.verdict == Finding::Verdict::kBad;
      });
  if (bad == 0) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(bad, " of ", findings.size(), " checks found a fault"));
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "doctor", "Look for what is wrong with an installation");
  const auto options = std::make_shared<DoctorOptions>();
  verb->add_option("--server", options->server,
                   "Also look at a server: its steps, its clock, its workers")
      ->type_name("HOST:PORT");
  verb->add_option("--listen", options->listen,
                   "Without --server: where a server is going to listen")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  verb->add_option("--data-dir", options->data_dir, "Folder of the data sets")
      ->type_name("DIR")
      ->capture_default_str();
  verb->add_option("--state-dir", options->state_dir,
                   "Where a server is going to keep its state")
      ->type_name("DIR")
      ->capture_default_str();
  AddJsonFlag(*verb, options->json);
  verb->footer(
      "Exit codes: 0 if nothing is wrong (notes may be), 1 otherwise. NO_COLOR "
      "is honoured.\n\nExample:\n"
      "  metastep doctor --server 127.0.0.1:7070 --data-dir data");
  OnParse(*verb, command, options, &RunDoctor);
}

}  // namespace metastep
