#include "server/outer_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "optimizer/rule_factory.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::FloatEq;

// In float, 1e8 + 1 - 1e8 is 0; in double it is 1, and a third of it the mean.
TEST(OuterStepTest, MeanIsSummedInDouble) {
  EXPECT_THAT(MeanGradient({{1e8f, 3}, {1, 6}, {-1e8f, 9}}),
              ElementsAre(DoubleEq(1.0 / 3), DoubleEq(6)));
}

TEST(OuterStepTest, NormIsEuclidean) {
  EXPECT_DOUBLE_EQ(EuclideanNorm({3, 4}), 5);
}

class OuterStepBySgdTest : public testing::Test {
 protected:
  // Rate 0.5: phi - 0.5 * gradient.
  std::vector<float> Step(double clip_norm, double factor = 1) {
    v1::HandDesignedSpec spec;
    spec.mutable_sgd()->set_learning_rate(0.5);
    auto rule = MakeHandDesignedRule(spec);
    EXPECT_OK(rule);
    return OuterStep(**rule, /*step=*/1, {3, 4}, /*norm=*/5,
                     {clip_norm, factor}, {1, 1}, {});
  }
};

TEST_F(OuterStepBySgdTest, GradientWithinTheNormIsTakenAsItIs) {
  EXPECT_THAT(Step(/*clip_norm=*/0), ElementsAre(FloatEq(-0.5), FloatEq(-1)));
  EXPECT_THAT(Step(/*clip_norm=*/5), ElementsAre(FloatEq(-0.5), FloatEq(-1)));
}

// Scaled by 1 / 5: (0.6, 0.8).
TEST_F(OuterStepBySgdTest, LargerGradientIsScaledDownToTheNorm) {
  EXPECT_THAT(Step(/*clip_norm=*/1), ElementsAre(FloatEq(0.7), FloatEq(0.6)));
}

// Half of the step (-1.5, -2).
TEST_F(OuterStepBySgdTest, FactorScalesTheUpdate) {
  EXPECT_THAT(Step(/*clip_norm=*/0, /*factor=*/0.5),
              ElementsAre(FloatEq(0.25), FloatEq(0)));
}

// From 1 at the first of four steps, by (1 - 0.2) / 4 a step.
TEST(DecayFactorTest, FallsLinearly) {
  EXPECT_DOUBLE_EQ(DecayFactor(1, 4, 0.2), 1);
  EXPECT_DOUBLE_EQ(DecayFactor(2, 4, 0.2), 0.8);
  EXPECT_DOUBLE_EQ(DecayFactor(4, 4, 0.2), 0.4);
  EXPECT_DOUBLE_EQ(DecayFactor(3, 4, /*decay_to=*/1), 1);
}

}  // namespace
}  // namespace metastep
