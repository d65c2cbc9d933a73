#include "server/session_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "rpc/error_reason.h"
#include "rpc/float_bytes.h"
#include "tests/rpc/reason_of.h"
#include "tests/server/session_store_fixture.h"

namespace metastep {
namespace {

using absl::StatusCode;
using google::protobuf::util::TimeUtil;
using testing::HasSubstr;

std::string MetadataOf(const absl::Status& status, const std::string& key) {
  const auto info = GetErrorInfo(status);
  return info ? info->metadata().at(key) : "";
}

v1::OpenSessionRequest OpenOneTensor(const std::vector<int64_t>& shape) {
  v1::OpenSessionRequest request;
  request.set_request_id("one tensor");
  *request.mutable_hand_designed() = TestAdam();
  v1::TensorSpec& tensor = *request.add_tensors();
  tensor.set_name("w");
  for (const int64_t size : shape) tensor.add_shape(size);
  return request;
}

TEST_F(SessionStoreTest, StepsAsTheRuleDoesInProcess) {
  const std::string adam = Open(OpenAdam("a"));
  const std::string lstm = Open(OpenModel("b", "toy"));
  const auto adam_updates = AdamInProcess(5);
  const auto lstm_updates = ModelInProcess(TestModel(1), 5);
  for (int64_t step = 1; step <= 5; ++step) {
    EXPECT_THAT(Step(adam, step), IsOkAndHolds(adam_updates[step - 1]));
    EXPECT_THAT(Step(lstm, step), IsOkAndHolds(lstm_updates[step - 1]));
  }
}

TEST_F(SessionStoreTest, DescribesTheSession) {
  ASSERT_OK_AND_ASSIGN(const v1::Session adam, store_->Open(OpenAdam("a")));
  EXPECT_EQ(adam.coordinates(), kTestCoordinates);
  EXPECT_EQ(adam.next_step(), 1);
  EXPECT_EQ(adam.ttl().seconds(), 3600);
  EXPECT_EQ(adam.expires().seconds(), adam.opened().seconds() + 3600);
  EXPECT_EQ(adam.hand_designed().adam().beta1(), 0.9);  // resolved
  ASSERT_OK_AND_ASSIGN(const v1::Session lstm,
                       store_->Open(OpenModel("b", "toy")));
  EXPECT_EQ(lstm.model().version(), 1);  // pinned
  // Two blocks of 16 coordinates, each with h and c of 3 + 2 units.
  EXPECT_EQ(lstm.state_bytes(), 2 * 16 * 2 * (3 + 2) * 4);
}

TEST_F(SessionStoreTest, KeepsItsVersionWhenTheModelMovesOnOrGoes) {
  const std::string session = Open(OpenModel("a", "toy"));
  ASSERT_OK(registry_->Publish("toy", TestModel(2)));
  v1::ModelRef first;
  first.set_name("toy");
  first.set_version(1);
  ASSERT_OK(registry_->Delete(first));
  EXPECT_THAT(Step(session, 1),
              IsOkAndHolds(ModelInProcess(TestModel(1), 1)[0]));
  const std::string newer = Open(OpenModel("b", "toy"));
  EXPECT_THAT(Step(newer, 1), IsOkAndHolds(ModelInProcess(TestModel(2), 1)[0]));
}

TEST_F(SessionStoreTest, ARepeatedStepGivesTheStoredAnswer) {
  const std::string session = Open(OpenAdam("a"));
  const auto expected = AdamInProcess(3);
  ASSERT_OK(Step(session, 1));
  ASSERT_OK(Step(session, 2));
  // Whatever gradient comes with it.
  EXPECT_EQ(*Send(session, 2, "other"), FloatsToBytes(expected[1]));
  EXPECT_EQ(*Send(session, 2, ""), FloatsToBytes(expected[1]));
  EXPECT_THAT(Step(session, 3), IsOkAndHolds(expected[2]));
}

// Each bad step, sent between steps 2 and 3, must leave step 3 as it is
// without it.
struct BadStep {
  std::string name;
  int64_t step;
  std::string gradient;
  StatusCode code;
  absl::string_view reason;
  std::string message;
};

class BadStepTest : public SessionStoreTest,
                    public testing::WithParamInterface<BadStep> {};

TEST_P(BadStepTest, IsRefusedAndChangesNothing) {
  const BadStep& bad = GetParam();
  const auto expected = ModelInProcess(TestModel(1), 3);
  const std::string session = Open(OpenModel("a", "toy"));
  ASSERT_OK(Step(session, 1));
  ASSERT_OK(Step(session, 2));
  const auto refused = Send(session, bad.step, bad.gradient);
  EXPECT_THAT(refused, StatusIs(bad.code, HasSubstr(bad.message)));
  EXPECT_EQ(ReasonOf(refused.status()), bad.reason);
  EXPECT_THAT(Step(session, 2), IsOkAndHolds(expected[1]));
  EXPECT_THAT(Step(session, 3), IsOkAndHolds(expected[2]));
}

std::string GradientWith(size_t i, float value) {
  std::vector<float> gradient = TestGradient(3);
  gradient[i] = value;
  return FloatsToBytes(gradient);
}

std::vector<BadStep> BadSteps() {
  const std::string good = FloatsToBytes(TestGradient(3));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  return {
      {"Gap", 4, good, StatusCode::kFailedPrecondition, kReasonStepGap,
       "step is 4; send step 3, or repeat step 2"},
      {"TooOld", 1, good, StatusCode::kFailedPrecondition, kReasonStepGap,
       "step is 1; send step 3"},
      {"Zero", 0, good, StatusCode::kFailedPrecondition, kReasonStepGap, ""},
      {"Negative", -1, good, StatusCode::kFailedPrecondition, kReasonStepGap,
       ""},
      {"Empty", 3, "", StatusCode::kInvalidArgument, kReasonGradientShape,
       "gradient has 0 bytes; the session's 23 coordinates need 92"},
      {"OneByteShort", 3, good.substr(1), StatusCode::kInvalidArgument,
       kReasonGradientShape, "has 91 bytes"},
      {"OneFloatMore", 3, good + "1234", StatusCode::kInvalidArgument,
       kReasonGradientShape, "has 96 bytes"},
      {"NaN", 3, GradientWith(7, nan), StatusCode::kInvalidArgument,
       kReasonGradientNotFinite, "tensor \"w\" is nan at offset 7"},
      // 20 coordinates of "w" lie before "b".
      {"Infinity", 3, GradientWith(22, -infinity), StatusCode::kInvalidArgument,
       kReasonGradientNotFinite, "tensor \"b\" is -inf at offset 2"},
  };
}

INSTANTIATE_TEST_SUITE_P(All, BadStepTest, testing::ValuesIn(BadSteps()),
                         [](const testing::TestParamInfo<BadStep>& param_info) {
                           return param_info.param.name;
                         });

TEST_F(SessionStoreTest, ErrorsCarryWhatAProgramActsOn) {
  const std::string session = Open(OpenAdam("a"));
  const auto gap = Step(session, 2).status();
  EXPECT_EQ(MetadataOf(gap, "expected_step"), "1");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto not_finite = Send(session, 1, GradientWith(21, nan)).status();
  EXPECT_EQ(MetadataOf(not_finite, "tensor"), "b");
  EXPECT_EQ(MetadataOf(not_finite, "offset"), "1");
  // Before the first step there is none to repeat.
  EXPECT_EQ(ReasonOf(Step(session, 0).status()), kReasonStepGap);
}

TEST_F(SessionStoreTest, UnknownSessions) {
  const auto unknown = Step("0123", 1).status();
  EXPECT_THAT(unknown, StatusIs(StatusCode::kNotFound, HasSubstr("\"0123\"")));
  EXPECT_EQ(ReasonOf(unknown), kReasonSessionUnknown);
  const std::string session = Open(OpenAdam("a"));
  EXPECT_OK(store_->Close(session));
  EXPECT_EQ(ReasonOf(store_->Close(session)), kReasonSessionUnknown);
  EXPECT_EQ(ReasonOf(Step(session, 1).status()), kReasonSessionUnknown);
  EXPECT_EQ(ReasonOf(store_->Save(session).status()), kReasonSessionUnknown);
}

TEST_F(SessionStoreTest, OpeningIsIdempotentByRequestWhileTheSessionLives) {
  const std::string session = Open(OpenAdam("a"));
  EXPECT_EQ(Open(OpenAdam("a")), session);
  EXPECT_NE(Open(OpenAdam("b")), session);
  ASSERT_OK(store_->Close(session));
  EXPECT_NE(Open(OpenAdam("a")), session);
}

TEST_F(SessionStoreTest, RefusesRequestsThatAreWrong) {
  v1::OpenSessionRequest request = OpenAdam("");
  EXPECT_THAT(store_->Open(request), StatusIs(StatusCode::kInvalidArgument,
                                              HasSubstr("request_id has 0")));
  request = OpenAdam("a");
  request.clear_tensors();
  EXPECT_EQ(ReasonOf(store_->Open(request).status()), kReasonTensorSpec);
  request = OpenAdam("a");
  request.mutable_tensors(1)->set_name("w");
  EXPECT_EQ(ReasonOf(store_->Open(request).status()), kReasonTensorSpec);
  request = OpenAdam("a");
  request.clear_optimizer();
  EXPECT_EQ(ReasonOf(store_->Open(request).status()), kReasonRuleSpec);
  request = OpenAdam("a");
  request.mutable_hand_designed()->mutable_adam()->set_beta1(1);
  EXPECT_EQ(ReasonOf(store_->Open(request).status()), kReasonRuleSpec);
  EXPECT_EQ(ReasonOf(store_->Open(OpenModel("a", "tiy")).status()),
            kReasonModelUnknown);
  request = OpenAdam("a");
  *request.mutable_ttl() = TimeUtil::MillisecondsToDuration(10);
  EXPECT_THAT(store_->Open(request),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("ttl is 10ms; it must be from 1s to 24h")));
  EXPECT_TRUE(Listed().empty());
}

TEST_F(SessionStoreTest, RefusesATensorNobodyServes) {
  Model model = TestModel(1);
  model.info.mutable_rules(0)->set_parameters(0, "w*");
  ASSERT_OK(registry_->Publish("narrow", model));
  const auto refused = store_->Open(OpenModel("a", "narrow"));
  EXPECT_THAT(refused,
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("\"b\"")));
  EXPECT_EQ(ReasonOf(refused.status()), kReasonTensorSpec);
}

