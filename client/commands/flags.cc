#include "client/commands/flags.h"

#include <cstdlib>

#include "client/plot.h"

namespace metastep {
namespace {

constexpr int kMaxWorkers = 256;
// The limits of EvaluationSpec.
constexpr int kMaxTasks = 10'000;
constexpr int kMaxSteps = 100'000;

// Before an hour's work, not after it.
std::string IsPlotFile(const std::string& path) {
  return std::string(PlotFormatOf(path).status().message());
}

}  // namespace

void AddServerFlags(CLI::App& verb, ServerFlags& flags) {
  // Not by CLI11's envname: what that reads counts as given, and to every verb,
  // also to one that shares its flags with the one on the command line.
  const char* address = std::getenv("METASTEP_SERVER");
  if (address != nullptr && address[0] != '\0') flags.address = address;
  verb.add_option("--server", flags.address,
                  "Address of metastep-server; the environment's "
                  "METASTEP_SERVER is its default")
      ->type_name("HOST:PORT")
      ->capture_default_str();
}

void AddSpecFlags(CLI::App& verb, SpecFlags& flags) {
  verb.add_option("spec", flags.path, "Run spec in protobuf text format")
      ->type_name("SPEC")
      ->required();
  verb.add_option("--set", flags.overrides,
                  "Override a field of the spec; may be repeated")
      ->type_name("FIELD=VALUE")
      ->allow_extra_args(false);
  verb.add_flag("--print-config", flags.print_config,
                "Print the spec with all defaults, and end");
}

void AddJsonFlag(CLI::App& verb, bool& json) {
  verb.add_flag("--json", json, "Print the result as one JSON document");
}

void AddOutputFlags(CLI::App& verb, OutputFlags& flags) {
  AddJsonFlag(verb, flags.json);
  verb.add_flag("--quiet", flags.quiet, "Show no progress");
}

void AddClusterFlags(CLI::App& verb, ClusterFlags& flags) {
  verb.add_option("--workers", flags.workers, "Worker processes")
      ->check(CLI::Range(1, kMaxWorkers))
      ->capture_default_str();
  verb.add_option("--data-dir", flags.data_dir, "Folder of the data sets")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  verb.add_option("--state-dir", flags.state_dir,
                  "Folder for runs, models and logs; without it a temporary "
                  "one is used and deleted")
      ->type_name("DIR");
}

void AddComparisonFlags(CLI::App& verb, ComparisonFlags& flags) {
  verb.add_option("--model", flags.models,
                  "Learned rule: name, name@version or name@label")
      ->type_name("REF")
      ->allow_extra_args(false);
  verb.add_option("--steps", flags.steps, "Steps of each unroll")
      ->check(CLI::Range(1, kMaxSteps))
      ->capture_default_str();
  verb.add_option("--tasks", flags.tasks, "Fresh tasks for the comparison")
      ->check(CLI::Range(1, kMaxTasks))
      ->capture_default_str();
  verb.add_option("--tuning-tasks", flags.tuning_tasks,
                  "Tasks on which learning rates are chosen")
      ->check(CLI::Range(1, kMaxTasks))
      ->capture_default_str();
  verb.add_option("--plot", flags.plot,
                  "Write the loss curves as an image, FILE.png or FILE.svg")
      ->type_name("FILE")
      ->check(IsPlotFile);
  verb.add_flag("--result", flags.result,
                "End with the line RESULT {json}, for scripts");
}

}  // namespace metastep
