// The learned rule's forward step on one core: against the core's own limits,
// and against the same step on LibTorch, PyTorch and JAX.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "bench/bench_main.h"
#include "bench/machine.h"
#include "bench/paper_rule.h"
#include "bench/peers/libtorch_step.h"
#include "bench/problem_folder.h"
#include "bench/python_peer.h"
#include "bench/rivals.h"
#include "optimizee/torch/threads.h"
#include "optimizer/recurrent_rule.h"
#include "optimizer/state_vector.h"

namespace metastep {
namespace {

constexpr char kUnit[] = "1e6 coord/s";

// One number of coordinates.
struct Size {
  int64_t coordinates;
  int steps;  // of a repetition
  absl::string_view suffix;

  // Steps of coordinates in a repetition, in kUnit's millions.
  double work() const { return 1e-6 * coordinates * steps; }
};

constexpr Size kSizes[] = {{1 << 14, 16, "16k"}, {1 << 20, 1, "1m"}};

// The peers are held to the update after these: state has come in by then.
constexpr int kCheckedSteps = 3;
// Float's rounding, 6e-8 an operation, if the errors of some hundred dependent
// operations all add.
constexpr double kTolerance = 1e-5;

// Coordinates whose gates and state, 700 bytes each, stay in a core's cache.
constexpr int64_t kCachedChunk = 1024;

std::vector<float> Gradient(int64_t n) {
  Rng rng({.seed = 1});
  std::vector<float> gradient(n);
  for (float& g : gradient) g = 0.01f * rng.Normal();
  return gradient;
}

// Takes one step from zero state or from where its last call left it, and
// returns the update, which the next call overwrites.
using StepFunction = std::function<absl::Span<const float>()>;

StepFunction MakeKernelStep(const RecurrentRule& rule,
                            const std::vector<float>& gradient) {
  const auto n = static_cast<int64_t>(gradient.size());
  const auto state = std::make_shared<StateVector<float>>(rule.StateFloats(n));
  const auto update = std::make_shared<std::vector<float>>(n);
  return [&rule, &gradient, state, update]() -> absl::Span<const float> {
    rule.Step(/*step=*/1, gradient, absl::MakeSpan(*state),
              absl::MakeSpan(*update));
    return *update;
  };
}

std::vector<float> Checked(const StepFunction& step) {
  for (int i = 1; i < kCheckedSteps; ++i) step();
  const absl::Span<const float> update = step();
  return {update.begin(), update.end()};
}

Contender StepContender(std::string name, const Size& size, StepFunction step) {
  return {std::move(name), kUnit, [size, step]() -> absl::StatusOr<double> {
            METASTEP_ASSIGN_OR_RETURN(const double seconds, CpuSeconds([&] {
                                        for (int i = 0; i < size.steps; ++i)
                                          step();
                                        return absl::OkStatus();
                                      }));
            return size.work() / seconds;
          }};
}

// Adds LibTorch, after the same check that the scripts are put to.
absl::Status AddLibTorch(const Size& size, int64_t chunk,
                         const RecurrentArchitecture& architecture,
                         const std::vector<float>& gradient,
                         const PeerProblem& problem, Rivals& rivals) {
  const std::string name =
      absl::StrFormat("%s, %d at a time", LibTorchName(), chunk);
  const StepFunction step =
      MakeLibTorchStep(architecture, PaperPhi(), gradient, chunk);
  METASTEP_RETURN_IF_ERROR(CheckResult(name, Checked(step), problem));
  rivals.contenders.push_back(StepContender(name, size, step));
  return absl::OkStatus();
}

absl::Status MeasureSize(const Size& size, const BenchOptions& options,
                         Report& report) {
  const RecurrentArchitecture architecture = PaperArchitecture();
  const RecurrentRule rule(architecture, PaperPhi());
  const std::vector<float> gradient = Gradient(size.coordinates);
  const StepFunction step = MakeKernelStep(rule, gradient);
  METASTEP_ASSIGN_OR_RETURN(const auto folder, ProblemFolder::Make());
  METASTEP_RETURN_IF_ERROR(folder->Write("gradient", gradient));
  METASTEP_RETURN_IF_ERROR(folder->WriteRule(
      architecture, rule.phi(),
      {{"steps", size.steps}, {"checked_steps", kCheckedSteps}}));
  const PeerProblem problem = {folder->path(), Checked(step), kTolerance,
                               size.work(), kUnit};

  Rivals torch = {absl::StrCat("over_torch_", size.suffix), {}};
  METASTEP_RETURN_IF_ERROR(AddLibTorch(size, size.coordinates, architecture,
                                       gradient, problem, torch));
  Rivals tiled = {absl::StrCat("over_torch_tiled_", size.suffix), {}};
  METASTEP_RETURN_IF_ERROR(
      AddLibTorch(size, kCachedChunk, architecture, gradient, problem, tiled));
  Rivals compiled = {absl::StrCat("over_torch_compile_", size.suffix), {}};
  Rivals jax = {absl::StrCat("over_jax_", size.suffix), {}};
  METASTEP_RETURN_IF_ERROR(
      AddPython(options, "bench/peers/step_torch.py", problem, report, torch));
  METASTEP_RETURN_IF_ERROR(AddPython(
      options, "bench/peers/step_torch_compile.py", problem, report, compiled));
  METASTEP_RETURN_IF_ERROR(
      AddPython(options, "bench/peers/step_jax.py", problem, report, jax));

  const Contender ours = StepContender(
      absl::StrFormat("metastep, N = %d", size.coordinates), size, step);
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<Samples> samples,
      Compete(ours, {FmaPeak(), CopyBandwidth()}, {torch, tiled, compiled, jax},
              options.repetitions, report));
  // Millions of coordinates a second over 1e9 multiply-adds a second.
  report.SetKey(
      absl::StrCat("mac_fraction_", size.suffix),
      1e-3 * MultiplyAdds(architecture) * Ratio(samples[0], samples[1]));
  return absl::OkStatus();
}

absl::Status StepKernel(const BenchOptions& options, Report& report) {
  METASTEP_RETURN_IF_ERROR(UseCores(1));
  UseOneTorchThread();
  for (const Size& size : kSizes) {
    METASTEP_RETURN_IF_ERROR(MeasureSize(size, options, report));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) {
  return metastep::BenchMain(
      {.name = "step-kernel",
       .description =
           "Measures the learned rule's forward step on one core, against the "
           "core's limits, LibTorch, PyTorch and JAX.",
       .run = metastep::StepKernel},
      argc, argv);
}
