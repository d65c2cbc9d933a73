// Steps of a session whose work this test does itself, job by job.
#include "server/session_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "rpc/error_reason.h"
#include "rpc/float_bytes.h"
#include "rpc/float_format.h"
#include "server/session.h"
#include "tests/server/fixtures.h"

namespace metastep {
namespace {

// Three tasks: two of kTaskCoordinates, and one that does not fill its blocks.
constexpr int64_t kCoordinates = 2 * kTaskCoordinates + 100;
// Of the two LSTM layers of 3 and 2 units: h and c.
constexpr int64_t kStateFloats = 2 * (3 + 2);

class SessionStepTest : public testing::Test {
 protected:
  explicit SessionStepTest(int64_t undo_bytes = int64_t{1} << 30)
      : undo_(undo_bytes) {
    plan_.optimizer.model = std::make_shared<const Model>(TestModel(1));
    session_ = Make(v1::FLOAT32);
  }

  std::unique_ptr<Session> Make(v1::FloatFormat format) {
    plan_.state_format = format;
    auto rule = MakeRule(plan_);
    EXPECT_OK(rule);
    const int64_t floats = (*rule)->StateFloats(kCoordinates);
    auto room = budget_.Take(0);
    EXPECT_OK(room);
    return std::make_unique<Session>(
        plan_, *std::move(rule), *std::move(room),
        SessionProgress{.update = {}, .state = SessionState(format, floats)},
        StepResources{pool_, undo_});
  }

  std::shared_ptr<SessionStep> Begin(int64_t step) {
    std::shared_ptr<SessionStep> begun;
    session_->Begin(step, nullptr, nullptr, [&](auto result) {
      EXPECT_OK(result);
      begun = *result;
    });
    return begun;
  }
  // Of the coordinates [begin, end) of step `step`.
  static std::string Gradient(int64_t step, int64_t begin, int64_t end) {
    return FloatsToBytes(absl::MakeConstSpan(TestGradient(step, kCoordinates))
                             .subspan(begin, end - begin));
  }
  int RunAll() {
    int jobs = 0;
    while (pool_.RunOne()) ++jobs;
    return jobs;
  }
  // Takes a step whole and expects this update.
  void ExpectStep(int64_t step, const std::vector<float>& update) {
    const auto taken = Begin(step);
    ASSERT_OK(taken->Take(v1::FLOAT32, Gradient(step, 0, kCoordinates)));
    RunAll();
    EXPECT_EQ(taken->update(), absl::MakeConstSpan(update));
  }
  std::vector<std::vector<float>> InProcess(int64_t steps) {
    return UpdatesInProcess(**MakeRule(plan_), steps, kCoordinates);
  }

  SessionBudget budget_{{.sessions = 10, .bytes = 1}};
  FairPool pool_{0};
  UndoBudget undo_;
  SessionPlan plan_{.session_id = "id",
                    .request_id = "request",
                    .optimizer = {},
                    .layout = *ParameterLayout::Create({{"w", {kCoordinates}}}),
                    .state_format = v1::FLOAT32,
                    .opened = absl::UnixEpoch(),
                    .ttl = absl::Hours(1)};
  std::unique_ptr<Session> session_;
};

TEST_F(SessionStepTest, ComputesWhatHasComeAndKeepsTheOrder) {
  const auto expected = InProcess(2);
  ExpectStep(1, expected[0]);
  const auto step = Begin(2);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(2, 0, kTaskCoordinates - 1)));
  EXPECT_EQ(RunAll(), 0);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(2, kTaskCoordinates - 1,
                                             2 * kTaskCoordinates + 1)));
  EXPECT_EQ(step->taken(), 2 * kTaskCoordinates + 1);
  EXPECT_EQ(RunAll(), 2);
  EXPECT_EQ(step->ready(), 2 * kTaskCoordinates);
  EXPECT_EQ(session_->Describe(absl::Now()).next_step(), 2);
  ASSERT_OK(step->Take(v1::FLOAT32,
                       Gradient(2, 2 * kTaskCoordinates + 1, kCoordinates)));
  EXPECT_EQ(RunAll(), 1);
  EXPECT_EQ(step->ready(), kCoordinates);
  EXPECT_EQ(session_->Describe(absl::Now()).next_step(), 3);
  EXPECT_EQ(step->update(), absl::MakeConstSpan(expected[1]));
}

// Whatever was computed before it became clear that the step fails.
class FailedStepTest : public SessionStepTest,
                       public testing::WithParamInterface<v1::FloatFormat> {
 protected:
  void SetUp() override {
    session_ = Make(GetParam());
    const auto first = Begin(1);
    ASSERT_OK(first->Take(v1::FLOAT32, Gradient(1, 0, kCoordinates)));
    RunAll();
  }
};

TEST_P(FailedStepTest, LeavesTheSessionAsBefore) {
  ASSERT_OK_AND_ASSIGN(const SessionProgress before, session_->Progress());
  auto step = Begin(2);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(2, 0, 2 * kTaskCoordinates)));
  EXPECT_EQ(RunAll(), 2);
  std::string last = Gradient(2, 2 * kTaskCoordinates, kCoordinates);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  last.replace(4 * 99, 4, FloatsToBytes({nan}));
  const absl::Status refused = step->Take(v1::FLOAT32, last);
  EXPECT_EQ(GetErrorInfo(refused)->reason(), kReasonGradientNotFinite);
  EXPECT_EQ(GetErrorInfo(refused)->metadata().at("offset"),
            absl::StrCat(kCoordinates - 1));
  step->Abandon();
  step.reset();
  RunAll();  // goes back
  ASSERT_OK_AND_ASSIGN(const SessionProgress after, session_->Progress());
  EXPECT_EQ(after.next_step, 2);
  EXPECT_EQ(after.update, before.update);
  EXPECT_EQ(after.state.bytes(), before.state.bytes());
}

