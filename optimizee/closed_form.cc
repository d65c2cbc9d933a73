#include "optimizee/closed_form.h"

#include "optimizee/quadratic.h"

namespace metastep {
namespace {

// f(x) = x^2 from x = 1. Holds nothing but its layout.
class SquareTask final : public Task {
 public:
  const ParameterLayout& layout() const override { return layout_; }

  void InitialTheta(absl::Span<float> theta) const override { theta[0] = 1; }

  absl::StatusOr<double> Evaluate(int64_t /*t*/, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    gradient[0] = 2 * theta[0];
    return double{theta[0]} * theta[0];
  }

  absl::Status HessianVectorProduct(int64_t /*t*/,
                                    absl::Span<const float> /*theta*/,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    product[0] = 2 * vector[0];
    return absl::OkStatus();
  }

 private:
  const ParameterLayout layout_ =
      ParameterLayout::Create({{"theta", {}}}).value();
};

class SquareFamily final : public TaskFamily {
 public:
  std::unique_ptr<Task> Make(const RngKey& /*key*/) const override {
    return std::make_unique<SquareTask>();
  }
};

}  // namespace

std::unique_ptr<const TaskFamily> MakeClosedFormFamily(
    const v1::TaskSpec& spec) {
  switch (spec.task_case()) {
    case v1::TaskSpec::kSquare:
      return std::make_unique<SquareFamily>();
    case v1::TaskSpec::kQuadratic:
      return MakeQuadraticFamily(spec.quadratic());
    default:
      return nullptr;
  }
}

}  // namespace metastep
