#include "optimizer/antisymmetric_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "optimizer/recurrent_rule.h"
#include "tests/optimizer/recurrent_testing.h"

namespace metastep {
namespace {

using Floats = std::vector<float>;
using Rows = std::vector<Floats>;

// More than are mirrored at a time (4,096), and no whole number of blocks.
constexpr int64_t kCoordinates = 4101;
constexpr float kHalf = 0.5f;

Floats Scaled(Floats values, float scale) {
  for (float& value : values) value *= scale;
  return values;
}

std::vector<absl::Span<const float>> Spans(const Rows& rows) {
  return {rows.begin(), rows.end()};
}

class AntisymmetricRuleTest : public testing::TestWithParam<Cell> {
 protected:
  // What one gradient after the other makes of zero state.
  static Rows Updates(const UpdateRule& rule, const Rows& gradients,
                      float sign = 1) {
    Floats state(rule.StateFloats(kCoordinates));
    Rows updates;
    int64_t step = 0;
    for (const Floats& gradient : gradients) {
      updates.emplace_back(kCoordinates);
      rule.Step(++step, Scaled(gradient, sign), absl::MakeSpan(state),
                absl::MakeSpan(updates.back()));
    }
    return updates;
  }

  const RecurrentArchitecture architecture_ =
      TestArchitecture({.cell = GetParam(), .hidden = {3}, .memory_order = 2});
  const RecurrentRule plain_{architecture_, TestPhi(architecture_)};
  const AntisymmetricRule rule_{
      std::make_unique<RecurrentRule>(architecture_, TestPhi(architecture_))};
  const Rows gradients_ = {Normals(kCoordinates, 1, 0.1f),
                           Normals(kCoordinates, 2, 0.1f),
                           Normals(kCoordinates, 3, 0.1f)};
};

TEST_P(AntisymmetricRuleTest, IsHalfOfWhatTheRuleMakesOfBothSigns) {
  const Rows updates = Updates(rule_, gradients_);
  const Rows own = Updates(plain_, gradients_);
  const Rows image = Updates(plain_, gradients_, -1);
  for (size_t t = 0; t < updates.size(); ++t) {
    for (int64_t i = 0; i < kCoordinates; ++i) {
      ASSERT_EQ(updates[t][i], kHalf * (own[t][i] - image[t][i])) << t << i;
    }
  }
}

TEST_P(AntisymmetricRuleTest, ChangesSignWithTheGradients) {
  const Rows updates = Updates(rule_, gradients_);
  const Rows images = Updates(rule_, gradients_, -1);
  for (size_t t = 0; t < updates.size(); ++t) {
    EXPECT_EQ(images[t], Scaled(updates[t], -1));
  }
}

TEST_P(AntisymmetricRuleTest, StepsARangeOfBlocksByItself) {
  constexpr int64_t kBegin = 3 * UpdateRule::kBlock;
  constexpr int64_t kSize = UpdateRule::kBlock + 5;
  Floats state = Normals(rule_.StateFloats(kCoordinates), 4);
  Floats part(
      state.begin() + rule_.StateFloats(kBegin),
      state.begin() + rule_.StateFloats(kBegin) + rule_.StateFloats(kSize));
  Floats update(kCoordinates), of_part(kSize);
  rule_.Step(1, gradients_[0], absl::MakeSpan(state), absl::MakeSpan(update));
  rule_.Step(1, absl::MakeConstSpan(gradients_[0]).subspan(kBegin, kSize),
             absl::MakeSpan(part), absl::MakeSpan(of_part));
  EXPECT_EQ(of_part,
            Floats(update.begin() + kBegin, update.begin() + kBegin + kSize));
}

// From zero state, the chain rule of u = (m(g) - m(-g)) / 2: phi has the plain
// rule's adjoints of u / 2 at g and of -u / 2 at -g, and g the difference.
TEST_P(AntisymmetricRuleTest, BackpropagatesThroughBothSigns) {
  const Floats adjoint = Normals(kCoordinates, 5);
  const auto backward = [&](const LearnedRule& rule, float sign, float scale,
                            std::vector<double>& phi) {
    const Floats state(rule.StateFloats(kCoordinates));
    Floats state_adjoint(state.size()), of_gradient(kCoordinates);
    rule.StepBackward(1, Scaled(gradients_[0], sign), state,
                      {.update = Scaled(adjoint, scale),
                       .state = absl::MakeSpan(state_adjoint),
                       .gradient = absl::MakeSpan(of_gradient),
                       .phi = absl::MakeSpan(phi)});
    return of_gradient;
  };
  std::vector<double> phi(rule_.phi().size()), expected(phi.size());
  const Floats of_gradient = backward(rule_, 1, 1, phi);
  const Floats own = backward(plain_, 1, kHalf, expected);
  const Floats image = backward(plain_, -1, -kHalf, expected);
  for (int64_t i = 0; i < kCoordinates; ++i) {
    ASSERT_FLOAT_EQ(of_gradient[i], own[i] - image[i]) << i;
  }
  for (size_t i = 0; i < phi.size(); ++i) {
    EXPECT_NEAR(phi[i], expected[i], 1e-4 * (1 + std::abs(expected[i]))) << i;
  }
}

// dL/du_t by hand, from the last step to the first, as Window defines it.
TEST_P(AntisymmetricRuleTest, AWindowIsItsStepsOneByOne) {
  const Rows losses = {gradients_[0], gradients_[1], gradients_[2],
                       Normals(kCoordinates, 6)};
  const Rows own = {Normals(kCoordinates, 7), Normals(kCoordinates, 8),
                    Normals(kCoordinates, 9)};
  const Floats weights = {1, 0.5f, 2};
  Rows states = {Normals(rule_.StateFloats(kCoordinates), 10)};
  for (int t = 0; t < 2; ++t) {
    states.push_back(states.back());
    Floats update(kCoordinates);
    rule_.Step(t + 1, losses[t], absl::MakeSpan(states.back()),
               absl::MakeSpan(update));
  }
  std::vector<double> expected(rule_.phi().size()), phi(expected.size());
  Floats state_adjoint(states[0].size()), lambda(kCoordinates);
  for (int t = 2; t >= 0; --t) {
    Floats adjoint(kCoordinates);
    for (int64_t i = 0; i < kCoordinates; ++i) {
      lambda[i] += weights[t] * losses[t + 1][i];
      adjoint[i] = lambda[i] + own[t][i];
    }
    rule_.StepBackward(t + 1, losses[t], states[t],
                       {.update = adjoint,
                        .state = absl::MakeSpan(state_adjoint),
                        .gradient = {},
                        .phi = absl::MakeSpan(expected)});
  }
  rule_.WindowBackward({.gradients = Spans(losses),
                        .weights = weights,
                        .state = states[0],
                        .first_step = 1,
                        .update_adjoints = Spans(own)},
                       absl::MakeSpan(phi));
  for (size_t i = 0; i < phi.size(); ++i) {
    EXPECT_NEAR(phi[i], expected[i], 1e-3 * (1 + std::abs(expected[i]))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, AntisymmetricRuleTest,
                         testing::ValuesIn(kCells),
                         [](const auto& cell) { return CellName(cell.param); });

}  // namespace
}  // namespace metastep
