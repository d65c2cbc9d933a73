#include "optimizer/recurrent_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/optimizer/recurrent_testing.h"

namespace metastep {
namespace {

using ::testing::ElementsAre;

TEST(RecurrentReferenceTest, WithoutLayersIsLinearInTheGradient) {
  const RecurrentReference<float> lstm(
      TestArchitecture(
          {.hidden = {}, .preprocessing = Identity(), .output_scale = 0.5}),
      {3, 0.25f});
  EXPECT_EQ(lstm.Step(1, 2, {}), 0.5f * (3 * 2 + 0.25f));
}

// One unit, one input, by hand. Weights of gates i, j, f, o: from the input
// 1, 2, 3, 4; from h 5, 6, 7, 8; biases 9, 10, 11, 12, all over 10; g = 0.5,
// h = 0.2, c = 0.4:
//   i = sig(0.05 + 0.1 + 0.9), j = tanh(0.1 + 0.12 + 1),
//   f = sig(0.15 + 0.14 + 1.1 + 1), o = sig(0.2 + 0.16 + 1.2)
TEST(RecurrentReferenceTest, TakesGatesInTheOrderOfTheReferenceImplementation) {
  std::vector<double> phi;
  for (int i = 1; i <= 12; ++i) phi.push_back(i / 10.0);
  phi.insert(phi.end(), {2, 1});  // output weight and bias
  const RecurrentReference<double> lstm(
      TestArchitecture(
          {.hidden = {1}, .preprocessing = Identity(), .output_scale = 0.5}),
      phi);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const double c = sigmoid(2.39) * 0.4 + sigmoid(1.05) * std::tanh(1.22);
  const double h = sigmoid(1.56) * std::tanh(c);

  std::vector<double> state = {0.2, 0.4};
  EXPECT_DOUBLE_EQ(lstm.Step(1, 0.5, absl::MakeSpan(state)), 0.5 * (2 * h + 1));
  EXPECT_THAT(state, ElementsAre(testing::DoubleEq(h), testing::DoubleEq(c)));
}

// A window of two steps: L = sum over t of v_t u_t + s . (state at the end).
class RecurrentReferenceWindow {
 public:
  RecurrentReferenceWindow(RecurrentArchitecture architecture)
      : architecture_(architecture),
        end_weights_(Doubles(Normals(architecture.stack.state_variables, 2))) {}

  // The steps are the third and the fourth.
  double Loss(const std::vector<double>& phi, double gradient,
              std::vector<double> state) const {
    const RecurrentReference<double> lstm(architecture_, phi);
    double loss = 0.7 * lstm.Step(3, gradient, absl::MakeSpan(state)) -
                  1.3 * lstm.Step(4, 0.4 * gradient, absl::MakeSpan(state));
    for (size_t v = 0; v < state.size(); ++v)
      loss += end_weights_[v] * state[v];
    return loss;
  }

  // dL/d(phi, gradient, state), one after another.
  std::vector<double> Adjoint(const std::vector<double>& phi, double gradient,
                              const std::vector<double>& state) const {
    const RecurrentReference<double> lstm(architecture_, phi);
    std::vector<double> middle = state;
    lstm.Step(3, gradient, absl::MakeSpan(middle));
    std::vector<double> result(phi.size());
    std::vector<double> state_adjoint = end_weights_;
    double gradient_adjoint =
        0.4 * lstm.StepBackward(4, 0.4 * gradient, middle, -1.3,
                                absl::MakeSpan(state_adjoint),
                                absl::MakeSpan(result));
    gradient_adjoint += lstm.StepBackward(3, gradient, state, 0.7,
                                          absl::MakeSpan(state_adjoint),
                                          absl::MakeSpan(result));
    result.push_back(gradient_adjoint);
    result.insert(result.end(), state_adjoint.begin(), state_adjoint.end());
    return result;
  }

  static std::vector<double> Doubles(const std::vector<float>& floats) {
    return {floats.begin(), floats.end()};
  }

