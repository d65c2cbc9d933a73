// The kernel against its reference in double precision, on every instruction
// set.
#include "optimizer/recurrent_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "optimizer/recurrent_reference.h"
#include "optimizer/recurrent_rule.h"
#include "tests/optimizer/recurrent_testing.h"
#include "tests/optimizer/vector_target_testing.h"

namespace metastep {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::IsNan;
using ::testing::Ne;
using ::testing::Truly;

constexpr int64_t kBlock = UpdateRule::kBlock;
// The first of a window's steps: moments correct their bias by it.
constexpr int64_t kStep = 3;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
// Around one, two and three blocks, of which a group has one to three.
constexpr int64_t kSizes[] = {1, 3, 15, 16, 17, 31, 32, 33, 47, 48, 49, 100};

// A pre-activation sums up to 42 products of numbers around 1, each rounded by
// 2^-24 of the sum so far; the gates and tanh(c) add a few 2^-24 each. Errors
// of 96 * 2^-23 = 1.1e-5 are thus beyond what rounding explains.
constexpr double kTolerance = 96.0 * std::numeric_limits<float>::epsilon();

std::vector<RecurrentArchitecture> Architectures(Cell cell) {
  std::vector<ArchitectureOptions> all = {
      {},
      {.preprocessing = Identity()},
      {.hidden = {1}, .preprocessing = LogAndSign(2)},
      {.hidden = {3, 17, 5}, .preprocessing = LogAndSign(5), .memory_order = 1},
      {.hidden = {3, 17}, .preprocessing = Moments(), .memory_order = 5}};
  if (cell == kLstm) {  // which alone may have no layers
    all.push_back({.hidden = {}});
    all.push_back({.hidden = {}, .preprocessing = Identity()});
    all.push_back({.hidden = {}, .preprocessing = Moments()});
  }
  std::vector<RecurrentArchitecture> architectures;
  for (ArchitectureOptions& options : all) {
    options.cell = cell;
    architectures.push_back(TestArchitecture(options));
  }
  return architectures;
}

// Whatever steps need: n coordinates' gradients for K steps, and so on.
struct Window {
  Window(const RecurrentArchitecture& architecture, int64_t n, int steps)
      : rule(architecture, TestPhi(architecture)),
        state(TestState(architecture, n, 1)),
        state_adjoint(Normals(rule.StateFloats(n), 2)),
        phi_adjoint(architecture.stack.phi_size) {
    const float scale =
        architecture.stack.preprocessing.has_moments() ? 1 : 0.05f;
    for (int t = 0; t <= steps; ++t) {
      gradients.push_back(Normals(n, 100 + t, scale));
    }
    for (int t = 0; t < steps; ++t) {
      weights.push_back(20 * (t + 1) / static_cast<float>(steps));
    }
  }

  void WindowBackward() {
    rule.WindowBackward({.gradients = Spans(gradients),
                         .weights = weights,
                         .state = state,
                         .first_step = kStep,
                         .update_adjoints = Spans(update_adjoints)},
                        absl::MakeSpan(phi_adjoint));
  }

  // dL/du_t, as LearnedRule::WindowBackward defines it; fused, as the CPU
  // may.
  std::vector<float> UpdateAdjoint(size_t t) const {
    std::vector<float> sums(gradients[0].size());
    for (size_t s = weights.size(); s > t; --s) {
      for (size_t i = 0; i < sums.size(); ++i) {
        sums[i] = std::fma(weights[s - 1], gradients[s][i], sums[i]);
      }
    }
    if (update_adjoints.empty()) return sums;
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += update_adjoints[t][i];
    return sums;
  }

  static std::vector<absl::Span<const float>> Spans(
      const std::vector<std::vector<float>>& vectors) {
    return {vectors.begin(), vectors.end()};
  }

