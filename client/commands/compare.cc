// metastep compare: learned rules against tuned hand-designed ones, by workers.
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "client/art_pictures.h"
#include "client/commands/backend.h"
#include "client/commands/comparison_output.h"
#include "client/commands/flags.h"
#include "client/comparison.h"
#include "client/picture_strip.h"
#include "client/progress.h"
#include "client/run_evaluator.h"
#include "client/service_clients.h"
#include "client/spec_file.h"
#include "client/start_run.h"
#include "client/user_file.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

struct CompareOptions {
  SpecFlags spec;
  ServerFlags server = {""};  // empty: one of its own
  ClusterFlags cluster;
  ComparisonFlags comparison;
  OutputFlags output;
  std::vector<std::string> model_files;
  std::string pictures;
};

absl::StatusOr<Backend> FindBackend(const CompareOptions& options,
                                    Cancellation& cancellation) {
  if (options.server.address.empty()) {
    return StartBackend(options.cluster, cancellation);
  }
  Backend backend;
  backend.address = options.server.address;
  return backend;
}

absl::StatusOr<std::vector<v1::ModelInfo>> AllModels(
    const CompareOptions& options, ModelClient& models) {
  METASTEP_ASSIGN_OR_RETURN(std::vector<v1::ModelInfo> all,
                            FindModels(options.comparison.models, models));
  for (const std::string& path : options.model_files) {
    METASTEP_ASSIGN_OR_RETURN(v1::ModelInfo model,
                              ImportModelFile(path, models));
    METASTEP_RETURN_IF_ERROR(
        AddModel(absl::StrCat("--model-file ", path), std::move(model), all));
  }
  return all;
}

absl::Status RunCompare(const CompareOptions& options,
                        Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(
      const v1::RunSpec spec,
      LoadRunSpec(options.spec.path, options.spec.overrides));
  if (options.spec.print_config) {
    std::cout << FormatRunSpec(spec);
    return absl::OkStatus();
  }
  if (options.comparison.models.empty() && options.model_files.empty()) {
    return absl::InvalidArgumentError(
        "nothing to compare: give --model REF or --model-file FILE");
  }
  if (!options.pictures.empty()) {
    METASTEP_RETURN_IF_ERROR(CheckKeepsPictures(spec.task()));
  }
  METASTEP_RETURN_IF_ERROR(CheckWritable(options.pictures));
  METASTEP_RETURN_IF_ERROR(CheckWritable(options.comparison.plot));
  METASTEP_ASSIGN_OR_RETURN(const Backend backend,
                            FindBackend(options, cancellation));
  const auto channel = MakeChannel(backend.address);
  ModelClient model_client(channel, cancellation);
  METASTEP_ASSIGN_OR_RETURN(const auto models,
                            AllModels(options, model_client));
  RunClient runs(channel, cancellation);
  ProgressLine progress(ProgressLine::StyleForStderr(options.output.quiet),
                        std::cerr, Clock::Real());
  RunEvaluator evaluator(spec, runs, progress, CreateAnew);
  METASTEP_ASSIGN_OR_RETURN(
      const auto rules,
      Compare(evaluator,
              {models, HandDesignedRuleNames(), options.comparison.tuning_tasks,
               options.comparison.tasks, options.comparison.steps}));
  METASTEP_RETURN_IF_ERROR(ShowComparison(
      rules, models, spec, options.comparison, options.output.json));
  if (options.pictures.empty()) return absl::OkStatus();
  METASTEP_ASSIGN_OR_RETURN(const std::vector<Picture> pictures,
                            BeforeAndAfter(evaluator, spec.task(), models,
                                           rules, options.comparison.steps));
  return WritePictureStrip(options.pictures, pictures);
}

}  // namespace

void AddCompareCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "compare",
      "Compare learned rules with tuned hand-designed ones on fresh tasks");
  const auto options = std::make_shared<CompareOptions>();
  AddSpecFlags(*verb, options->spec);
  AddServerFlags(*verb, options->server);
  AddClusterFlags(*verb, options->cluster);
  AddComparisonFlags(*verb, options->comparison);
  AddOutputFlags(*verb, options->output);
  verb->add_option("--model-file", options->model_files,
                   "Learned rule as a safetensors file; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb->add_option("--pictures", options->pictures,
                   "Of neural art: write a PNG of the first task at its start "
                   "and after the steps of each learned rule and of the best "
                   "hand-designed one")
      ->type_name("FILE");
  // They ask for a server of its own: the environment's is not meant.
  for (const char* own :
       {"--model-file", "--state-dir", "--workers", "--data-dir"}) {
    verb->get_option(own)
        ->excludes(verb->get_option("--server"))
        ->each(
            [options](const std::string&) { options->server.address.clear(); });
  }
  verb->footer(
      "Tasks are of the SPEC's family. Without --server, a server and workers "
      "are started for the comparison; with METASTEP_SERVER in the "
      "environment, only if --model-file, --state-dir, --workers or --data-dir "
      "is given.\n\nExample:\n"
      "  metastep compare specs/mnist.textproto --model-file "
      "mnist.safetensors --data-dir data --steps 200 --plot curves.png");
  OnParse(*verb, command, options, &RunCompare);
}

}  // namespace metastep
