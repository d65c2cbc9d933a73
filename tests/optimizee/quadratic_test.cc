#include "optimizee/quadratic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::Each;
using testing::ElementsAre;

v1::QuadraticSpec Spec(v1::QuadraticSpec::Distribution distribution,
                       int dimensions, int problems, double initial_stddev) {
  v1::QuadraticSpec spec;
  spec.set_distribution(distribution);
  spec.set_dimensions(dimensions);
  spec.set_problems(problems);
  spec.set_initial_stddev(initial_stddev);
  return spec;
}

constexpr RngKey kKey = {
    .seed = 5, .stream = RngStream::kTraining, .lane = 1, .unroll = 2};

// Three dimensions, so that rows are padded.
std::unique_ptr<Task> SmallTask(const RngKey& key = kKey) {
  return MakeQuadraticFamily(Spec(v1::QuadraticSpec::GAUSSIAN, 3, 2, 1))
      ->Make(key);
}

TEST(QuadraticTest, LaysOutOneTensorOfAllProblems) {
  const auto task = SmallTask();
  ASSERT_EQ(task->layout().tensors().size(), 1);
  EXPECT_EQ(task->layout().tensors()[0].name, "theta");
  EXPECT_THAT(task->layout().tensors()[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(task->problems(), 2);
}

// Rows are padded to four floats: 2 * 3 * 4 of W, as many of its transpose, 6
// of y and theta_0, and two rows to work with.
TEST(QuadraticTest, CountsTheMemoryOfItsProblems) {
  EXPECT_EQ(SmallTask()->bytes(), 4 * (24 + 24 + 6 + 6 + 4 + 4));
}

// A central difference of a quadratic is exact, whatever the step; a step of 1
// leaves only the rounding of the residuals, some 1e-6 of the loss.
TEST(QuadraticTest, GradientIsThatOfEachProblemsOwnLoss) {
  const auto task = SmallTask();
  const auto theta = Theta0(*task);
  const auto gradient = GradientAt(*task, 0, theta);
  for (size_t i = 0; i < theta.size(); ++i) {
    std::vector<float> unit(theta.size());
    unit[i] = 1;
    const double slope_of_mean = (LossAt(*task, 0, Moved(theta, 1, unit)) -
                                  LossAt(*task, 0, Moved(theta, -1, unit))) /
                                 2;
    EXPECT_NEAR(gradient[i], task->problems() * slope_of_mean, 1e-4) << i;
  }
}

// The gradient is linear: H v = gradient(theta + v) - gradient(theta).
TEST(QuadraticTest, HessianVectorProductIsTheGradientsDifference) {
  const auto task = SmallTask();
  const auto theta = Theta0(*task);
  const auto vector = NormalVector(theta.size(), 1, /*seed=*/9);
  std::vector<float> product(theta.size());
  ASSERT_OK(
      task->HessianVectorProduct(0, theta, vector, absl::MakeSpan(product)));
  const auto difference = Moved(GradientAt(*task, 0, Moved(theta, 1, vector)),
                                -1, GradientAt(*task, 0, theta));
  EXPECT_LT(RelativeError(product, difference), 1e-5);
}

TEST(QuadraticTest, ProblemsDoNotTouchOneAnother) {
  const auto task = SmallTask();
  const auto theta = Theta0(*task);
  auto moved = theta;
  moved[4] += 1;  // of the second problem
  const auto before = GradientAt(*task, 0, theta);
  const auto after = GradientAt(*task, 0, moved);
  EXPECT_THAT(absl::MakeSpan(after).first(3),
              testing::ElementsAreArray(absl::MakeSpan(before).first(3)));
  EXPECT_NE(after[4], before[4]);
}

TEST(QuadraticTest, IsAFunctionOfItsKeyAlone) {
  const auto theta = NormalVector(6, 1, /*seed=*/9);
  RngKey other = kKey;
  other.unroll += 1;
  EXPECT_EQ(Theta0(*SmallTask()), Theta0(*SmallTask()));
  EXPECT_EQ(GradientAt(*SmallTask(), 0, theta),
            GradientAt(*SmallTask(), 7, theta));
  EXPECT_NE(Theta0(*SmallTask()), Theta0(*SmallTask(other)));
  EXPECT_NE(GradientAt(*SmallTask(), 0, theta),
            GradientAt(*SmallTask(other), 0, theta));
}

// At theta = 0 the loss is |y|^2: ten squares of N(0, 1), of mean 1 and
// variance
// 2. Over 5000 problems: mean 10, standard deviation sqrt(20 / 5000) = 0.063.
TEST(QuadraticTest, GaussianProblemsStartAtTheirDimension) {
  const auto task =
      MakeQuadraticFamily(Spec(v1::QuadraticSpec::GAUSSIAN, 10, 5000, 0))
          ->Make(kKey);
  const auto theta = Theta0(*task);
  EXPECT_THAT(theta, Each(0));
  EXPECT_NEAR(LossAt(*task, 0, theta), 10, 5 * 0.063);
}

// At theta = 0: ten squares of U(0, 1), of mean 1/3 and variance 4/45; the
// initial theta of 0.01 adds at most 10 * 10 / 3 * 0.01^2 = 0.003. Over 5000
// problems: mean 3.333, standard deviation sqrt(40 / 45 / 5000) = 0.0133.
TEST(QuadraticTest, UniformProblemsStartAtAThirdOfTheirDimension) {
  const auto task =
      MakeQuadraticFamily(Spec(v1::QuadraticSpec::UNIFORM, 10, 5000, 0.01))
          ->Make(kKey);
  const auto theta = Theta0(*task);
  EXPECT_NEAR(Norm(theta) / std::sqrt(50000), 0.01, 0.0002);
  EXPECT_NEAR(LossAt(*task, 0, theta), 10. / 3, 5 * 0.0133 + 0.003);
}

// With W ~ N(0, 1), f(theta) = |W theta|^2 + ... grows by |theta|^2 a
// dimension: E f = D (1 + |theta|^2). |theta|^2 = 10 here, so E f = 110; one
// problem has variance 10 * 2 * 11^2, 5000 have a standard deviation of 0.70.
TEST(QuadraticTest, GaussianMatricesHaveUnitVariance) {
  const auto task =
      MakeQuadraticFamily(Spec(v1::QuadraticSpec::GAUSSIAN, 10, 5000, 0))
          ->Make(kKey);
  EXPECT_NEAR(LossAt(*task, 0, std::vector<float>(50000, 1)), 110, 5 * 0.70);
}

TEST(QuadraticTest, DivergenceIsALossNotAnError) {
  const auto task = SmallTask();
  // The largest float is 3.4e38.
  EXPECT_FALSE(std::isfinite(LossAt(*task, 0, std::vector<float>(6, 3e38f))));
}

}  // namespace
}  // namespace metastep