TEST_F(SessionStoreTest, RefusesTooManyCoordinatesBeforeAllocating) {
  const auto huge = store_->Open(OpenOneTensor({1'000'000, 1'000'000}));
  EXPECT_THAT(huge, StatusIs(StatusCode::kResourceExhausted,
                             HasSubstr("1000000000000 coordinates, a session "
                                       "at most 67108864")));
  EXPECT_EQ(ReasonOf(huge.status()), kReasonQuotaCoordinates);
  // A product that does not fit 64 bits.
  const auto overflowing =
      store_->Open(OpenOneTensor({int64_t{1} << 40, int64_t{1} << 40}));
  EXPECT_EQ(ReasonOf(overflowing.status()), kReasonTensorSpec);
}

TEST_F(SessionStoreTest, RefusesMoreSessionsThanTheLimit) {
  options_.max_sessions = 2;
  Restart();
  const std::string session = Open(OpenAdam("a"));
  Open(OpenAdam("b"));
  const auto third = store_->Open(OpenAdam("c"));
  EXPECT_THAT(third, StatusIs(StatusCode::kResourceExhausted,
                              HasSubstr("the limit is 2")));
  EXPECT_EQ(ReasonOf(third.status()), kReasonQuotaSessions);
  ASSERT_OK(store_->Close(session));
  EXPECT_OK(store_->Open(OpenAdam("c")));
}

