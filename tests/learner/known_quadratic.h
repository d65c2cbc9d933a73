// A task whose every number a test knows: P problems |W theta - y|^2, with
// arithmetic in double that is rounded once.
#ifndef METASTEP_TESTS_LEARNER_KNOWN_QUADRATIC_H_
#define METASTEP_TESTS_LEARNER_KNOWN_QUADRATIC_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "base/rng.h"
#include "optimizee/task.h"
#include "optimizer/parameter_layout.h"

namespace metastep {

struct QuadraticNumbers {
  int64_t problems = 1;        // P
  int64_t dimensions = 1;      // D
  std::vector<double> w = {};  // [P][D][D]
  std::vector<double> y = {};  // [P][D]

  // W theta - y, [P][D].
  std::vector<double> Residuals(const std::vector<double>& theta) const {
    std::vector<double> residuals(theta.size());
    for (int64_t row = 0; row < problems * dimensions; ++row) {
      const int64_t begin = row / dimensions * dimensions;
      residuals[row] = -y[row];
      for (int64_t j = 0; j < dimensions; ++j) {
        residuals[row] += w[row * dimensions + j] * theta[begin + j];
      }
    }
    return residuals;
  }

  // Mean over the problems.
  double Loss(const std::vector<double>& theta) const {
    double sum = 0;
    for (double residual : Residuals(theta)) sum += residual * residual;
    return sum / static_cast<double>(problems);
  }

  // Of the sum over the problems, 2 W^T (W theta - y).
  std::vector<double> Gradient(const std::vector<double>& theta) const {
    const std::vector<double> residuals = Residuals(theta);
    std::vector<double> gradient(theta.size());
    for (int64_t row = 0; row < problems * dimensions; ++row) {
      const int64_t begin = row / dimensions * dimensions;
      for (int64_t j = 0; j < dimensions; ++j) {
        gradient[begin + j] += 2 * w[row * dimensions + j] * residuals[row];
      }
    }
    return gradient;
  }
};

// W and y ~ N(0, 1).
inline QuadraticNumbers RandomQuadratic(int64_t problems, int64_t dimensions) {
  QuadraticNumbers numbers{.problems = problems, .dimensions = dimensions};
  Rng rng({.seed = 7, .stream = RngStream::kTest});
  for (int64_t i = 0; i < problems * dimensions * dimensions; ++i) {
    numbers.w.push_back(rng.Normal());
  }
  for (int64_t i = 0; i < problems * dimensions; ++i) {
    numbers.y.push_back(rng.Normal());
  }
  return numbers;
}

// sum_i (scale_i x_i - 1)^2: its coordinates know nothing of one another.
inline QuadraticNumbers SeparableQuadratic(const std::vector<double>& scales) {
  const int64_t n = static_cast<int64_t>(scales.size());
  QuadraticNumbers numbers{.dimensions = n};
  numbers.w.resize(n * n);
  for (int64_t i = 0; i < n; ++i) numbers.w[i * n + i] = scales[i];
  numbers.y.assign(n, 1);
  return numbers;
}

// The steps t at which tasks were asked for something, in order.
struct TaskCalls {
  std::vector<int64_t> evaluations;
  std::vector<int64_t> hessian_products;
};

// theta_0 = 0. Not thread-safe.
class KnownQuadratic final : public Task {
 public:
  KnownQuadratic(ParameterLayout layout, QuadraticNumbers numbers,
                 TaskCalls* calls)
      : layout_(std::move(layout)),
        numbers_(std::move(numbers)),
        calls_(*calls) {}

  const ParameterLayout& layout() const override { return layout_; }
  int64_t problems() const override { return numbers_.problems; }

  void InitialTheta(absl::Span<float> theta) const override {
    for (float& value : theta) value = 0;
  }

  absl::StatusOr<double> Evaluate(int64_t t, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    calls_.evaluations.push_back(t);
    const std::vector<double> point(theta.begin(), theta.end());
    absl::c_copy(numbers_.Gradient(point), gradient.begin());
    return numbers_.Loss(point);
  }

  // The gradient is affine in theta.
  absl::Status HessianVectorProduct(int64_t t,
                                    absl::Span<const float> /*theta*/,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    calls_.hessian_products.push_back(t);
    const std::vector<double> at_vector =
        numbers_.Gradient({vector.begin(), vector.end()});
    const std::vector<double> at_zero =
        numbers_.Gradient(std::vector<double>(vector.size()));
    for (size_t i = 0; i < product.size(); ++i) {
      product[i] = static_cast<float>(at_vector[i] - at_zero[i]);
    }
    return absl::OkStatus();
  }

 private:
  const ParameterLayout layout_;
  const QuadraticNumbers numbers_;
  TaskCalls& calls_;
};

// The same task for every key. Not thread-safe: it keeps its tasks' calls.
class KnownQuadraticFamily final : public TaskFamily {
 public:
  // REQUIRES: the tensors have P * D coordinates.
  KnownQuadraticFamily(std::vector<ParameterTensor> tensors,
                       QuadraticNumbers numbers)
      : layout_(ParameterLayout::Create(std::move(tensors)).value()),
        numbers_(std::move(numbers)) {}

  std::unique_ptr<Task> Make(const RngKey& /*key*/) const override {
    return std::make_unique<KnownQuadratic>(layout_, numbers_, &calls_);
  }

  // Of all tasks made.
  const TaskCalls& calls() const { return calls_; }

 private:
  const ParameterLayout layout_;
  const QuadraticNumbers numbers_;
  mutable TaskCalls calls_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_LEARNER_KNOWN_QUADRATIC_H_
