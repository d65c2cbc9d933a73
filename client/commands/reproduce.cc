// metastep reproduce: an experiment of the paper, measured and judged.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/build_version.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "client/art_pictures.h"
#include "client/commands/backend.h"
#include "client/commands/flags.h"
#include "client/comparison.h"
#include "client/comparison_report.h"
#include "client/executable_folder.h"
#include "client/experiment.h"
#include "client/experiment_report.h"
#include "client/experiment_verdict.h"
#include "client/model_name.h"
#include "client/picture_strip.h"
#include "client/plot.h"
#include "client/progress.h"
#include "client/run_evaluator.h"
#include "client/service_clients.h"
#include "client/spec_file.h"
#include "client/start_run.h"
#include "client/user_file.h"
#include "client/watch_run.h"
#include "optimizer/run_spec.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

struct ReproduceOptions {
  std::string name;
  bool train = false;
  std::vector<std::string> parts;  // none: all
  int tasks = 0;                   // 0: the experiment's
  std::string output_dir = ".";
  std::string markdown;
  ClusterFlags cluster;
  OutputFlags output;
};

// Holds specs/ and models/: beside the sources of the build tree that this
// program lies in, or where it is installed.
absl::StatusOr<fs::path> SharedFolder() {
  const fs::path here = ExecutableFolder();
  std::error_code ignored;
  for (const fs::path& folder :
       {here / "../share/metastep", here / "../../.."}) {
    if (fs::is_directory(folder / "specs/reproduce", ignored)) {
      return fs::weakly_canonical(folder, ignored);
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no folder specs/reproduce in ", (here / "../share/metastep").string(),
      " or ", (here / "../../..").string()));
}

absl::StatusOr<v1::Experiment> FindExperiment(const fs::path& shared,
                                              const std::string& name) {
  METASTEP_RETURN_IF_ERROR(CheckName("experiment", name));
  const fs::path folder = shared / "specs/reproduce";
  const fs::path path = folder / (name + ".textproto");
  std::error_code ignored;
  if (fs::exists(path, ignored)) return LoadExperiment(path);
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, ignored), end; entry != end;
       entry.increment(ignored)) {
    names.push_back(entry->path().stem());
  }
  std::sort(names.begin(), names.end());
  std::string known;
  for (const std::string& other : names) absl::StrAppend(&known, " ", other);
  return absl::InvalidArgumentError(
      absl::StrCat("no experiment '", name, "'; there are:", known));
}

absl::StatusOr<v1::Run> StartRun(RunClient& runs, const v1::RunSpec& spec) {
  return CreateOrResumeOfBuild(kBuildVersion, runs, spec);
}

// Runs one experiment. Not thread-safe.
class Reproduction {
 public:
  Reproduction(const ReproduceOptions& options, fs::path shared,
               const std::string& address, Cancellation& cancellation)
      : options_(options),
        shared_(std::move(shared)),
        runs_(MakeChannel(address), cancellation),
        models_(MakeChannel(address), cancellation),
        progress_(ProgressLine::StyleForStderr(options.output.quiet), std::cerr,
                  Clock::Real()) {}

  // Trains or imports the models of all parts: one that is missing must not
  // come to light after an hour of measuring the part before.
  absl::Status FindModels(const v1::Experiment& experiment) {
    for (const v1::ExperimentPart& part : experiment.parts()) {
      for (const std::string& name : part.models()) {
        if (learned_.find(name) != learned_.end()) continue;
        METASTEP_ASSIGN_OR_RETURN(learned_[name],
                                  options_.train ? Train(name) : Import(name));
      }
    }
    return absl::OkStatus();
  }

