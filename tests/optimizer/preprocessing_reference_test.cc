#include "optimizer/preprocessing_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/optimizer/recurrent_testing.h"

namespace metastep {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

std::vector<float> LogAndSignInputs(double p, float gradient) {
  return PreprocessingReference<float>(LogAndSign(p)).Step(1, gradient, {});
}

// Expected values: log(1e-3 + 1.19e-7) / 10 = -0.69076; log(1e-6 + 1.19e-7) /
// 10 is below -1; 1e-6 e^10 = 0.022026; 1e-3 e^5 = 0.148413.
TEST(PreprocessingReferenceTest, TakesLogarithmAndSign) {
  EXPECT_THAT(LogAndSignInputs(10, 1e-3f),
              ElementsAre(FloatNear(-0.69076f, 1e-5f), 1));
  EXPECT_THAT(LogAndSignInputs(10, 1e-6f),
              ElementsAre(-1, FloatNear(0.022026f, 1e-6f)));
  EXPECT_THAT(LogAndSignInputs(5, -1e-3f),
              ElementsAre(-1, FloatNear(-0.148413f, 1e-6f)));
}

// beta1 = 0.5, beta2 = 0.75; gradients 1, then 3. After the first step m = 0.5
// and v = 0.25, which corrected are 1 and 1. After the second m = 0.25 + 1.5 =
// 1.75, v = 0.1875 + 2.25 = 2.4375; corrected, 1.75 / 0.75 = 2.333333
// and 2.4375 / 0.4375 = 5.571429, whose root is 2.360387: the inputs are 3
// / 2.360387 and 2.333333 / 2.360387.
TEST(PreprocessingReferenceTest, TakesMomentsWithoutTheirBias) {
  const PreprocessingReference<double> moments(Moments(0.5, 0.75));
  std::vector<double> state = {0, 0};
  EXPECT_THAT(moments.Step(1, 1, absl::MakeSpan(state)),
              ElementsAre(DoubleNear(1, 1e-7), DoubleNear(1, 1e-7)));
  EXPECT_THAT(
      moments.Step(2, 3, absl::MakeSpan(state)),
      ElementsAre(DoubleNear(1.270978, 1e-6), DoubleNear(0.988538, 1e-6)));
  EXPECT_THAT(state, ElementsAre(1.75, 2.4375));
}

TEST(PreprocessingReferenceTest, MomentsDoNotChangeWithTheScale) {
  const PreprocessingReference<double> moments(Moments());
  std::vector<double> state = {0, 0}, scaled_state = {0, 0};
  for (int step = 1; step <= 5; ++step) {
    const double gradient = step % 2 == 0 ? 0.3 : -2.0 / step;
    EXPECT_THAT(
        moments.Step(step, 1000 * gradient, absl::MakeSpan(scaled_state)),
        Pointwise(DoubleNear(1e-6),
                  moments.Step(step, gradient, absl::MakeSpan(state))));
  }
}

TEST(PreprocessingReferenceTest, MomentsOfZerosAreZero) {
  const PreprocessingReference<double> moments(Moments());
  std::vector<double> state = {0, 0}, state_adjoint = {0, 0};
  EXPECT_EQ(
      moments.StepBackward(1, 0, state, {1, 0}, absl::MakeSpan(state_adjoint)),
      1.0 / double{kMomentsEpsilon});
  EXPECT_THAT(moments.Step(1, 0, absl::MakeSpan(state)), ElementsAre(0, 0));
}

}  // namespace
}  // namespace metastep
