// A window of meta-training on one core: against autograd over the unrolled
// graph in PyTorch, against JAX, and against the rule's own forward step.
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
#include "bench/python_peer.h"
#include "bench/rivals.h"
#include "bench/window_memory.h"
#include "bench/window_problem.h"
#include "optimizee/torch/threads.h"
#include "optimizer/recurrent_rule.h"
#include "optimizer/state_vector.h"

namespace metastep {
namespace {

constexpr char kUnit[] = "1e6 coord-steps/s";

// Float's rounding, 6e-8 an operation, if the errors of some hundred dependent
// operations a step all add, along 20 steps.
constexpr double kTolerance = 1e-4;

// Windows of a repetition, for the clock.
constexpr int kQuadraticWindows = 8;
constexpr int kMnistWindows = 1;

double Millions(double coordinates, int windows) {
  return 1e-6 * coordinates * kWindow * windows;
}

// Our learner. The copies of the lane are made beforehand.
Contender LearnerContender(std::string what, const WindowProblem& problem,
                           int windows) {
  return {
      std::move(what), kUnit, [=]() -> absl::StatusOr<double> {
        std::vector<std::unique_ptr<LaneState>> lanes;
        for (int i = 0; i < windows; ++i) {
          lanes.push_back(problem.start->Clone());
        }
        METASTEP_ASSIGN_OR_RETURN(
            const double seconds, CpuSeconds([&] {
              for (auto& lane : lanes) {
                METASTEP_RETURN_IF_ERROR(MetaGradient(problem, *lane).status());
              }
              return absl::OkStatus();
            }));
        return Millions(problem.coordinates, windows) / seconds;
      }};
}

absl::StatusOr<PeerProblem> PeersOf(const WindowProblem& problem, int windows) {
  METASTEP_ASSIGN_OR_RETURN(std::vector<float> expected,
                            MetaGradient(problem, *problem.start->Clone()));
  return PeerProblem{problem.folder->path(), std::move(expected), kTolerance,
                     Millions(problem.coordinates, windows), kUnit};
}

// Adds keys <name>_over_autograd, <name>_over_torch_compile, <name>_over_jax.
absl::Status MeasureWindow(absl::string_view name, const WindowProblem& problem,
                           int windows, const BenchOptions& options,
                           Report& report) {
  METASTEP_ASSIGN_OR_RETURN(const PeerProblem peers, PeersOf(problem, windows));
  std::vector<Rivals> rivals;
  for (const auto& [key, script] :
       {std::pair{"_over_autograd", "bench/peers/window_torch.py"},
        std::pair{"_over_torch_compile", "bench/peers/window_torch_compile.py"},
        std::pair{"_over_jax", "bench/peers/window_jax.py"}}) {
    rivals.push_back({absl::StrCat(name, key), {}});
    METASTEP_RETURN_IF_ERROR(
        AddPython(options, script, peers, report, rivals.back()));
  }
  const Contender ours = LearnerContender(
      absl::StrFormat("metastep, %s, N = %d", name, problem.coordinates),
      problem, windows);
  return Compete(ours, /*beside=*/{}, rivals, options.repetitions, report)
      .status();
}

// The rule's kernels by themselves, on N coordinates and K + 1 random
// gradients.
struct KernelProblem {
  static constexpr int64_t kCoordinates = 1 << 14;

  KernelProblem() : rule(PaperArchitecture(), PaperPhi()) {
    Rng rng({.seed = 1});
    for (std::vector<float>& gradient : gradients) {
      gradient.resize(kCoordinates);
      for (float& g : gradient) g = 0.01f * rng.Normal();
    }
    state.resize(rule.StateFloats(kCoordinates));
  }