  // REQUIRES: FindModels has found those of the part.
  absl::StatusOr<MeasuredPart> Measure(const v1::ExperimentPart& part) {
    MeasuredPart measured;
    measured.part = part;
    for (const std::string& name : part.models()) {
      measured.models.push_back(learned_.at(name));
    }
    v1::RunSpec base;
    base.set_name(part.name());
    base.set_seed(part.seed());
    *base.mutable_task() = part.task();
    RunEvaluator evaluator(base, runs_, progress_, StartRun);
    METASTEP_ASSIGN_OR_RETURN(
        measured.rules,
        Compare(evaluator, {measured.models,
                            {part.baselines().begin(), part.baselines().end()},
                            part.tuning_tasks(),
                            part.tasks(),
                            part.steps()}));
    for (int i = 0; i < part.models_size(); ++i) {
      measured.rules[i].name = part.models(i);
    }
    measured.verdicts = Judge(part, measured.rules);
    if (CheckKeepsPictures(part.task()).ok()) {
      METASTEP_ASSIGN_OR_RETURN(
          measured.pictures,
          BeforeAndAfter(evaluator, part.task(), measured.models,
                         measured.rules, part.steps()));
    }
    progress_.Finish();
    return measured;
  }

 private:
  absl::StatusOr<v1::ModelInfo> Import(const std::string& name) {
    const fs::path path = shared_ / "models" / (name + ".safetensors");
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      return absl::NotFoundError(absl::StrCat(
          "no model ", path.string(), "; train it by --train, or by: metastep ",
          "local ", SpecOf(name), " --data-dir DIR --export ", path.string()));
    }
    return ImportModelFile(path, models_);
  }

  absl::StatusOr<v1::ModelInfo> Train(const std::string& name) {
    METASTEP_ASSIGN_OR_RETURN(const v1::RunSpec spec,
                              LoadRunSpec(SpecOf(name), {}));
    METASTEP_ASSIGN_OR_RETURN(const v1::Run created, StartRun(runs_, spec));
    METASTEP_ASSIGN_OR_RETURN(const v1::Run run,
                              WatchToEnd(runs_, created.run_id(), progress_));
    METASTEP_ASSIGN_OR_RETURN(const std::string file,
                              models_.Export(PinnedRef(run.model())));
    METASTEP_RETURN_IF_ERROR(WriteUserFile(
        fs::path(options_.output_dir) / (name + ".safetensors"), file));
    return run.model();
  }

  std::string SpecOf(const std::string& name) const {
    return shared_ / "specs" / (name + ".textproto");
  }

  const ReproduceOptions& options_;
  const fs::path shared_;
  RunClient runs_;
  ModelClient models_;
  ProgressLine progress_;
  std::map<std::string, v1::ModelInfo> learned_;
};

absl::Status WriteFigures(const ReproduceOptions& options,
                          const MeasuredPart& measured) {
  METASTEP_ASSIGN_OR_RETURN(
      const std::string image,
      RenderPlot(
          ComparisonPlot(measured.rules,
                         absl::StrCat(measured.part.name(), ": mean loss on ",
                                      measured.part.tasks(), " fresh tasks")),
          PlotFormat::kPng));
  const fs::path folder = options.output_dir;
  METASTEP_RETURN_IF_ERROR(
      WriteUserFile(folder / FigureName(options.name, measured.part), image));
  if (measured.pictures.empty()) return absl::OkStatus();
  return WritePictureStrip(folder / PicturesName(options.name, measured.part),
                           measured.pictures);
}

// What to call again for the same result; where the data lie is left out.
std::string CommandLine(const ReproduceOptions& options) {
  std::string line = absl::StrCat("metastep reproduce ", options.name);
  for (const std::string& part : options.parts) {
    absl::StrAppend(&line, " --part ", part);
  }
  if (options.train) absl::StrAppend(&line, " --train");
  if (options.tasks > 0) absl::StrAppend(&line, " --tasks ", options.tasks);
  return line;
}

// As links of the page have it.
std::string FigureFolder(const ReproduceOptions& options) {
  std::error_code ignored;
  const fs::path page = fs::absolute(options.markdown, ignored).parent_path();
  const fs::path folder = fs::proximate(options.output_dir, page, ignored);
  return folder == "." ? "" : folder.generic_string();
}