  const RecurrentRule rule;
  std::vector<std::vector<float>> gradients;             // [K + 1][n]
  std::vector<float> weights;                            // [K]
  std::vector<std::vector<float>> update_adjoints = {};  // [0 or K][n]
  std::vector<float> state;
  std::vector<float> state_adjoint;
  std::vector<double> phi_adjoint;
};

// The variables of one coordinate, out of its block.
std::vector<double> Column(const std::vector<float>& state, int64_t variables,
                           int64_t coordinate) {
  std::vector<double> column;
  const int64_t begin = coordinate / kBlock * kBlock * variables;
  for (int64_t v = 0; v < variables; ++v) {
    column.push_back(state[begin + v * kBlock + coordinate % kBlock]);
  }
  return column;
}

RecurrentReference<double> Reference(
    const RecurrentArchitecture& architecture) {
  const std::vector<float> phi = TestPhi(architecture);
  return {architecture, {phi.begin(), phi.end()}};
}

void ExpectNear(const std::vector<double>& actual,
                const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i],
                kTolerance * std::max(1.0, std::abs(expected[i])))
        << i;
  }
}

// Errors of a sum are relative to its terms, of which the largest sum is a
// stand-in.
void ExpectNearTheLargest(const std::vector<double>& actual,
                          const std::vector<double>& expected) {
  double largest = 0;
  for (double x : expected) largest = std::max(largest, std::abs(x));
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], kTolerance * largest) << i;
  }
}

// On an instruction set and with a cell.
class RecurrentKernelTest
    : public testing::TestWithParam<std::tuple<int64_t, Cell>> {
 protected:
  static Cell cell() { return std::get<Cell>(GetParam()); }

 private:
  const ScopedVectorTarget target_{std::get<int64_t>(GetParam())};
};

TEST_P(RecurrentKernelTest, StepsAsTheReference) {
  for (const RecurrentArchitecture& architecture : Architectures(cell())) {
    const RecurrentReference<double> reference = Reference(architecture);
    for (const int64_t n : kSizes) {
      SCOPED_TRACE(n);
      Window window(architecture, n, 1);
      const std::vector<float> before = window.state;
      std::vector<float> update(n);
      window.rule.Step(kStep, window.gradients[0], absl::MakeSpan(window.state),
                       absl::MakeSpan(update));
      for (int64_t i = 0; i < n; ++i) {
        std::vector<double> column =
            Column(before, architecture.stack.state_variables, i);
        const double expected = reference.Step(kStep, window.gradients[0][i],
                                               absl::MakeSpan(column));
        EXPECT_NEAR(update[i], expected, kTolerance);
        ExpectNear(Column(window.state, architecture.stack.state_variables, i),
                   column);
      }
    }
  }
}

TEST_P(RecurrentKernelTest, StepsBackAsTheReference) {
  for (const RecurrentArchitecture& architecture : Architectures(cell())) {
    const RecurrentReference<double> reference = Reference(architecture);
    for (const int64_t n : kSizes) {
      SCOPED_TRACE(n);
      Window window(architecture, n, 1);
      const std::vector<float> after = window.state_adjoint;
      const std::vector<float> update_adjoint = Normals(n, 200);
      std::vector<float> gradient_adjoint(n);
      window.rule.StepBackward(
          kStep, window.gradients[0], window.state,
          {update_adjoint, absl::MakeSpan(window.state_adjoint),
           absl::MakeSpan(gradient_adjoint),
           absl::MakeSpan(window.phi_adjoint)});
      std::vector<double> gradients, expected_gradients;
      std::vector<double> phi_adjoint(architecture.stack.phi_size);
      for (int64_t i = 0; i < n; ++i) {
        std::vector<double> column =
            Column(after, architecture.stack.state_variables, i);
        gradients.push_back(gradient_adjoint[i]);
        expected_gradients.push_back(reference.StepBackward(
            kStep, window.gradients[0][i],
            Column(window.state, architecture.stack.state_variables, i),
            update_adjoint[i], absl::MakeSpan(column),
            absl::MakeSpan(phi_adjoint)));
        ExpectNear(
            Column(window.state_adjoint, architecture.stack.state_variables, i),
            column);
      }
      ExpectNearTheLargest(gradients, expected_gradients);
      ExpectNearTheLargest(window.phi_adjoint, phi_adjoint);
    }
  }
}

