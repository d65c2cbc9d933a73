// What the tests of tasks share.
#ifndef METASTEP_TESTS_OPTIMIZEE_TESTING_H_
#define METASTEP_TESTS_OPTIMIZEE_TESTING_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/rng.h"
#include "optimizee/task.h"

namespace metastep {

// An empty folder of the running test's own.
inline std::filesystem::path TestFolder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const auto folder =
      std::filesystem::path(testing::TempDir()) /
      (std::string(test->test_suite_name()) + "." + test->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

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

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZEE_TESTING_H_
