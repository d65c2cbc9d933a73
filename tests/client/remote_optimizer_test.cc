#include "client/remote_optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "rpc/error_reason.h"
#include "tests/client/fake_step_service.h"
#include "tests/rpc/reason_of.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::ModelRef AnyModel() {
  v1::ModelRef model;
  model.set_name("model");
  model.set_version(3);
  return model;
}

RemoteOptimizerOptions QuickRetries() {
  RemoteOptimizerOptions options;
  options.initial_backoff = absl::Milliseconds(1);
  return options;
}

absl::StatusOr<RemoteOptimizer> OpenOn(FakeStepService& service) {
  v1::TensorSpec tensor;
  tensor.set_name("theta");
  tensor.add_shape(2);
  return RemoteOptimizer::Open(service.Channel(), AnyModel(), {tensor},
                               QuickRetries());
}

TEST(RemoteOptimizerTest, OpensWithRuleTensorsAndTtl) {
  FakeStepService service;
  ASSERT_OK(OpenOn(service));
  const v1::OpenSessionRequest request = service.opened();
  EXPECT_EQ(request.model().version(), 3);
  EXPECT_EQ(request.tensors(0).name(), "theta");
  EXPECT_THAT(request.tensors(0).shape(), ElementsAre(2));
  EXPECT_EQ(request.ttl().seconds(), 3600);
  EXPECT_EQ(request.request_id().size(), 32u);
}

TEST(RemoteOptimizerTest, StepsAreNumberedFromTheServersNextStep) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  EXPECT_THAT(optimizer.Step({1, -2}), IsOkAndHolds(ElementsAre(-0.5, 1)));
  EXPECT_THAT(optimizer.Step({4, 0}), IsOkAndHolds(ElementsAre(-2, 0)));
  EXPECT_THAT(service.steps(), ElementsAre(1, 2));
  EXPECT_EQ(optimizer.session().next_step(), 3);
}

TEST(RemoteOptimizerTest, RepeatsAStepWhoseAnswerWasLostUnderTheSameNumber) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  service.LoseNextAnswer();
  EXPECT_THAT(optimizer.Step({1, 1}), IsOkAndHolds(ElementsAre(-0.5, -0.5)));
  ASSERT_OK(optimizer.Step({1, 1}));
  EXPECT_THAT(service.steps(), ElementsAre(1, 1, 2));
}

// Twice what one chunk holds, and a part of a third.
constexpr size_t kLarge = (2 << 18) + 5;

TEST(RemoteOptimizerTest, LargeStepsGoByStream) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  std::vector<float> gradient(kLarge), expected(kLarge);
  for (size_t i = 0; i < kLarge; ++i) {
    gradient[i] = static_cast<float>(i);
    expected[i] = -0.5f * gradient[i];
  }
  EXPECT_THAT(optimizer.Step(gradient), IsOkAndHolds(expected));
  EXPECT_EQ(service.streams(), 1);
  EXPECT_EQ(optimizer.session().next_step(), 2);
}

TEST(RemoteOptimizerTest, RepeatsAStepWhoseStreamBroke) {
  for (const grpc::StatusCode code :
       {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::DEADLINE_EXCEEDED,
        grpc::StatusCode::CANCELLED}) {
    FakeStepService service;
    ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
    service.LoseNextAnswer(code);
    EXPECT_THAT(optimizer.Step(std::vector<float>(kLarge, 2)),
                IsOkAndHolds(std::vector<float>(kLarge, -1)));
    EXPECT_THAT(service.steps(), ElementsAre(1, 1));
    EXPECT_EQ(service.streams(), 2);
  }
}

TEST(RemoteOptimizerTest, ErrorsOfStreamsKeepTheirReason) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  std::vector<float> gradient(kLarge, 1);
  gradient.back() = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ReasonOf(optimizer.Step(gradient).status()), "GRADIENT_NOT_FINITE");
  EXPECT_EQ(optimizer.session().next_step(), 1);
}

TEST(RemoteOptimizerTest, AsksForTheFormatsOfItsOptions) {
  FakeStepService service;
  RemoteOptimizerOptions options = QuickRetries();
  options.wire_format = v1::FLOAT16;
  options.state_format = v1::BFLOAT16;
  ASSERT_OK_AND_ASSIGN(
      RemoteOptimizer optimizer,
      RemoteOptimizer::Open(service.Channel(), AnyModel(), {}, options));
  EXPECT_EQ(service.opened().state_format(), v1::BFLOAT16);
  // 2049 has 12 bits: a tie, and 2048 is even.
  EXPECT_THAT(optimizer.Step({2049, 1}),
              IsOkAndHolds(ElementsAre(-1024, -0.5)));
}

TEST(RemoteOptimizerTest, GivesUpOnAServerThatIsGone) {
  RemoteOptimizerOptions options = QuickRetries();
  options.give_up_after = absl::ZeroDuration();
  EXPECT_THAT(RemoteOptimizer::Open("127.0.0.1:1", AnyModel(), {}, options),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("gave up")));
}

TEST(RemoteOptimizerTest, AGapIsReportedWithReasonAndExpectedStep) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  service.SkipStep();
  service.SkipStep();  // the next is 3
  const absl::Status status = optimizer.Step({1, 1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(ReasonOf(status), "STEP_GAP");
  EXPECT_EQ(GetErrorInfo(status)->metadata().at("expected_step"), "3");
}

TEST(RemoteOptimizerTest, ARefusedGradientLeavesTheSessionAsItWas) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(ReasonOf(optimizer.Step({nan, 1}).status()), "GRADIENT_NOT_FINITE");
  ASSERT_OK(optimizer.Step({1, 1}));
  EXPECT_THAT(service.steps(), ElementsAre(1, 1));
}

TEST(RemoteOptimizerTest, UpdateOfAnotherSizeIsRefusedBeforeItIsSent) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  std::vector<float> update(3);
  EXPECT_THAT(optimizer.Step({1, 1}, absl::MakeSpan(update)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("room for 3 floats; the gradient has 2")));
  EXPECT_TRUE(service.steps().empty());
}

TEST(RemoteOptimizerTest, RestoresFromASnapshot) {
  FakeStepService service;
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
  ASSERT_OK_AND_ASSIGN(const std::string snapshot, optimizer.Save());
  ASSERT_OK_AND_ASSIGN(RemoteOptimizer restored,
                       RemoteOptimizer::Restore(service.Channel(), snapshot));
  ASSERT_OK(restored.Step({1, 1}));
  EXPECT_THAT(service.steps(), ElementsAre(5));
  EXPECT_EQ(ReasonOf(RemoteOptimizer::Restore(service.Channel(), "x").status()),
            "SNAPSHOT_UNKNOWN");
}

TEST(RemoteOptimizerTest, CloseIsDoneOnceEvenIfItsAnswerWasLost) {
  FakeStepService service;
  {
    ASSERT_OK_AND_ASSIGN(RemoteOptimizer optimizer, OpenOn(service));
    service.LoseNextAnswer();
    EXPECT_OK(optimizer.Close());
    EXPECT_EQ(service.closed(), 2);  // the second finds nothing
    EXPECT_OK(optimizer.Close());
    EXPECT_THAT(
        optimizer.Step({1, 1}),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("closed")));
  }
  EXPECT_EQ(service.closed(), 2);
}

TEST(RemoteOptimizerTest, DestructionClosesTheSession) {
  FakeStepService service;
  { ASSERT_OK(OpenOn(service)); }
  EXPECT_EQ(service.closed(), 1);
}

}  // namespace
}  // namespace metastep