// From zeros to gradients whose squares float32 does not hold.
TEST_P(RecurrentKernelTest, TakesMomentsOfTheSmallestGradients) {
  const RecurrentArchitecture architecture =
      TestArchitecture({.hidden = {}, .preprocessing = Moments()});
  const RecurrentReference<double> reference = Reference(architecture);
  const RecurrentRule rule(architecture, TestPhi(architecture));
  const std::vector<float> gradient = {0,     1e-38f, 1e-25f, -1e-20f, 1e-15f,
                                       1e-8f, -3e-8f, 1e-5f,  1e10f,   -1e18f};
  std::vector<float> state(rule.StateFloats(gradient.size()));
  std::vector<float> state_adjoint(state.size());
  std::vector<float> update(gradient.size()), adjoint(gradient.size());
  std::vector<double> phi_adjoint(architecture.stack.phi_size);
  rule.StepBackward(
      1, gradient, state,
      {std::vector<float>(gradient.size(), 1), absl::MakeSpan(state_adjoint),
       absl::MakeSpan(adjoint), absl::MakeSpan(phi_adjoint)});
  rule.Step(1, gradient, absl::MakeSpan(state), absl::MakeSpan(update));
  for (size_t i = 0; i < gradient.size(); ++i) {
    std::vector<double> column(2), column_adjoint(2);
    const double expected_adjoint = reference.StepBackward(
        1, gradient[i], column, 1, absl::MakeSpan(column_adjoint),
        absl::MakeSpan(phi_adjoint));
    const double expected =
        reference.Step(1, gradient[i], absl::MakeSpan(column));
    EXPECT_NEAR(update[i], expected, kTolerance) << gradient[i];
    // At step 1 the inputs are g / (|g| + e), whose derivative is the
    // difference of numbers around 1 / (|g| + e).
    EXPECT_NEAR(adjoint[i], expected_adjoint,
                kTolerance / (std::abs(gradient[i]) + kMomentsEpsilon))
        << gradient[i];
  }
}

void ExpectToComposeSteps(Window window) {
  const size_t steps = window.weights.size();
  std::vector<std::vector<float>> states = {window.state};
  std::vector<float> update(window.gradients[0].size());
  for (size_t t = 0; t < steps; ++t) {
    states.push_back(states.back());
    window.rule.Step(kStep + t, window.gradients[t],
                     absl::MakeSpan(states.back()), absl::MakeSpan(update));
  }
  std::vector<float> state_adjoint(window.state.size());
  std::vector<double> phi_adjoint(window.phi_adjoint.size());
  for (size_t t = steps; t-- > 0;) {
    window.rule.StepBackward(kStep + t, window.gradients[t], states[t],
                             {window.UpdateAdjoint(t),
                              absl::MakeSpan(state_adjoint),
                              {},
                              absl::MakeSpan(phi_adjoint)});
  }
  window.WindowBackward();
  ExpectNearTheLargest(window.phi_adjoint, phi_adjoint);
}

TEST_P(RecurrentKernelTest, WindowBackwardComposesSteps) {
  constexpr int kSteps = 5;
  for (const RecurrentArchitecture& architecture : Architectures(cell())) {
    Window window(architecture, /*n=*/33, kSteps);
    ExpectToComposeSteps(window);
    for (int t = 0; t < kSteps; ++t) {
      window.update_adjoints.push_back(Normals(33, 300 + t));
    }
    ExpectToComposeSteps(window);
  }
}

// Takes the first `split` coordinates and the others by themselves.
void StepInParts(Window& window, int64_t split, absl::Span<float> update) {
  const absl::Span<const float> gradient = window.gradients[0];
  const absl::Span<float> state = absl::MakeSpan(window.state);
  const int64_t at = window.rule.StateFloats(split);
  window.rule.Step(kStep, gradient.subspan(split), state.subspan(at),
                   update.subspan(split));
  window.rule.Step(kStep, gradient.first(split), state.first(at),
                   update.first(split));
}

