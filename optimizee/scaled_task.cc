#include "optimizee/scaled_task.h"

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace metastep {
namespace {

// c of each of the key's n coordinates. They have a stream of their own, so
// that scaling changes none of the base task's numbers.
std::vector<float> DrawFactors(RngKey key, double range, int64_t n) {
  key.stream = RngStream::kScaling;
  Rng rng(key);
  std::vector<float> factors(n);
  for (float& factor : factors) {
    factor =
        static_cast<float>(std::exp(range * (2 * double{rng.Uniform()} - 1)));
  }
  return factors;
}

// Not thread-safe.
class ScaledTask final : public Task {
 public:
  ScaledTask(std::unique_ptr<Task> base, std::vector<float> factors)
      : base_(std::move(base)),
        factors_(std::move(factors)),
        theta_(factors_.size()),
        vector_(factors_.size()) {}

  const ParameterLayout& layout() const override { return base_->layout(); }
  int64_t problems() const override { return base_->problems(); }
  int64_t bytes() const override {
    const size_t floats = factors_.size() + theta_.size() + vector_.size();
    return base_->bytes() + static_cast<int64_t>(floats * sizeof(float));
  }

  void InitialTheta(absl::Span<float> theta) const override {
    base_->InitialTheta(theta);
    for (size_t i = 0; i < theta.size(); ++i) theta[i] /= factors_[i];
  }

  // df'/dtheta' = c * df/dtheta.
  absl::StatusOr<double> Evaluate(int64_t t, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    Scale(theta, absl::MakeSpan(theta_));
    METASTEP_ASSIGN_OR_RETURN(const double loss,
                              base_->Evaluate(t, theta_, gradient));
    Scale(gradient, gradient);
    return loss;
  }

  // H' = c H c.
  absl::Status HessianVectorProduct(int64_t t, absl::Span<const float> theta,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    Scale(theta, absl::MakeSpan(theta_));
    Scale(vector, absl::MakeSpan(vector_));
    METASTEP_RETURN_IF_ERROR(
        base_->HessianVectorProduct(t, theta_, vector_, product));
    Scale(product, product);
    return absl::OkStatus();
  }

 private:
  void Scale(absl::Span<const float> from, absl::Span<float> to) const {
    for (size_t i = 0; i < to.size(); ++i) to[i] = factors_[i] * from[i];
  }

  const std::unique_ptr<Task> base_;
  const std::vector<float> factors_;  // c, [N]
  std::vector<float> theta_;          // c * theta', [N]
  std::vector<float> vector_;         // c * vector, [N]
};

// Thread-safe.
class ScaledFamily final : public TaskFamily {
 public:
  ScaledFamily(std::shared_ptr<const TaskFamily> base, double range)
      : base_(std::move(base)), range_(range) {}

  std::unique_ptr<Task> Make(const RngKey& key) const override {
    std::unique_ptr<Task> base = base_->Make(key);
    const int64_t n = base->layout().coordinates();
    return std::make_unique<ScaledTask>(std::move(base),
                                        DrawFactors(key, range_, n));
  }

 private:
  const std::shared_ptr<const TaskFamily> base_;
  const double range_;
};

}  // namespace

std::shared_ptr<const TaskFamily> MakeScaledFamily(
    std::shared_ptr<const TaskFamily> base, double range) {
  return std::make_shared<ScaledFamily>(std::move(base), range);
}

}  // namespace metastep