TEST_F(SessionStoreTest, RefusesMoreBytesThanTheLimit) {
  Open(OpenAdam("a"));
  // Room for one more session like it, but not for two.
  options_.max_bytes =
      static_cast<int64_t>(metrics_.session_bytes.Value() * 1.5);
  Restart();
  Open(OpenAdam("a"));
  const auto second = store_->Open(OpenAdam("b"));
  EXPECT_EQ(ReasonOf(second.status()), kReasonQuotaBytes);
  // A session that has expired makes room.
  clock_.Advance(absl::Hours(1));
  EXPECT_OK(store_->Open(OpenAdam("b")));
  EXPECT_EQ(metrics_.sessions.Value(), 1);
}

TEST_F(SessionStoreTest, ASessionExpiresWhenItIsNotUsed) {
  v1::OpenSessionRequest request = OpenAdam("a");
  *request.mutable_ttl() = TimeUtil::SecondsToDuration(10);
  const std::string session = Open(request);
  clock_.Advance(absl::Seconds(9));
  ASSERT_OK(Step(session, 1));  // counts the 10 s anew
  clock_.Advance(absl::Seconds(9));
  EXPECT_OK(Step(session, 2));
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(ReasonOf(Step(session, 3).status()), kReasonSessionUnknown);
  EXPECT_TRUE(Listed().empty());
  EXPECT_EQ(metrics_.sessions.Value(), 1);
  store_->Sweep();
  EXPECT_EQ(metrics_.sessions.Value(), 0);
  EXPECT_EQ(metrics_.session_bytes.Value(), 0);
}