  RecurrentRule rule;
  std::vector<std::vector<float>> gradients{kWindow + 1};
  StateVector<float> state;
};

void ForwardWindow(KernelProblem& problem) {
  std::vector<float> update(KernelProblem::kCoordinates);
  for (int k = 0; k < kWindow; ++k) {
    problem.rule.Step(k + 1, problem.gradients[k],
                      absl::MakeSpan(problem.state), absl::MakeSpan(update));
  }
}

void BackwardWindow(const KernelProblem& problem) {
  const std::vector<absl::Span<const float>> rows(problem.gradients.begin(),
                                                  problem.gradients.end());
  const std::vector<float> weights(kWindow, 1.0f);
  std::vector<double> meta_gradient(problem.rule.phi().size());
  problem.rule.WindowBackward({rows, weights, problem.state, /*first_step=*/1},
                              absl::MakeSpan(meta_gradient));
}

Contender KernelContender(std::string what, std::function<void()> window) {
  return {std::move(what), kUnit, [window]() -> absl::StatusOr<double> {
            METASTEP_ASSIGN_OR_RETURN(const double seconds, CpuSeconds([&] {
                                        window();
                                        return absl::OkStatus();
                                      }));
            return Millions(KernelProblem::kCoordinates, 1) / seconds;
          }};
}

absl::Status MeasureKernels(const BenchOptions& options, Report& report) {
  KernelProblem problem;
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<Samples> samples,
      Interleave({FmaPeak(),
                  KernelContender("forward kernel, N = 16384",
                                  [&] { ForwardWindow(problem); }),
                  KernelContender("window-backward kernel, N = 16384",
                                  [&] { BackwardWindow(problem); })},
                 options.repetitions));
  report.Add(samples);
  report.SetKey("over_forward", Ratio(samples[2], samples[1]));
  return absl::OkStatus();
}

// Memory is measured once: it does not vary.
absl::Status MeasureMemory(double ours, const WindowProblem& mnist,
                           const BenchOptions& options, Report& report) {
  report.Add("metastep, peak memory of a window, N = 1000120", "B/coord", ours);
  METASTEP_ASSIGN_OR_RETURN(const PeerProblem problem,
                            PeersOf(mnist, kMnistWindows));
  const absl::StatusOr<PythonPeer> autograd = StartPython(
      options.python, "bench/peers/window_torch_memory.py", problem);
  if (absl::IsNotFound(autograd.status())) {
    report.Note(autograd.status().message());
    return absl::OkStatus();
  }
  METASTEP_RETURN_IF_ERROR(autograd.status());
  METASTEP_ASSIGN_OR_RETURN(const double theirs, autograd->measure());
  report.Add(absl::StrCat(autograd->name, ", peak memory"), "B/coord", theirs);
  report.SetKey("memory_over_autograd_1m", ours / theirs);
  return absl::OkStatus();
}

absl::Status MetaGradientBench(const BenchOptions& options, Report& report) {
  METASTEP_RETURN_IF_ERROR(UseCores(1));
  UseOneTorchThread();
  // First, while this process has no other threads.
  METASTEP_ASSIGN_OR_RETURN(const double bytes_a_coordinate, MemoryOfMillion());
  METASTEP_RETURN_IF_ERROR(MeasureKernels(options, report));
  METASTEP_ASSIGN_OR_RETURN(const WindowProblem quadratic,
                            MakeQuadraticProblem(kQuadraticWindows));
  METASTEP_RETURN_IF_ERROR(MeasureWindow("quadratic", quadratic,
                                         kQuadraticWindows, options, report));
  METASTEP_ASSIGN_OR_RETURN(const WindowProblem mnist,
                            MakeMnistProblem(kPaperHidden, kMnistWindows));
  METASTEP_RETURN_IF_ERROR(
      MeasureWindow("mnist", mnist, kMnistWindows, options, report));
  return MeasureMemory(bytes_a_coordinate, mnist, options, report);
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) {
  return metastep::BenchMain(
      {.name = "meta-gradient",
       .description =
           "Measures 20-step windows of meta-training on one core, against "
           "autograd in PyTorch and JAX.",
       .run = metastep::MetaGradientBench},
      argc, argv);
}
