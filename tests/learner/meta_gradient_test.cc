// The meta-gradient against central differences of the meta-loss in double.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learner/learner.h"
#include "optimizer/recurrent_reference.h"
#include "optimizer/rule_factory.h"
#include "tests/learner/known_quadratic.h"
#include "tests/learner/specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

constexpr int kWindow = 6;

using Doubles = std::vector<double>;

struct Point {
  int64_t steps = 0;            // taken so far
  Doubles theta;                // [N]
  std::vector<Doubles> states;  // [N][state_variables]
};

struct Window {
  double meta_loss = 0;
  std::vector<Doubles> gradients = {};  // [K][N]
  Point end = {};
};

// Runs a window in double. The rule is fed the gradients of the window's own
// thetas, or those `held` constant; its updates are to resemble `targets`
// [K][N], if there are any.
Window RunReference(const RecurrentArchitecture& architecture,
                    const Doubles& phi, const QuadraticNumbers& numbers,
                    Point point, const std::vector<Doubles>* held,
                    const std::vector<Doubles>& targets = {}) {
  const RecurrentReference<double> rule(architecture, phi);
  Window window{.meta_loss = numbers.Loss(point.theta)};
  for (int k = 0; k < kWindow; ++k) {
    const Doubles gradient =
        held != nullptr ? (*held)[k] : numbers.Gradient(point.theta);
    ++point.steps;
    double misses = 0, squares = 0;
    for (size_t i = 0; i < point.theta.size(); ++i) {
      const double update =
          rule.Step(point.steps, gradient[i], absl::MakeSpan(point.states[i]));
      point.theta[i] += update;
      if (targets.empty()) continue;
      misses += std::pow(update - targets[k][i], 2);
      squares += std::pow(targets[k][i], 2);
    }
    if (!targets.empty()) window.meta_loss += misses / squares;
    window.meta_loss += numbers.Loss(point.theta);
    window.gradients.push_back(gradient);
  }
  window.end = std::move(point);
  return window;
}

constexpr double kTeacherRate = 0.01;
constexpr double kTeacherMomentum = 0.9;

// Momentum's updates in the second of two windows.
std::vector<Doubles> TeacherUpdates(const std::vector<Doubles>& first,
                                    const std::vector<Doubles>& second) {
  Doubles velocity(first[0].size());
  std::vector<Doubles> updates;
  for (const auto* gradients : {&first, &second}) {
    updates.clear();
    for (const Doubles& gradient : *gradients) {
      for (size_t i = 0; i < velocity.size(); ++i) {
        velocity[i] =
            kTeacherMomentum * velocity[i] - kTeacherRate * gradient[i];
      }
      updates.push_back(velocity);
    }
  }
  return updates;
}

// Whether the gradients are no constants, the rule's cell and its
// preprocessing.
class FiniteDifferenceTest : public ::testing::TestWithParam<
                                 std::tuple<bool, const char*, const char*>> {};

INSTANTIATE_TEST_SUITE_P(
    Modes, FiniteDifferenceTest,
    ::testing::Combine(::testing::Bool(),
                       ::testing::Values("lstm", "gru", "lmu"),
                       ::testing::Values("log_and_sign", "moments")),
    [](const auto& mode) {
      return absl::StrCat(std::get<0>(mode.param) ? "exact_" : "first_order_",
                          std::get<1>(mode.param), "_",
                          std::get<2>(mode.param));
    });

// The second window of an unroll, so that its start's theta and state are not
// zero. Ours is rounded to float, 6e-8 an operation: 6e-6 if the errors of the
// some hundred dependent operations along two windows all add. To second order
// the cosine is then 1 - 6e-6^2 / 2. (Measured: 1e-7.) The differences' own
// error is h^2 and 1e-16 / h, relative: below 1e-10.
TEST_P(FiniteDifferenceTest, AgreesOnTheSecondWindow) {
  const QuadraticNumbers numbers = RandomQuadratic(2, 3);
  const auto family = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"theta", {2, 3}}}, numbers);
  const auto [exact, cell, preprocessing] = GetParam();
  const auto spec = ResolvedTraining(absl::StrCat(
      "rules { name: 'rule' rule { ", cell,
      " { hidden: [4, 3] output_scale: 0.1 preprocessing { ", preprocessing,
      " {} } } } } unroll { horizon: ", 2 * kWindow, " window: ", kWindow,
      " second_derivatives: ", exact ? "true }" : "false }",
      " stages { rounds: 2 imitation { rule { momentum { learning_rate: ",
      kTeacherRate, " momentum: ", kTeacherMomentum, " } } } }"));
  const std::vector<float> initial = InitialPhi(spec.rules(), /*seed=*/1);
  const auto learner = MakeTruncatedBptt(spec, family);
  ASSERT_OK_AND_ASSIGN(const auto lane, learner->Start(TrainingKey()));
  ASSERT_OK(learner->Replay(initial, *lane));
  ASSERT_OK_AND_ASSIGN(const WindowOutcome outcome,
                       learner->RunWindow(initial, *lane));

  const RecurrentArchitecture architecture =
      MakeRecurrentArchitecture(spec.rules(0).rule());
  Doubles phi(initial.begin(), initial.end());
  const Point start{.theta = Doubles(6),
                    .states = std::vector<Doubles>(
                        6, Doubles(architecture.stack.state_variables))};
  const Window first = RunReference(architecture, phi, numbers, start, nullptr);
  const Point& middle = first.end;
  const std::vector<Doubles> gradients =
      RunReference(architecture, phi, numbers, middle, nullptr).gradients;
  const std::vector<Doubles> targets =
      TeacherUpdates(first.gradients, gradients);
  const auto meta_loss = [&, exact = exact] {
    return RunReference(architecture, phi, numbers, middle,
                        exact ? nullptr : &gradients, targets)
        .meta_loss;
  };

  constexpr double kStep = 1e-5;
  double squared_error = 0, dot = 0, ours = 0, differences = 0;
  for (size_t i = 0; i < phi.size(); ++i) {
    const double value = phi[i];
    phi[i] = value + kStep;
    const double above = meta_loss();
    phi[i] = value - kStep;
    const double difference = (above - meta_loss()) / (2 * kStep);
    phi[i] = value;
    const double gradient = outcome.meta_gradient[i];
    squared_error += std::pow(gradient - difference, 2);
    dot += gradient * difference;
    ours += gradient * gradient;
    differences += difference * difference;
  }
  EXPECT_LT(std::sqrt(squared_error / differences), 6e-6);
  EXPECT_GT(dot / std::sqrt(ours * differences), 1 - 1.8e-11);
}

}  // namespace
}  // namespace metastep
