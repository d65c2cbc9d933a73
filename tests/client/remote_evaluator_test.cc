#include "client/remote_evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "base/clock.h"
#include "tests/client/fake_step_service.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

// f(x) = curvature * x^2 / 2 from x = 2 + task index.
class Parabola final : public Task {
 public:
  Parabola(float start, float curvature)
      : start_(start), curvature_(curvature) {}
  const ParameterLayout& layout() const override { return layout_; }
  void InitialTheta(absl::Span<float> theta) const override {
    theta[0] = start_;
  }
  absl::StatusOr<double> Evaluate(int64_t, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    gradient[0] = curvature_ * theta[0];
    return curvature_ * theta[0] * theta[0] / 2;
  }
  absl::Status HessianVectorProduct(int64_t, absl::Span<const float>,
                                    absl::Span<const float>,
                                    absl::Span<float>) override {
    return absl::UnimplementedError("not needed");
  }

 private:
  const float start_;
  const float curvature_;
  const ParameterLayout layout_ = *ParameterLayout::Create({{"theta", {1}}});
};

class ParabolaFamily final : public TaskFamily {
 public:
  explicit ParabolaFamily(float curvature) : curvature_(curvature) {}
  std::unique_ptr<Task> Make(const RngKey& key) const override {
    EXPECT_EQ(key.seed, 7u);
    EXPECT_EQ(key.stream, RngStream::kTest);
    return std::make_unique<Parabola>(2.0f + static_cast<float>(key.lane),
                                      curvature_);
  }

 private:
  const float curvature_;
};

v1::EvaluationSpec TwoSteps(int tasks) {
  v1::EvaluationSpec what;
  auto* entry = what.add_entries();
  entry->set_label("sgd");
  entry->mutable_hand_designed()->mutable_sgd()->set_learning_rate(0.5);
  what.set_tasks_from(v1::EvaluationSpec::TEST);
  what.set_tasks(tasks);
  what.set_steps(2);
  return what;
}

class RemoteEvaluatorTest : public testing::Test {
 protected:
  absl::StatusOr<std::vector<v1::LossCurve>> Evaluate(
      const TaskFamily& family, const v1::EvaluationSpec& what) {
    RemoteEvaluator evaluator(service_.Channel(), family, /*seed=*/7, progress_,
                              cancellation_);
    return evaluator.Evaluate(what);
  }

  FakeStepService service_;
  std::ostringstream shown_;
  ProgressLine progress_{ProgressLine::Style::kLog, shown_, Clock::Real()};
  Cancellation cancellation_;
};

// SGD at rate 0.5 on curvature 1 halves x: from 2, losses 2, 1/2, 1/8; from 3,
// losses 9/2, 9/8, 9/32.
TEST_F(RemoteEvaluatorTest, AveragesTheCurvesOfTheTasks) {
  ASSERT_OK_AND_ASSIGN(const auto curves,
                       Evaluate(ParabolaFamily(1), TwoSteps(/*tasks=*/2)));
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_EQ(curves[0].label(), "sgd");
  EXPECT_THAT(curves[0].loss(), ElementsAre(13.0 / 4, 13.0 / 16, 13.0 / 64));
  // Of two losses a and b the sample deviation is |a - b| / sqrt(2).
  const double root = std::sqrt(2.0);
  EXPECT_THAT(curves[0].deviation(),
              ElementsAre(DoubleNear(5.0 / 2 / root, 1e-12),
                          DoubleNear(5.0 / 8 / root, 1e-12),
                          DoubleNear(5.0 / 32 / root, 1e-12)));
  EXPECT_THAT(curves[0].final_losses(), ElementsAre(1.0 / 8, 9.0 / 32));
  EXPECT_THAT(curves[0].sums_of_losses(), ElementsAre(5.0 / 2, 45.0 / 8));
  EXPECT_THAT(shown_.str(), HasSubstr("remote unroll 2/2"));
  EXPECT_EQ(service_.closed(), 2);
}

TEST_F(RemoteEvaluatorTest, AGradientThatOverflowsIsADivergence) {
  const ParabolaFamily steep(std::numeric_limits<float>::infinity());
  ASSERT_OK_AND_ASSIGN(const auto curves, Evaluate(steep, TwoSteps(1)));
  EXPECT_TRUE(std::isinf(curves[0].final_losses(0)));
  EXPECT_EQ(curves[0].loss_size(), 3);
}

TEST_F(RemoteEvaluatorTest, StopsWhenCancelled) {
  cancellation_.Cancel(absl::CancelledError("enough"));
  EXPECT_THAT(Evaluate(ParabolaFamily(1), TwoSteps(50)),
              StatusIs(absl::StatusCode::kCancelled, "enough"));
}

}  // namespace
}  // namespace metastep
