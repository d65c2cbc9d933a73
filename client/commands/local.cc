// metastep local: a server and workers as child processes, to a run's end.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"
#include "client/art_pictures.h"
#include "client/commands/backend.h"
#include "client/commands/flags.h"
#include "client/model_name.h"
#include "client/picture_strip.h"
#include "client/progress.h"
#include "client/run_report.h"
#include "client/service_clients.h"
#include "client/spec_file.h"
#include "client/start_run.h"
#include "client/user_file.h"
#include "client/watch_run.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

struct LocalOptions {
  SpecFlags spec;
  ClusterFlags cluster;
  OutputFlags output;
  std::string export_path;
  std::string pictures;
};

absl::Status ExportTo(const std::string& path, const v1::ModelInfo& model,
                      ModelClient& models) {
  METASTEP_ASSIGN_OR_RETURN(const std::string file,
                            models.Export(PinnedRef(model)));
  return WriteUserFile(path, file);
}

absl::StatusOr<v1::Run> RunToEnd(const LocalOptions& options,
                                 const v1::RunSpec& spec,
                                 const std::string& address,
                                 Cancellation& cancellation) {
  const auto channel = MakeChannel(address);
  RunClient runs(channel, cancellation);
  METASTEP_ASSIGN_OR_RETURN(const v1::Run created, CreateOrResume(runs, spec));
  ProgressLine progress(ProgressLine::StyleForStderr(options.output.quiet),
                        std::cerr, Clock::Real());
  METASTEP_ASSIGN_OR_RETURN(v1::Run run,
                            WatchToEnd(runs, created.run_id(), progress));
  if (!options.export_path.empty()) {
    ModelClient models(channel, cancellation);
    METASTEP_RETURN_IF_ERROR(
        ExportTo(options.export_path, run.model(), models));
  }
  return run;
}

absl::Status CheckOptions(const LocalOptions& options,
                          const v1::RunSpec& spec) {
  if (!options.export_path.empty() && !spec.has_training()) {
    return absl::InvalidArgumentError(
        "--export needs a spec with training; an evaluation makes no model");
  }
  if (options.pictures.empty()) return absl::OkStatus();
  if (!spec.evaluation().keep_theta()) {
    return absl::InvalidArgumentError(
        "--pictures needs a spec with evaluation.keep_theta: true");
  }
  return CheckKeepsPictures(spec.task());
}

// Every entry's.
absl::Status WritePictures(const std::string& path, const v1::Run& run) {
  std::vector<Picture> pictures;
  for (const v1::LossCurve& curve : run.curves()) {
    METASTEP_ASSIGN_OR_RETURN(pictures.emplace_back(),
                              PictureOf(curve, run.spec().task()));
  }
  return WritePictureStrip(path, pictures);
}

absl::Status RunLocal(const LocalOptions& options, Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(
      const v1::RunSpec spec,
      LoadRunSpec(options.spec.path, options.spec.overrides));
  if (options.spec.print_config) {
    std::cout << FormatRunSpec(spec);
    return absl::OkStatus();
  }
  METASTEP_RETURN_IF_ERROR(CheckOptions(options, spec));
  METASTEP_RETURN_IF_ERROR(CheckWritable(options.export_path));
  METASTEP_RETURN_IF_ERROR(CheckWritable(options.pictures));
  METASTEP_ASSIGN_OR_RETURN(const Backend backend,
                            StartBackend(options.cluster, cancellation));
  METASTEP_ASSIGN_OR_RETURN(
      const v1::Run run,
      RunToEnd(options, spec, backend.address, cancellation));
  if (backend.state->temporary() && run.has_model() &&
      options.export_path.empty()) {
    std::cerr << "the model is deleted with the temporary state folder; keep "
                 "it by --state-dir DIR or --export FILE\n";
  }
  if (!options.pictures.empty()) {
    METASTEP_RETURN_IF_ERROR(WritePictures(options.pictures, run));
  }
  std::cout << (options.output.json ? RunResultJson(run) + "\n"
                                    : FormatRunResult(run));
  return absl::OkStatus();
}

}  // namespace

void AddLocalCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "local", "Run a spec to its end with a server and workers of its own");
  const auto options = std::make_shared<LocalOptions>();
  AddSpecFlags(*verb, options->spec);
  AddClusterFlags(*verb, options->cluster);
  AddOutputFlags(*verb, options->output);
  verb->add_option("--export", options->export_path,
                   "Write the model as a safetensors file")
      ->type_name("FILE");
  verb->add_option("--pictures", options->pictures,
                   "Of an evaluation of neural art with keep_theta: write a "
                   "PNG of what each entry made of the first task")
      ->type_name("FILE");
  verb->footer(
      "An interrupted run goes on when it is called again with the same spec, "
      "--state-dir and data.\n\nExample:\n"
      "  metastep local specs/mnist.textproto --data-dir data --state-dir "
      "state --set training.lanes=4");
  OnParse(*verb, command, options, &RunLocal);
}

}  // namespace metastep
