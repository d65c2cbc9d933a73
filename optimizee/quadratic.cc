#include "optimizee/quadratic.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace metastep {
namespace {

// Floats of one baseline vector register. Matrix rows are padded with zeros to
// a multiple of it, so that the inner loop below has a constant length, which
// compilers vectorise without reordering any sum.
constexpr int64_t kWidth = 4;

// Problem after problem, each row padded to `stride`. [P, D, stride]
using Matrices = std::vector<float>;

// out [stride] = sum over j of x[j] * rows[j]: the transposed matrix times x.
void CombineRows(const float* rows, const float* x, int64_t dimensions,
                 int64_t stride, float* out) {
  for (int64_t begin = 0; begin < stride; begin += kWidth) {
    float sums[kWidth] = {};
    const float* row = rows + begin;
    for (int64_t j = 0; j < dimensions; ++j, row += stride) {
      for (int64_t k = 0; k < kWidth; ++k) sums[k] += x[j] * row[k];
    }
    std::copy_n(sums, kWidth, out + begin);
  }
}

class QuadraticTask final : public Task {
 public:
  QuadraticTask(const v1::QuadraticSpec& spec, const ParameterLayout& layout,
                const RngKey& key)
      : layout_(layout),
        problems_(spec.problems()),
        dimensions_(spec.dimensions()),
        stride_((dimensions_ + kWidth - 1) / kWidth * kWidth),
        w_(problems_ * dimensions_ * stride_),
        w_transposed_(w_.size()),
        y_(problems_ * dimensions_),
        theta0_(y_.size()),
        scratch_(stride_),
        product_(stride_) {
    Rng rng(key);
    for (int64_t p = 0; p < problems_; ++p) Draw(spec, p, rng);
  }

  const ParameterLayout& layout() const override { return layout_; }
  int64_t problems() const override { return problems_; }
  int64_t bytes() const override {
    const size_t floats = w_.size() + w_transposed_.size() + y_.size() +
                          theta0_.size() + scratch_.size() + product_.size();
    return static_cast<int64_t>(floats * sizeof(float));
  }

  void InitialTheta(absl::Span<float> theta) const override {
    std::copy(theta0_.begin(), theta0_.end(), theta.begin());
  }

  absl::StatusOr<double> Evaluate(int64_t /*t*/, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    double sum_of_losses = 0;
    for (int64_t p = 0; p < problems_; ++p) {
      MultiplyByW(p, theta);
      for (int64_t i = 0; i < dimensions_; ++i) {
        scratch_[i] -= y_[p * dimensions_ + i];
        sum_of_losses += double{scratch_[i]} * scratch_[i];
      }
      MultiplyByTwiceWTransposed(p, gradient);
    }
    return sum_of_losses / static_cast<double>(problems_);
  }

  // 2 W^T W v, wherever theta is.
  absl::Status HessianVectorProduct(int64_t /*t*/,
                                    absl::Span<const float> /*theta*/,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    for (int64_t p = 0; p < problems_; ++p) {
      MultiplyByW(p, vector);
      MultiplyByTwiceWTransposed(p, product);
    }
    return absl::OkStatus();
  }

 private:
  // Draws problem p: W row by row, then y and theta_0.
  void Draw(const v1::QuadraticSpec& spec, int64_t p, Rng& rng) {
    const auto draw = [&] {
      return spec.distribution() == v1::QuadraticSpec::GAUSSIAN ? rng.Normal()
                                                                : rng.Uniform();
    };
    const int64_t matrix = p * dimensions_ * stride_;
    for (int64_t i = 0; i < dimensions_; ++i) {
      for (int64_t j = 0; j < dimensions_; ++j) {
        const float w = draw();
        w_[matrix + i * stride_ + j] = w;
        w_transposed_[matrix + j * stride_ + i] = w;
      }
    }
    const auto stddev = static_cast<float>(spec.initial_stddev());
    const int64_t vector = p * dimensions_;
    for (int64_t i = 0; i < dimensions_; ++i) y_[vector + i] = draw();
    for (int64_t i = 0; i < dimensions_; ++i) {
      theta0_[vector + i] = stddev * rng.Normal();
    }
  }

  // scratch_ = W of problem p times its part of `vectors` [P, D].
  void MultiplyByW(int64_t p, absl::Span<const float> vectors) {
    CombineRows(w_transposed_.data() + p * dimensions_ * stride_,
                vectors.data() + p * dimensions_, dimensions_, stride_,
                scratch_.data());
  }

  // Problem p's part of `products` [P, D] = 2 W^T times scratch_.
  void MultiplyByTwiceWTransposed(int64_t p, absl::Span<float> products) {
    CombineRows(w_.data() + p * dimensions_ * stride_, scratch_.data(),
                dimensions_, stride_, product_.data());
    for (int64_t i = 0; i < dimensions_; ++i) {
      products[p * dimensions_ + i] = 2 * product_[i];
    }
  }

  const ParameterLayout layout_;
  const int64_t problems_;
  const int64_t dimensions_;
  const int64_t stride_;
  // W and its transpose: both products then run along contiguous rows.
  Matrices w_;
  Matrices w_transposed_;
  std::vector<float> y_;        // [P, D]
  std::vector<float> theta0_;   // [P, D]
  std::vector<float> scratch_;  // [stride]
  std::vector<float> product_;  // [stride]
};

class QuadraticFamily final : public TaskFamily {
 public:
  explicit QuadraticFamily(const v1::QuadraticSpec& spec)
      : spec_(spec),
        layout_(ParameterLayout::Create(
                    {{"theta", {spec.problems(), spec.dimensions()}}})
                    .value()) {}

  std::unique_ptr<Task> Make(const RngKey& key) const override {
    return std::make_unique<QuadraticTask>(spec_, layout_, key);
  }

 private:
  const v1::QuadraticSpec spec_;
  const ParameterLayout layout_;
};

}  // namespace

std::unique_ptr<const TaskFamily> MakeQuadraticFamily(
    const v1::QuadraticSpec& spec) {
  return std::make_unique<QuadraticFamily>(spec);
}

}  // namespace metastep
