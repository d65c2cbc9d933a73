#include "learner/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "optimizee/closed_form.h"
#include "optimizer/rule_factory.h"
#include "tests/learner/specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::ElementsAre;

// Steps of the table of reference curves below.
constexpr std::array<int, 4> kSteps = {10, 20, 50, 99};
using Curve = std::array<double, kSteps.size()>;

// Tasks of 128 problems |W theta - y|^2 with W, y ~ U(0, 1) in 10 dimensions
// and theta_0 ~ N(0, 0.01^2).
class UniformQuadratics {
 public:
  // The losses of a rule on task `index` at kSteps.
  Curve CurveOf(const UpdateRule& rule, uint32_t index) const {
    const std::unique_ptr<Task> task =
        family_->Make({.seed = 1, .stream = RngStream::kTest, .lane = index});
    const std::vector<double> losses =
        LossCurveOf(rule, *task, kSteps.back()).value();
    Curve curve;
    for (size_t i = 0; i < kSteps.size(); ++i) curve[i] = losses[kSteps[i]];
    return curve;
  }

 private:
  const std::unique_ptr<const TaskFamily> family_ =
      MakeClosedFormFamily(ResolvedTask("quadratic { distribution: UNIFORM }"));
};

Curve MeanOf(const std::vector<Curve>& curves) {
  Curve mean = {};
  for (const Curve& curve : curves) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += curve[i];
  }
  for (double& value : mean) value /= static_cast<double>(curves.size());
  return mean;
}

// Relative deviation of the point that is farthest off.
double WorstDeviation(const Curve& curve, const Curve& reference) {
  double worst = 0;
  for (size_t i = 0; i < curve.size(); ++i) {
    worst = std::max(worst, std::abs(curve[i] / reference[i] - 1));
  }
  return worst;
}

std::unique_ptr<const UpdateRule> Sgd() {
  return MakeHandDesignedRule(ResolvedRule("sgd { learning_rate: 0.015 }"))
      .value();
}

std::unique_ptr<const UpdateRule> Nag() {
  return MakeHandDesignedRule(ResolvedRule("nag { learning_rate: 0.012 }"))
      .value();
}

TEST(LossCurveOfTest, RecordsTheLossBeforeEveryStepAndAfterTheLast) {
  // x_{t+1} = x_t - 0.25 * 2 x_t = x_t / 2, and f = x^2: 1, 1/4, 1/16.
  const std::unique_ptr<Task> task =
      MakeClosedFormFamily(ResolvedTask("square {}"))->Make({});
  const std::unique_ptr<const UpdateRule> rule =
      MakeHandDesignedRule(ResolvedRule("sgd { learning_rate: 0.25 }")).value();
  EXPECT_THAT(LossCurveOf(*rule, *task, 2),
              IsOkAndHolds(ElementsAre(1, 0.25, 0.0625)));
}

// The same x_t: theta after two steps is 1/4, after none theta_0 = 1.
TEST(LossCurveOfTest, GivesThetaAfterTheLastStep) {
  const std::unique_ptr<Task> task =
      MakeClosedFormFamily(ResolvedTask("square {}"))->Make({});
  std::vector<float> theta;
  for (const auto& [rate, expected] : {std::pair(0.25, 0.25f), {0, 1}}) {
    const std::unique_ptr<const UpdateRule> rule =
        MakeHandDesignedRule(
            ResolvedRule(absl::StrCat("sgd { learning_rate: ", rate, " }")))
            .value();
    ASSERT_OK(LossCurveOf(*rule, *task, 2, &theta));
    EXPECT_THAT(theta, ElementsAre(expected));
  }
}

TEST(LossCurveOfTest, CountsStepsFromOne) {
  // Adam's bias correction makes its first step learning_rate long, whatever
  // the gradient: x_1 = 1 - 0.25, but for epsilon.
  const std::unique_ptr<Task> task =
      MakeClosedFormFamily(ResolvedTask("square {}"))->Make({});
  const std::unique_ptr<const UpdateRule> rule =
      MakeHandDesignedRule(ResolvedRule("adam { learning_rate: 0.25 }"))
          .value();
  ASSERT_OK_AND_ASSIGN(const std::vector<double> losses,
                       LossCurveOf(*rule, *task, 1));
  EXPECT_NEAR(losses[1], 0.75 * 0.75, 1e-6);
}