void WindowBackwardInParts(Window& window, int64_t split) {
  const absl::Span<const float> state = window.state;
  const int64_t at = window.rule.StateFloats(split);
  std::vector<absl::Span<const float>> lower, upper;
  for (const absl::Span<const float> gradient : window.gradients) {
    lower.push_back(gradient.first(split));
    upper.push_back(gradient.subspan(split));
  }
  window.rule.WindowBackward({lower, window.weights, state.first(at), kStep},
                             absl::MakeSpan(window.phi_adjoint));
  window.rule.WindowBackward({upper, window.weights, state.subspan(at), kStep},
                             absl::MakeSpan(window.phi_adjoint));
}

// So that neither threads nor an odd block at the end make a difference.
TEST_P(RecurrentKernelTest, GivesTheSameBitsHoweverCoordinatesAreSplit) {
  constexpr int64_t kCoordinates = 100;
  for (const RecurrentArchitecture& architecture : Architectures(cell())) {
    const Window window(architecture, kCoordinates, 3);
    Window whole = window;
    std::vector<float> whole_update(kCoordinates);
    whole.WindowBackward();
    whole.rule.Step(kStep, whole.gradients[0], absl::MakeSpan(whole.state),
                    absl::MakeSpan(whole_update));
    for (const int64_t split : {16, 32, 48, 64, 96}) {
      SCOPED_TRACE(split);
      Window parts = window;
      std::vector<float> update(kCoordinates);
      WindowBackwardInParts(parts, split);
      StepInParts(parts, split, absl::MakeSpan(update));
      EXPECT_EQ(parts.phi_adjoint, whole.phi_adjoint);
      EXPECT_EQ(update, whole_update);
      EXPECT_EQ(parts.state, whole.state);
    }
  }
}

TEST_P(RecurrentKernelTest, IgnoresTheLanesBeyondTheLastCoordinate) {
  constexpr int64_t kCoordinates = 19;
  const RecurrentArchitecture architecture = TestArchitecture({.cell = cell()});
  Window clean(architecture, kCoordinates, 1);
  Window soiled = clean;
  const auto variables =
      static_cast<int64_t>(architecture.stack.state_variables);
  for (int64_t v = 0; v < variables; ++v) {
    const int64_t row = (variables + v) * kBlock;
    for (int64_t lane = kCoordinates % kBlock; lane < kBlock; ++lane) {
      soiled.state[row + lane] = soiled.state_adjoint[row + lane] = kNan;
    }
  }
  for (Window* window : {&clean, &soiled}) {
    window->rule.StepBackward(kStep, window->gradients[0], window->state,
                              {window->UpdateAdjoint(0),
                               absl::MakeSpan(window->state_adjoint),
                               {},
                               absl::MakeSpan(window->phi_adjoint)});
  }
  EXPECT_EQ(soiled.phi_adjoint, clean.phi_adjoint);
}

