// The cells of learned rules beside one another, on one core: the forward step
// and a window's backward pass, parameters and state.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "bench/bench_main.h"
#include "bench/harness.h"
#include "bench/machine.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/rule_factory.h"
#include "optimizer/run_spec.h"
#include "optimizer/state_vector.h"

namespace metastep {
namespace {

constexpr int64_t kCoordinates = 1 << 14;
constexpr int kWindow = 20;
constexpr char kUnit[] = "1e6 coord-steps/s";

// A rule and what a window of it needs. Not thread-safe.
struct Problem {
  std::string cell;
  std::unique_ptr<const LearnedRule> rule;
  std::vector<std::vector<float>> gradients;  // [kWindow + 1][kCoordinates]
  StateVector<float> state;
};

// The cell with two layers of 20 and the inputs of preset PAPER, at its initial
// meta-parameters.
absl::StatusOr<Problem> MakeProblem(const std::string& cell) {
  METASTEP_ASSIGN_OR_RETURN(
      v1::RunSpec spec,
      ParseRunSpec(absl::StrCat("training { rules { name: 'rule' rule { ", cell,
                                " { preset: PAPER } } } }")));
  METASTEP_ASSIGN_OR_RETURN(const RuleSpecs rules,
                            ResolveGroupRules(spec.training().rules()));
  METASTEP_ASSIGN_OR_RETURN(const ParameterLayout layout,
                            ParameterLayout::Create({{"x", {kCoordinates}}}));
  Problem problem;
  problem.cell = cell;
  METASTEP_ASSIGN_OR_RETURN(
      problem.rule,
      MakeLearnedRule(rules, layout, InitialPhi(rules, /*seed=*/1)));
  problem.state.resize(problem.rule->StateFloats(kCoordinates));
  Rng rng({.seed = 1});
  for (int k = 0; k <= kWindow; ++k) {
    std::vector<float>& gradient = problem.gradients.emplace_back(kCoordinates);
    for (float& g : gradient) g = 0.01f * rng.Normal();
  }
  return problem;
}

void StepWindow(Problem& problem) {
  std::vector<float> update(kCoordinates);
  for (int k = 0; k < kWindow; ++k) {
    problem.rule->Step(k + 1, problem.gradients[k],
                       absl::MakeSpan(problem.state), absl::MakeSpan(update));
  }
}

void BackwardWindow(const Problem& problem) {
  const std::vector<absl::Span<const float>> gradients(
      problem.gradients.begin(), problem.gradients.end());
  const std::vector<float> weights(kWindow, 1.0f);
  std::vector<double> meta_gradient(problem.rule->phi().size());
  problem.rule->WindowBackward(
      {gradients, weights, problem.state, /*first_step=*/1},
      absl::MakeSpan(meta_gradient));
}

Contender MakeContender(std::string what, std::function<void()> window) {
  return {std::move(what), kUnit, [window]() -> absl::StatusOr<double> {
            METASTEP_ASSIGN_OR_RETURN(const double seconds, CpuSeconds([&] {
                                        window();
                                        return absl::OkStatus();
                                      }));
            return 1e-6 * kCoordinates * kWindow / seconds;
          }};
}

absl::Status Cells(const BenchOptions& options, Report& report) {
  METASTEP_RETURN_IF_ERROR(UseCores(1));
  std::vector<Problem> problems;
  for (const char* cell : {"lstm", "gru", "lmu"}) {
    METASTEP_ASSIGN_OR_RETURN(problems.emplace_back(), MakeProblem(cell));
  }
  std::vector<Contender> contenders;
  for (Problem& problem : problems) {
    const auto parameters = problem.rule->phi().size();
    const auto state_bytes = static_cast<int64_t>(problem.state.size() *
                                                  sizeof(float) / kCoordinates);
    contenders.push_back(MakeContender(
        absl::StrFormat("%s, %d parameters, %d bytes a coordinate: step",
                        problem.cell, parameters, state_bytes),
        [&problem] { StepWindow(problem); }));
    contenders.push_back(
        MakeContender(absl::StrCat(problem.cell, ": window, forward and back"),
                      [&problem] { BackwardWindow(problem); }));
    report.SetKey(absl::StrCat(problem.cell, "_parameters"),
                  static_cast<double>(parameters));
    report.SetKey(absl::StrCat(problem.cell, "_state_bytes"),
                  static_cast<double>(state_bytes));
  }
  METASTEP_ASSIGN_OR_RETURN(const std::vector<Samples> samples,
                            Interleave(contenders, options.repetitions));
  report.Add(samples);
  for (size_t i = 1; i < problems.size(); ++i) {
    report.SetKey(absl::StrCat(problems[i].cell, "_over_lstm_step"),
                  Ratio(samples[2 * i], samples[0]));
    report.SetKey(absl::StrCat(problems[i].cell, "_over_lstm_window"),
                  Ratio(samples[2 * i + 1], samples[1]));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) {
  return metastep::BenchMain(
      {.name = "cells",
       .description = "Measures LSTM, GRU and LMU as update rules on one core.",
       .run = metastep::Cells},
      argc, argv);
}
