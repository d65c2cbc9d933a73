// What the tests of tasks share.
#ifndef METASTEP_TESTS_OPTIMIZEE_TESTING_H_
#define METASTEP_TESTS_OPTIMIZEE_TESTING_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "optimizee/task.h"

namespace metastep {

inline std::vector<float> Theta0(const Task& task) {
  std::vector<float> theta(static_cast<size_t>(task.layout().coordinates()));
  task.InitialTheta(absl::MakeSpan(theta));
  return theta;
}

inline std::vector<float> NormalVector(size_t size, float stddev,
                                       uint64_t seed) {
  Rng rng({.seed = seed});
  std::vector<float> vector(size);
  for (float& x : vector) x = stddev * rng.Normal();
  return vector;
}

inline double LossAt(Task& task, int64_t t, const std::vector<float>& theta) {
  std::vector<float> gradient(theta.size());
  return task.Evaluate(t, theta, absl::MakeSpan(gradient)).value();
}

inline std::vector<float> GradientAt(Task& task, int64_t t,
                                     const std::vector<float>& theta) {
  std::vector<float> gradient(theta.size());
  EXPECT_TRUE(task.Evaluate(t, theta, absl::MakeSpan(gradient)).ok());
  return gradient;
}

inline std::vector<float> Moved(std::vector<float> theta, float by,
                                const std::vector<float>& direction) {
  for (size_t i = 0; i < theta.size(); ++i) theta[i] += by * direction[i];
  return theta;
}

inline double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

inline double Norm(const std::vector<float>& a) { return std::sqrt(Dot(a, a)); }

// |a - b| / |b|
inline double RelativeError(const std::vector<float>& a,
                            const std::vector<float>& b) {
  return Norm(Moved(a, -1, b)) / Norm(b);
}

// Expects the gradient to be the loss's slope, along directions of unit length
// half of each of which is the gradient's, so that the slope is not lost in the
// rounding. A central difference has an error of third order in `step` and the
// losses' rounding, 1e-7 each, over it; kinks of ReLU and max-pooling add to
// it.
inline void ExpectGradientIsTheSlope(Task& task,
                                     const std::vector<float>& theta,
                                     double step, double tolerance) {
  const auto gradient = GradientAt(task, 2, theta);
  for (uint64_t seed = 2; seed < 6; ++seed) {
    auto direction = NormalVector(theta.size(), 1, seed);
    direction =
        Moved(direction, static_cast<float>(Norm(direction) / Norm(gradient)),
              gradient);
    const double length = step / Norm(direction);
    const auto by = static_cast<float>(length);
    const double slope = (LossAt(task, 2, Moved(theta, by, direction)) -
                          LossAt(task, 2, Moved(theta, -by, direction))) /
                         (2 * length);
    const double expected = Dot(gradient, direction);
    EXPECT_NEAR(slope, expected, tolerance * std::abs(expected));
  }
}

// Likewise the Hessian-vector product and the gradients' difference along the
// vector. Gradients jump at the kinks of ReLU and max-pooling.
inline void ExpectProductIsTheGradientsSlope(Task& task,
                                             const std::vector<float>& theta,
                                             const std::vector<float>& vector) {
  std::vector<float> product(theta.size());
  const absl::Status status =
      task.HessianVectorProduct(2, theta, vector, absl::MakeSpan(product));
  ASSERT_TRUE(status.ok()) << status;
  const auto step = static_cast<float>(0.05 / Norm(vector));
  auto difference = Moved(GradientAt(task, 2, Moved(theta, step, vector)), -1,
                          GradientAt(task, 2, Moved(theta, -step, vector)));
  for (float& x : difference) x /= 2 * step;
  EXPECT_LT(RelativeError(product, difference), 1e-2);
}

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZEE_TESTING_H_