TEST_P(RecurrentKernelTest, KeepsNonFiniteGradientsToTheirCoordinate) {
  constexpr int64_t kCoordinates = 20, kBad = 5;
  for (const RecurrentArchitecture& architecture : Architectures(cell())) {
    for (const float bad : {kNan, std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
      Window clean(architecture, kCoordinates, 1);
      Window soiled = clean;
      soiled.gradients[0][kBad] = bad;
      std::vector<float> expected(kCoordinates), update(kCoordinates);
      clean.rule.Step(kStep, clean.gradients[0], absl::MakeSpan(clean.state),
                      absl::MakeSpan(expected));
      soiled.rule.Step(kStep, soiled.gradients[0], absl::MakeSpan(soiled.state),
                       absl::MakeSpan(update));
      EXPECT_FALSE(std::isfinite(update[kBad])) << bad;
      for (int64_t i = 0; i < kCoordinates; ++i) {
        if (i == kBad) continue;
        EXPECT_EQ(update[i], expected[i]);
        EXPECT_EQ(Column(soiled.state, architecture.stack.state_variables, i),
                  Column(clean.state, architecture.stack.state_variables, i));
      }
    }
  }
}

// As in the reference.
TEST_P(RecurrentKernelTest, CarriesNansInTheStateOfTheirCoordinate) {
  constexpr int64_t kCoordinates = 20, kBad = 5;
  const RecurrentArchitecture architecture = TestArchitecture({.cell = cell()});
  Window window(architecture, kCoordinates, 1);
  window.gradients[0][kBad] = kNan;
  std::vector<float> update(kCoordinates);
  window.rule.Step(kStep, window.gradients[0], absl::MakeSpan(window.state),
                   absl::MakeSpan(update));
  EXPECT_THAT(Column(window.state, architecture.stack.state_variables, kBad),
              Each(IsNan()));
}

// An infinite gradient saturates gates.
TEST_P(RecurrentKernelTest, StaysFiniteAfterAnInfiniteGradient) {
  constexpr int64_t kCoordinates = 20, kBad = 5;
  const RecurrentArchitecture architecture = TestArchitecture({.cell = cell()});
  Window window(architecture, kCoordinates, 1);
  window.gradients[0][kBad] = std::numeric_limits<float>::infinity();
  std::vector<float> update(kCoordinates);
  window.rule.Step(kStep, window.gradients[0], absl::MakeSpan(window.state),
                   absl::MakeSpan(update));
  EXPECT_THAT(Column(window.state, architecture.stack.state_variables, kBad),
              Each(Truly([](double x) { return std::isfinite(x); })));
}

TEST_P(RecurrentKernelTest, GivesEveryMetaParameterAGradient) {
  for (const RecurrentArchitecture& architecture : Architectures(cell())) {
    Window window(architecture, /*n=*/32, /*steps=*/3);
    window.WindowBackward();
    EXPECT_THAT(window.phi_adjoint, Each(Ne(0)));
  }
}

TEST_P(RecurrentKernelTest, TakesNoStepsWithoutCoordinatesOrTime) {
  Window window(TestArchitecture({.cell = cell()}), /*n=*/0, /*steps=*/3);
  window.WindowBackward();
  EXPECT_THAT(window.phi_adjoint, Each(0));
  Window still(TestArchitecture({.cell = cell()}), /*n=*/16, /*steps=*/0);
  still.WindowBackward();
  EXPECT_THAT(still.phi_adjoint, Each(0));
}

INSTANTIATE_TEST_SUITE_P(
    , RecurrentKernelTest,
    testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                     testing::ValuesIn(kCells)),
    [](const auto& test) {
      return absl::StrCat(hwy::TargetName(std::get<int64_t>(test.param)), "_",
                          CellName(std::get<Cell>(test.param)));
    });

// So that workers with and without AVX-512 can share a run.
class RecurrentKernelBitsTest : public testing::TestWithParam<Cell> {};

INSTANTIATE_TEST_SUITE_P(, RecurrentKernelBitsTest, testing::ValuesIn(kCells),
                         [](const auto& test) { return CellName(test.param); });

TEST_P(RecurrentKernelBitsTest, AreThoseOfAvx2OnWiderVectors) {
  constexpr int64_t kFused = HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL;
  for (const RecurrentArchitecture& architecture : Architectures(GetParam())) {
    std::vector<std::vector<double>> phi_adjoints;
    std::vector<std::vector<float>> states;
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      if ((target & kFused) == 0) continue;
      const ScopedVectorTarget scope(target);
      Window window(architecture, /*n=*/33, /*steps=*/4);
      window.WindowBackward();
      std::vector<float> update(33);
      window.rule.Step(kStep, window.gradients[0], absl::MakeSpan(window.state),
                       absl::MakeSpan(update));
      phi_adjoints.push_back(window.phi_adjoint);
      states.push_back(window.state);
    }
    if (states.empty()) GTEST_SKIP() << "this CPU has no AVX2";
    EXPECT_THAT(phi_adjoints, Each(phi_adjoints.front()));
    EXPECT_THAT(states, Each(states.front()));
  }
}

}  // namespace
}  // namespace metastep