 private:
  const RecurrentArchitecture architecture_;
  const std::vector<double> end_weights_;
};

class RecurrentReferenceBackwardTest
    : public testing::TestWithParam<ArchitectureOptions> {};

// Central differences of step 3e-6 of a smooth function of numbers around 1 are
// good to about 1e-10. With p = 1 the gradients -0.7 and -0.28 lie on either
// side of both clamps.
TEST_P(RecurrentReferenceBackwardTest, EqualsFiniteDifferences) {
  const RecurrentArchitecture architecture = TestArchitecture(GetParam());
  const RecurrentReferenceWindow window(architecture);
  std::vector<double> phi =
      RecurrentReferenceWindow::Doubles(TestPhi(architecture));
  double gradient = -0.7;
  std::vector<double> state = RecurrentReferenceWindow::Doubles(
      Normals(architecture.stack.state_variables, 3));
  if (architecture.stack.preprocessing.has_moments()) state[1] = 0.5;  // v
  const std::vector<double> adjoint = window.Adjoint(phi, gradient, state);

  std::vector<double*> variables;
  for (double& x : phi) variables.push_back(&x);
  variables.push_back(&gradient);
  for (double& x : state) variables.push_back(&x);
  ASSERT_EQ(adjoint.size(), variables.size());
  constexpr double kStep = 3e-6;
  for (size_t i = 0; i < variables.size(); ++i) {
    const double at = *variables[i];
    *variables[i] = at + kStep;
    const double above = window.Loss(phi, gradient, state);
    *variables[i] = at - kStep;
    const double below = window.Loss(phi, gradient, state);
    *variables[i] = at;
    EXPECT_NEAR(adjoint[i], (above - below) / (2 * kStep), 1e-9) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , RecurrentReferenceBackwardTest,
    testing::Values(
        ArchitectureOptions{.hidden = {}, .preprocessing = LogAndSign(1)},
        ArchitectureOptions{.hidden = {3}, .preprocessing = LogAndSign(1)},
        ArchitectureOptions{.hidden = {3, 2}, .preprocessing = LogAndSign(1)},
        ArchitectureOptions{.hidden = {2, 1, 3},
                            .preprocessing = LogAndSign(1)},
        ArchitectureOptions{.hidden = {}, .preprocessing = Moments()},
        ArchitectureOptions{.hidden = {3, 2}, .preprocessing = Moments()},
        ArchitectureOptions{
            .cell = kGru, .hidden = {3}, .preprocessing = LogAndSign(1)},
        ArchitectureOptions{
            .cell = kGru, .hidden = {2, 1, 3}, .preprocessing = Moments()},
        ArchitectureOptions{.cell = kLmu,
                            .hidden = {3},
                            .preprocessing = LogAndSign(1),
                            .memory_order = 4},
        ArchitectureOptions{.cell = kLmu,
                            .hidden = {2, 1, 3},
                            .preprocessing = Moments(),
                            .memory_order = 3}));

// One unit, one input, by hand. W of r and z: from the input 1, 2, from h 3, 4,
// biases 5, 6; of n from the input 7, bias 8; from h 9, bias 10; all over 10;
// g = 0.5, h = 0.2:
//   r = sig(0.05 + 0.06 + 0.5), z = sig(0.1 + 0.08 + 0.6),
//   n = tanh(0.35 + 0.8 + r (0.18 + 1)), h' = (1 - z) n + 0.2 z
TEST(RecurrentReferenceTest, StepsAGru) {
  std::vector<double> phi;
  for (int i = 1; i <= 10; ++i) phi.push_back(i / 10.0);
  phi.insert(phi.end(), {2, 1});  // output weight and bias
  const RecurrentReference<double> gru(
      TestArchitecture({.cell = kGru,
                        .hidden = {1},
                        .preprocessing = Identity(),
                        .output_scale = 0.5}),
      phi);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const double z = sigmoid(0.78);
  const double h = (1 - z) * std::tanh(1.15 + sigmoid(0.61) * 1.18) + z * 0.2;

  std::vector<double> state = {0.2};
  EXPECT_DOUBLE_EQ(gru.Step(1, 0.5, absl::MakeSpan(state)), 0.5 * (2 * h + 1));
  EXPECT_THAT(state, ElementsAre(testing::DoubleEq(h)));
}

// One unit, one input and a memory of order 1, by hand: m' = a m + (1 - a) u
// with a = e^(-1/10). e of the input, h and m is 1, 2, 3; W of the input and h
// 4, 5, bias 6, of m' 7; all over 10; g = 0.5, h = 0.2, m = 0.4:
//   u = 0.05 + 0.04 + 0.12, h' = tanh(0.2 + 0.1 + 0.6 + 0.7 m')
TEST(RecurrentReferenceTest, StepsAnLmu) {
  std::vector<double> phi;
  for (int i = 1; i <= 7; ++i) phi.push_back(i / 10.0);
  phi.insert(phi.end(), {2, 1});  // output weight and bias
  const RecurrentReference<double> lmu(
      TestArchitecture({.cell = kLmu,
                        .hidden = {1},
                        .preprocessing = Identity(),
                        .output_scale = 0.5,
                        .memory_order = 1}),
      phi);
  const double a = std::exp(-0.1);
  const double m = a * 0.4 + (1 - a) * 0.21;
  const double h = std::tanh(0.9 + 0.7 * m);

  std::vector<double> state = {0.2, 0.4};
  EXPECT_DOUBLE_EQ(lmu.Step(1, 0.5, absl::MakeSpan(state)), 0.5 * (2 * h + 1));
  EXPECT_THAT(state, ElementsAre(testing::DoubleEq(h), testing::DoubleEq(m)));
}

TEST(RecurrentReferenceTest, ShowsNonFiniteGradientsInTheUpdate) {
  const RecurrentArchitecture architecture = TestArchitecture({});
  const RecurrentReference<float> lstm(architecture, TestPhi(architecture));
  for (const float bad : {std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> state(architecture.stack.state_variables);
    EXPECT_FALSE(std::isfinite(lstm.Step(1, bad, absl::MakeSpan(state))))
        << bad;
  }
}

}  // namespace
}  // namespace metastep