TEST_P(FailedStepTest, JobsThatHaveNotBegunAreLeftOut) {
  ASSERT_OK_AND_ASSIGN(const SessionProgress before, session_->Progress());
  auto step = Begin(2);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(2, 0, 2 * kTaskCoordinates)));
  ASSERT_TRUE(pool_.RunOne());
  step->Abandon();
  EXPECT_EQ(step->Take(v1::FLOAT32, "").code(), absl::StatusCode::kAborted);
  step.reset();
  RunAll();
  ASSERT_OK_AND_ASSIGN(const SessionProgress after, session_->Progress());
  EXPECT_EQ(after.state.bytes(), before.state.bytes());
}

INSTANTIATE_TEST_SUITE_P(All, FailedStepTest,
                         testing::Values(v1::FLOAT32, v1::BFLOAT16));

TEST_F(SessionStepTest, NothingAfterTheLastCoordinateIsNothing) {
  const auto expected = InProcess(2);
  for (int64_t number = 1; number <= 2; ++number) {
    const auto step = Begin(number);
    ASSERT_OK(step->Take(v1::FLOAT32, Gradient(number, 0, kCoordinates)));
    EXPECT_OK(step->Take(v1::FLOAT32, ""));
    RunAll();
    EXPECT_OK(step->Take(v1::FLOAT32, ""));
    EXPECT_EQ(step->update(), absl::MakeConstSpan(expected[number - 1]));
  }
}

TEST_F(SessionStepTest, AStepWhoseGradientHasComeIsTakenThoughNobodyWaits) {
  auto step = Begin(1);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(1, 0, kCoordinates)));
  step->Abandon();
  step.reset();
  RunAll();
  ASSERT_OK_AND_ASSIGN(const SessionProgress progress, session_->Progress());
  EXPECT_EQ(progress.next_step, 2);
  EXPECT_EQ(progress.update, InProcess(1)[0]);
}

TEST_F(SessionStepTest, ARepeatedStepHasItsUpdateAtOnce) {
  const auto expected = InProcess(1);
  ExpectStep(1, expected[0]);
  const auto again = Begin(1);
  EXPECT_TRUE(again->repeated());
  EXPECT_EQ(again->ready(), kCoordinates);
  EXPECT_OK(again->Take(v1::FLOAT32, "ignored"));
  EXPECT_EQ(again->update(), absl::MakeConstSpan(expected[0]));
}

TEST_F(SessionStepTest, RefusesPartsOfFloatsAndTooMany) {
  const auto step = Begin(1);
  EXPECT_THAT(step->Take(v1::BFLOAT16, "xyz"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("gradient has 3 bytes")));
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(1, 0, kCoordinates - 1)));
  const absl::Status refused = step->Take(v1::FLOAT32, FloatsToBytes({1, 2}));
  EXPECT_EQ(GetErrorInfo(refused)->reason(), kReasonGradientShape);
}

// Room to go back from one task, and not from two.
class ScarceUndoTest : public SessionStepTest {
 protected:
  static constexpr int64_t kTaskUndo =
      kTaskCoordinates * kStateFloats * int64_t{sizeof(float)};
  ScarceUndoTest() : SessionStepTest(2 * kTaskUndo - 1) {}
};

TEST_F(ScarceUndoTest, ComputesAheadAsFarAsItCouldGoBack) {
  const auto expected = InProcess(2);
  ExpectStep(1, expected[0]);
  const auto step = Begin(2);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(2, 0, 2 * kTaskCoordinates)));
  EXPECT_EQ(RunAll(), 1);
  EXPECT_FALSE(undo_.TryTake(kTaskUndo));
  ASSERT_OK(
      step->Take(v1::FLOAT32, Gradient(2, 2 * kTaskCoordinates, kCoordinates)));
  EXPECT_EQ(RunAll(), 2);
  EXPECT_EQ(step->update(), absl::MakeConstSpan(expected[1]));
  EXPECT_TRUE(undo_.TryTake(kTaskUndo));  // given back
}

// After step 1 |h| and |c| are below 1, so rounding moves each by 2^-8 at most.
// Weights are cut at two standard deviations, 2 / sqrt(5) = 0.894 in both
// layers and 2 / sqrt(2) = 1.41 at the output; a sigmoid has a slope of at most
// 1/4, a tanh of 1. So step 2 moves, in the first layer, the gates' inputs by
// 3 * 0.894 * 2^-8 = 0.0105, c by 0.0026 + 0.0039 + 0.0026 + 0.0105 = 0.0197
// and h by 0.0026 + 0.0197 = 0.0223; in the second, the gates' inputs by 3 *
// 0.894 * 0.0223 + 2 * 0.894 * 2^-8 = 0.067, c by 0.104, h by 0.121; and the
// update, at an output scale of 0.1, by 0.1 * 2 * 1.41 * 0.121 = 0.035.
TEST_F(SessionStepTest, BFloat16StateGivesNearlyTheSameUpdates) {
  const auto expected = InProcess(2);
  session_ = Make(v1::BFLOAT16);
  ExpectStep(1, expected[0]);  // the state before it is zero, exactly
  const auto step = Begin(2);
  ASSERT_OK(step->Take(v1::FLOAT32, Gradient(2, 0, kCoordinates)));
  RunAll();
  double largest = 0;
  for (int64_t i = 0; i < kCoordinates; ++i) {
    largest =
        std::max(largest, std::abs(double{step->update()[i]} - expected[1][i]));
  }
  EXPECT_GT(largest, 0);
  EXPECT_LT(largest, 0.035);
}

}  // namespace
}  // namespace metastep
