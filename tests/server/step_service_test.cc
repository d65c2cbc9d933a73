#include "server/step_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "rpc/error_reason.h"
#include "tests/server/fixtures.h"
#include "tests/server/step_service_fixture.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

TEST_F(StepServiceTest, RemoteStepsAreThoseOfTheRuleInProcess) {
  ExpectUpdates(Open(OpenAdam("a")), AdamInProcess(10));
  ExpectUpdates(Open(OpenModel("b", "toy")), ModelInProcess(TestModel(1), 10));
}

TEST_F(StepServiceTest, ManySessionsFromManyThreads) {
  const auto expected = ModelInProcess(TestModel(1), 10);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i, &expected] {
      ExpectUpdates(Open(OpenModel(absl::StrCat(i), "toy")), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(StepServiceTest, ErrorsTravelWithTheirReason) {
  const std::string session = Open(OpenAdam("a"));
  const auto gap = Step(session, 5, TestGradient(5)).status();
  EXPECT_EQ(gap.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorInfo(gap)->reason(), kReasonStepGap);
  EXPECT_EQ(GetErrorInfo(gap)->metadata().at("expected_step"), "1");
  const auto unknown = Step("0", 1, TestGradient(1)).status();
  EXPECT_EQ(GetErrorInfo(unknown)->reason(), kReasonSessionUnknown);
  std::vector<float> gradient = TestGradient(1);
  gradient[3] = std::numeric_limits<float>::quiet_NaN();
  const auto not_finite = Step(session, 1, gradient).status();
  EXPECT_EQ(GetErrorInfo(not_finite)->reason(), kReasonGradientNotFinite);
  EXPECT_EQ(GetErrorInfo(Step(session, 1, {1}).status())->reason(),
            kReasonGradientShape);
  ExpectUpdates(session, AdamInProcess(3));
}

TEST_F(StepServiceTest, SavesRestoresListsAndCloses) {
  const std::string session = Open(OpenModel("a", "toy"));
  const auto expected = ModelInProcess(TestModel(1), 3);
  ExpectUpdates(session, {expected[0], expected[1]});
  v1::SaveSessionRequest save;
  save.set_session_id(session);
  ASSERT_OK_AND_ASSIGN(const auto saved,
                       Call(&v1::StepService::Stub::SaveSession, save));
  v1::RestoreSessionRequest restore;
  restore.set_request_id("b");
  restore.set_snapshot_id(saved.snapshot_id());
  ASSERT_OK_AND_ASSIGN(const auto restored,
                       Call(&v1::StepService::Stub::RestoreSession, restore));
  EXPECT_THAT(Step(restored.session().session_id(), 3, TestGradient(3)),
              IsOkAndHolds(expected[2]));
  v1::DeleteSnapshotRequest remove;
  remove.set_snapshot_id(saved.snapshot_id());
  EXPECT_OK(Call(&v1::StepService::Stub::DeleteSnapshot, remove));
  EXPECT_THAT(Call(&v1::StepService::Stub::DeleteSnapshot, remove),
              StatusIs(StatusCode::kNotFound, HasSubstr(saved.snapshot_id())));
  v1::CloseSessionRequest close;
  close.set_session_id(session);
  EXPECT_OK(Call(&v1::StepService::Stub::CloseSession, close));
  EXPECT_THAT(Call(&v1::StepService::Stub::CloseSession, close),
              StatusIs(StatusCode::kNotFound, HasSubstr(session)));
  ASSERT_OK_AND_ASSIGN(
      const auto listed,
      Call(&v1::StepService::Stub::ListSessions, v1::ListSessionsRequest()));
  ASSERT_EQ(listed.sessions_size(), 1);
  EXPECT_EQ(listed.sessions(0).next_step(), 4);
}

TEST_F(StepServiceTest, StepsTheLargestGradientThatAMessageCarries) {
  v1::OpenSessionRequest request;
  request.set_request_id("a");
  request.mutable_hand_designed()->mutable_sgd()->set_learning_rate(0.5);
  v1::TensorSpec& tensor = *request.add_tensors();
  tensor.set_name("w");
  tensor.add_shape(1 << 20);
  const std::string session = Open(request);
  EXPECT_THAT(Step(session, 1, std::vector<float>(1 << 20, 2)),
              IsOkAndHolds(std::vector<float>(1 << 20, -1)));
}

TEST_F(StepServiceTest, CountsStepsBytesAndErrors) {
  const std::string session = Open(OpenAdam("a"));
  ASSERT_OK(Step(session, 1, TestGradient(1)));
  ASSERT_OK(Step(session, 2, TestGradient(2)));
  EXPECT_FALSE(Step(session, 4, TestGradient(4)).ok());
  const std::string text = Metrics();
  EXPECT_THAT(text, HasSubstr("metastep_step_duration_seconds_count 2\n"));
  EXPECT_THAT(text, HasSubstr("metastep_step_coordinates_total 46\n"));
  EXPECT_THAT(text, HasSubstr("metastep_step_received_bytes_total 276\n"));
  EXPECT_THAT(text, HasSubstr("metastep_step_sent_bytes_total 184\n"));
  EXPECT_THAT(text,
              HasSubstr("metastep_step_errors_total{reason=\"STEP_GAP\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("metastep_sessions 1\n"));
}

}  // namespace
}  // namespace metastep