// OutOfRange if a threshold is missed.
absl::Status Verdicts(const ExperimentResult& result) {
  int missed = 0;
  for (const MeasuredPart& part : result.parts) {
    for (const Verdict& verdict : part.verdicts) missed += !verdict.holds;
  }
  if (missed == 0) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(
      missed, missed == 1 ? " threshold is" : " thresholds are", " missed"));
}

absl::Status RunReproduce(const ReproduceOptions& options,
                          Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(const fs::path shared, SharedFolder());
  METASTEP_ASSIGN_OR_RETURN(v1::Experiment experiment,
                            FindExperiment(shared, options.name));
  METASTEP_RETURN_IF_ERROR(KeepParts(options.parts, experiment));
  METASTEP_RETURN_IF_ERROR(MakeUserFolder(options.output_dir));
  for (const v1::ExperimentPart& part : experiment.parts()) {
    METASTEP_RETURN_IF_ERROR(CheckWritable(fs::path(options.output_dir) /
                                           FigureName(options.name, part)));
  }
  METASTEP_RETURN_IF_ERROR(CheckWritable(options.markdown));
  METASTEP_ASSIGN_OR_RETURN(const Backend backend,
                            StartBackend(options.cluster, cancellation));
  Reproduction reproduction(options, shared, backend.address, cancellation);
  ExperimentResult result = {options.name,          experiment.title(),
                             CommandLine(options),  kBuildVersion,
                             FigureFolder(options), {}};
  METASTEP_RETURN_IF_ERROR(reproduction.FindModels(experiment));
  for (v1::ExperimentPart part : experiment.parts()) {
    if (options.tasks > 0) part.set_tasks(options.tasks);
    METASTEP_ASSIGN_OR_RETURN(MeasuredPart measured,
                              reproduction.Measure(part));
    METASTEP_RETURN_IF_ERROR(WriteFigures(options, measured));
    if (!options.output.json) {
      std::cout << "\n"
                << part.name() << "\n"
                << FormatMeasuredPart(measured) << std::flush;
    }
    result.parts.push_back(std::move(measured));
  }
  if (options.output.json) std::cout << ExperimentJson(result) << "\n";
  if (!options.markdown.empty()) {
    METASTEP_RETURN_IF_ERROR(
        WriteUserFile(options.markdown, ExperimentMarkdown(result)));
  }
  return Verdicts(result);
}

}  // namespace

void AddReproduceCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "reproduce", "Measure an experiment of the paper and judge the figures");
  const auto options = std::make_shared<ReproduceOptions>();
  verb->add_option("name", options->name,
                   "Experiment: a file of specs/reproduce")
      ->type_name("NAME")
      ->required();
  verb->add_flag("--train", options->train,
                 "Train the learned rules from their specs, and keep them in "
                 "the output folder, instead of using those in models/");
  verb->add_option("--part", options->parts,
                   "Measure this part of the experiment alone; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_option("--tasks", options->tasks,
                   "Fresh tasks for each part, instead of the experiment's")
      ->check(CLI::Range(1, 10'000));
  verb->add_option("--output-dir", options->output_dir,
                   "Folder for the figures: a PNG for each part, and of neural "
                   "art one with the pictures before and after")
      ->type_name("DIR")
      ->capture_default_str();
  verb->add_option("--markdown", options->markdown,
                   "Also write a page with tables, figures and verdicts")
      ->type_name("FILE");
  AddClusterFlags(*verb, options->cluster);
  AddOutputFlags(*verb, options->output);
  verb->footer(
      "Ends with 6 if a threshold of the experiment is missed. An interrupted "
      "reproduction goes on when the same build is called again with the same "
      "--state-dir and the same data, from where it was. What another build "
      "left unfinished there goes on beside it.\n\nExample:\n"
      "  metastep reproduce mnist --data-dir data --output-dir results "
      "--markdown results/mnist.md");
  OnParse(*verb, command, options, &RunReproduce);
}

}  // namespace metastep