TEST(LossCurveOfTest, RecordsADivergedOptimisation) {
  // |x_t| = 199^t passes float's 3.4e38 at t = 17.
  const std::unique_ptr<Task> task =
      MakeClosedFormFamily(ResolvedTask("square {}"))->Make({});
  const std::unique_ptr<const UpdateRule> rule =
      MakeHandDesignedRule(ResolvedRule("sgd { learning_rate: 100 }")).value();
  ASSERT_OK_AND_ASSIGN(const std::vector<double> losses,
                       LossCurveOf(*rule, *task, 20));
  EXPECT_EQ(losses.size(), 21);
  // Stepped on, it would be NaN: inf - inf.
  EXPECT_EQ(losses.back(), std::numeric_limits<double>::infinity());
}

// theta_0 of 3e38 squares to more than a float holds: no step is taken.
TEST(LossCurveOfTest, AStartThatIsNotFiniteIsTheEnd) {
  const std::unique_ptr<Task> task =
      MakeClosedFormFamily(
          ResolvedTask(
              "quadratic { distribution: UNIFORM initial_stddev: 3e38 }"))
          ->Make({});
  const std::unique_ptr<const UpdateRule> rule =
      MakeHandDesignedRule(ResolvedRule("sgd { learning_rate: 1 }")).value();
  ASSERT_OK_AND_ASSIGN(const std::vector<double> losses,
                       LossCurveOf(*rule, *task, 3));
  EXPECT_FALSE(std::isfinite(losses[0]));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(absl::MakeConstSpan(losses).subspan(1),
              testing::ElementsAre(kInfinity, kInfinity, kInfinity));
}

// Expected losses from a simulation of 200,000 problems in double, written
// apart from this code. A problem's loss spreads by a standard deviation of
// 0.39, 0.45, 0.58, 0.71 (SGD) and 0.56, 0.71, 1.01, 1.21 (NAG) of its mean at
// these steps, so over 64 * 128 problems the largest standard errors are 0.8 %
// and 1.3 %; the tolerances are three of them.
TEST(UniformQuadraticsTest, MeanCurvesAreThePopulations) {
  const UniformQuadratics quadratics;
  std::vector<Curve> sgd;
  std::vector<Curve> nag;
  for (uint32_t task = 0; task < 64; ++task) {
    sgd.push_back(quadratics.CurveOf(*Sgd(), task));
    nag.push_back(quadratics.CurveOf(*Nag(), task));
  }
  EXPECT_LT(WorstDeviation(MeanOf(sgd), {.57216, .45090, .30509, .22456}),
            0.024);
  EXPECT_LT(WorstDeviation(MeanOf(nag), {.33113, .21993, .12611, .09188}),
            0.040);
}

// The paper's figure 4, digitised, shows one sample of problems: over 128 of
// them the mean at step 99 has a standard error of 6 % (SGD) and 11 % (NAG),
// more than the 3 % and 10 % to which the curves are asked to agree. Both rules
// meet the same problems, so that samples on which SGD agrees are like the
// figure's, and on those NAG must agree too: in the simulation one sample in
// nine is, and NAG there deviates by 1.4, 3.2, 5.4 and 5.9 % with a standard
// deviation of 1.2, 1.9, 4.8 and 7.3 %.
TEST(UniformQuadraticsTest, SamplesLikeThePaperFigureGiveBothItsCurves) {
  const UniformQuadratics quadratics;
  std::vector<Curve> sgd;
  std::vector<Curve> nag;
  for (uint32_t task = 0; task < 150; ++task) {
    const Curve curve = quadratics.CurveOf(*Sgd(), task);
    if (WorstDeviation(curve, {.584, .449, .296, .216}) > 0.03) continue;
    sgd.push_back(curve);
    nag.push_back(quadratics.CurveOf(*Nag(), task));
  }
  ASSERT_GE(sgd.size(), 4);  // 16 expected, standard deviation 3.8
  EXPECT_LT(WorstDeviation(MeanOf(nag), {.320, .205, .113, .0816}), 0.10);
}

}  // namespace
}  // namespace metastep
