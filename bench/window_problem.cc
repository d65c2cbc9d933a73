#include "bench/window_problem.h"

#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "bench/paper_rule.h"
#include "optimizee/closed_form.h"
#include "optimizee/image_dataset.h"
#include "optimizee/synthetic_digits.h"
#include "optimizee/torch/task_family.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

constexpr RngKey kKey = {.seed = 1, .stream = RngStream::kTraining};

// Enough that a minibatch repeats few, and drawn in a moment.
constexpr int kImages = 4096;

// A run of the paper's rule on this task.
v1::RunSpec Run(absl::string_view task) {
  const std::string text = absl::StrFormat(
      "name: 'bench' task { %s } training { rounds: 1 unroll { horizon: %d "
      "window: %d } }",
      task, kWindow, kWindow);
  v1::RunSpec run = ParseRunSpec(text).value();
  *run.mutable_training()->mutable_rules() = PaperRules();
  return ResolveRunSpec(run).value();
}

// The problem without the task's own arrays, of which `fields` tell.
absl::StatusOr<WindowProblem> MakeProblem(
    const v1::RunSpec& run, std::shared_ptr<const TaskFamily> family,
    std::shared_ptr<const ProblemFolder> folder, nlohmann::json fields) {
  const std::unique_ptr<Task> task = family->Make(kKey);
  const int64_t n = task->layout().coordinates();
  std::vector<float> theta(n);
  task->InitialTheta(absl::MakeSpan(theta));
  METASTEP_RETURN_IF_ERROR(folder->Write("theta", theta));
  fields["window"] = kWindow;
  METASTEP_RETURN_IF_ERROR(
      folder->WriteRule(PaperArchitecture(), PaperPhi(), std::move(fields)));
  const std::shared_ptr<const Learner> learner =
      MakeTruncatedBptt(run.training(), std::move(family));
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<LaneState> start,
                            learner->Start(kKey));
  return WindowProblem{learner, std::move(start), n, std::move(folder)};
}

// Draws W and y again, in the order of optimizee/quadratic.cc: a peer that got
// others would not pass its check.
absl::Status WriteQuadratics(const v1::QuadraticSpec& spec,
                             const ProblemFolder& folder) {
  Rng rng(kKey);
  std::vector<float> w;
  std::vector<float> y;
  const int d = spec.dimensions();
  for (int p = 0; p < spec.problems(); ++p) {
    for (int i = 0; i < d * d; ++i) w.push_back(rng.Normal());
    for (int i = 0; i < d; ++i) y.push_back(rng.Normal());
    for (int i = 0; i < d; ++i) rng.Normal();  // theta_0
  }
  METASTEP_RETURN_IF_ERROR(folder.Write("w", w));
  return folder.Write("y", y);
}

// Draws the minibatches again, as optimizee/torch/mlp.cc does.
std::vector<int64_t> MinibatchRows(int batch_size) {
  std::vector<int64_t> rows;
  for (uint64_t t = 0; t <= kWindow; ++t) {
    RngKey key = kKey;
    key.step = t + 1;
    Rng rng(key);
    for (int i = 0; i < batch_size; ++i) rows.push_back(rng.Below(kImages / 2));
  }
  return rows;
}

}  // namespace

absl::StatusOr<WindowProblem> MakeQuadraticProblem(int windows) {
  const v1::RunSpec run = Run("quadratic { distribution: GAUSSIAN }");
  const v1::QuadraticSpec& spec = run.task().quadratic();
  METASTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const ProblemFolder> folder,
                            ProblemFolder::Make());
  METASTEP_RETURN_IF_ERROR(WriteQuadratics(spec, *folder));
  return MakeProblem(run, MakeClosedFormFamily(run.task()), folder,
                     {{"task", "quadratic"},
                      {"problems", spec.problems()},
                      {"dimensions", spec.dimensions()},
                      {"windows", windows}});
}

absl::StatusOr<WindowProblem> MakeMnistProblem(int hidden, int windows) {
  const v1::RunSpec run = Run(absl::StrFormat("mlp { hidden: %d }", hidden));
  const v1::MlpSpec& spec = run.task().mlp();
  METASTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const ProblemFolder> folder,
                            ProblemFolder::Make());
  const ImageDataset digits =
      MakeSyntheticDigits(/*seed=*/0, /*split=*/0, kImages);
  const std::filesystem::path dataset = folder->path() / spec.dataset();
  METASTEP_RETURN_IF_ERROR(MakeFolder(dataset));
  METASTEP_RETURN_IF_ERROR(WriteImageDataset(dataset, kTrainingSplit, digits));
  METASTEP_RETURN_IF_ERROR(folder->Write("pixels", digits.pixels));
  METASTEP_RETURN_IF_ERROR(folder->Write("labels", digits.labels));
  METASTEP_RETURN_IF_ERROR(
      folder->Write("rows", MinibatchRows(spec.batch_size())));
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<const TaskFamily> family,
                            MakeTaskFamily(run.task(), folder->path()));
  return MakeProblem(run, std::move(family), folder,
                     {{"task", "mlp"},
                      {"hidden", hidden},
                      {"large_hidden", kMillionHidden},
                      {"windows", windows}});
}

absl::StatusOr<std::vector<float>> MetaGradient(const WindowProblem& problem,
                                                LaneState& lane) {
  METASTEP_ASSIGN_OR_RETURN(WindowOutcome outcome,
                            problem.learner->RunWindow(PaperPhi(), lane));
  return std::move(outcome.meta_gradient);
}

}  // namespace metastep
