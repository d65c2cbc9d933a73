#include "optimizee/scaled_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "optimizee/quadratic.h"
#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

constexpr RngKey kKey = {
    .seed = 5, .stream = RngStream::kTraining, .lane = 1, .unroll = 2};
constexpr double kRange = 2;

std::shared_ptr<const TaskFamily> Base(int problems) {
  v1::QuadraticSpec spec;
  spec.set_distribution(v1::QuadraticSpec::GAUSSIAN);
  spec.set_dimensions(3);
  spec.set_problems(problems);
  spec.set_initial_stddev(1);
  return MakeQuadraticFamily(spec);
}

std::unique_ptr<Task> Scaled(int problems, const RngKey& key = kKey) {
  return MakeScaledFamily(Base(problems), kRange)->Make(key);
}

// log c = log(theta_0 / theta'_0).
std::vector<double> LogFactors(const Task& base, const Task& scaled) {
  const std::vector<float> theta = Theta0(base);
  const std::vector<float> stretched = Theta0(scaled);
  std::vector<double> logs;
  for (size_t i = 0; i < theta.size(); ++i) {
    logs.push_back(std::log(double{theta[i]} / stretched[i]));
  }
  return logs;
}

// Of 900 draws from U(-2, 2), none is within 0.1 of an end with a probability
// of 0.975^900 < 1e-9; their mean has a standard deviation of 4 / sqrt(12 *
// 900) = 0.038.
TEST(ScaledTaskTest, FactorsAreUniformInTheirLogarithm) {
  const std::vector<double> logs =
      LogFactors(*Base(300)->Make(kKey), *Scaled(300));
  const auto [min, max] = std::minmax_element(logs.begin(), logs.end());
  EXPECT_LT(*min, -kRange + 0.1);
  EXPECT_GE(*min, -kRange - 1e-6);
  EXPECT_GT(*max, kRange - 0.1);
  EXPECT_LE(*max, kRange + 1e-6);
  double sum = 0;
  for (const double log : logs) sum += log;
  EXPECT_NEAR(sum / static_cast<double>(logs.size()), 0, 6 * 0.038);
}

TEST(ScaledTaskTest, FactorsAreAFunctionOfTheKey) {
  EXPECT_EQ(Theta0(*Scaled(2)), Theta0(*Scaled(2)));
  RngKey other = kKey;
  other.unroll = 3;
  EXPECT_NE(LogFactors(*Base(2)->Make(other), *Scaled(2, other)),
            LogFactors(*Base(2)->Make(kKey), *Scaled(2)));
}

TEST(ScaledTaskTest, IsTheBaseTaskInOtherUnits) {
  const auto base = Base(2)->Make(kKey);
  const auto scaled = Scaled(2);
  EXPECT_EQ(scaled->problems(), 2);
  EXPECT_EQ(scaled->layout().coordinates(), 6);
  EXPECT_NEAR(LossAt(*scaled, 0, Theta0(*scaled)),
              LossAt(*base, 0, Theta0(*base)), 1e-5);
}

// The factors, and two vectors to work with, of six floats each.
TEST(ScaledTaskTest, CountsItsMemoryAndTheBaseTasks) {
  EXPECT_EQ(Scaled(2)->bytes(), Base(2)->Make(kKey)->bytes() + 3 * 6 * 4);
}

// A central difference of a quadratic is exact, whatever the step; a step of 1
// leaves only the rounding of the losses, which reach some 1e3 here: 1e-4.
TEST(ScaledTaskTest, GradientIsThatOfTheStretchedCoordinates) {
  const auto task = Scaled(2);
  const auto theta = Theta0(*task);
  const auto gradient = GradientAt(*task, 0, theta);
  for (size_t i = 0; i < theta.size(); ++i) {
    std::vector<float> unit(theta.size());
    unit[i] = 1;
    const double slope_of_mean = (LossAt(*task, 0, Moved(theta, 1, unit)) -
                                  LossAt(*task, 0, Moved(theta, -1, unit))) /
                                 2;
    EXPECT_NEAR(gradient[i], 2 * slope_of_mean,
                1e-3 * std::max(1.0, std::abs(double{gradient[i]})))
        << i;
  }
}

// The gradient is linear: H v = gradient(theta + v) - gradient(theta).
TEST(ScaledTaskTest, HessianVectorProductIsTheGradientsDifference) {
  const auto task = Scaled(2);
  const auto theta = Theta0(*task);
  const auto vector = NormalVector(theta.size(), 1, /*seed=*/9);
  std::vector<float> product(theta.size());
  ASSERT_OK(
      task->HessianVectorProduct(0, theta, vector, absl::MakeSpan(product)));
  const auto difference = Moved(GradientAt(*task, 0, Moved(theta, 1, vector)),
                                -1, GradientAt(*task, 0, theta));
  EXPECT_LT(RelativeError(product, difference), 1e-5);
}

}  // namespace
}  // namespace metastep