TEST_F(SessionStoreTest, AnExpiredSessionsRequestOpensAnother) {
  const std::string first = Open(OpenAdam("a"));
  clock_.Advance(absl::Hours(1));
  const std::string second = Open(OpenAdam("a"));
  EXPECT_NE(second, first);
  store_->Sweep();
  EXPECT_EQ(Open(OpenAdam("a")), second);
}

TEST_F(SessionStoreTest, ListsOldestFirstInPages) {
  std::vector<std::string> opened;
  for (int i = 0; i < 3; ++i) opened.push_back(Open(OpenAdam(absl::StrCat(i))));
  EXPECT_EQ(Listed(), opened);
  v1::ListSessionsRequest request;
  request.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(auto page, store_->List(request));
  EXPECT_EQ(page.sessions(1).session_id(), opened[1]);
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, store_->List(request));
  ASSERT_EQ(page.sessions_size(), 1);
  EXPECT_EQ(page.sessions(0).session_id(), opened[2]);
  EXPECT_EQ(page.next_page_token(), "");
  request.set_page_token("x\n");
  EXPECT_THAT(
      store_->List(request),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("page_token \"x\\n\"")));
  request.set_page_size(1001);
  EXPECT_THAT(store_->List(request), StatusIs(StatusCode::kInvalidArgument,
                                              HasSubstr("from 1 to 1000")));
}

TEST_F(SessionStoreTest, SessionsAreSteppedSideBySide) {
  const auto expected = AdamInProcess(50);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    const std::string session = Open(OpenAdam(absl::StrCat(i)));
    threads.emplace_back([this, session, &expected] {
      for (int64_t step = 1; step <= 50; ++step) {
        EXPECT_THAT(Step(session, step), IsOkAndHolds(expected[step - 1]));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SessionStoreTest, CopiesOfOneStepAreAppliedOnce) {
  const auto expected = AdamInProcess(20);
  const std::string session = Open(OpenAdam("a"));
  std::vector<std::thread> threads;
  for (int64_t step = 1; step <= 20; ++step) {
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([this, session, step, &expected] {
        EXPECT_THAT(Step(session, step), IsOkAndHolds(expected[step - 1]));
      });
    }
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
}

TEST_F(SessionStoreTest, ASessionMayBeClosedWhileItIsStepped) {
  for (int i = 0; i < 20; ++i) {
    const std::string session = Open(OpenModel("a", "toy"));
    std::thread stepper([this, session] {
      int64_t step = 1;
      while (Step(session, step).ok()) ++step;
      EXPECT_EQ(ReasonOf(Step(session, step).status()), kReasonSessionUnknown);
    });
    EXPECT_OK(store_->Close(session));
    stepper.join();
  }
  store_->Sweep();
  EXPECT_EQ(metrics_.sessions.Value(), 0);
}

}  // namespace
}  // namespace metastep
