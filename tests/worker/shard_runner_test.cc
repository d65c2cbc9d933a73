#include "worker/shard_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/worker/specs.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Response = v1::SubmitResultResponse;

constexpr int64_t kLaneMemory = 1 << 20;

// A runner on a folder without data, for a server of PhiAnswer's versions.
class Runner {
 public:
  explicit Runner(const std::string& data_dir = "/nonexistent",
                  int64_t lane_memory = kLaneMemory)
      : runner_(data_dir, lane_memory,
                [this](const v1::FetchPhiRequest& source)
                    -> absl::StatusOr<v1::FetchPhiResponse> {
                  if (!server_error.ok()) return server_error;
                  return PhiAnswer(source.has_model()
                                       ? source.model().version()
                                       : source.run().phi_version());
                }) {}

  // Computes a lease and settles it with the server's answer.
  v1::SubmitResultRequest Run(
      const v1::Lease& lease,
      Response::Disposition disposition = Response::ACCEPTED) {
    auto outcome = runner_.Run(lease);
    EXPECT_OK(outcome);
    v1::SubmitResultRequest submission = outcome->submission;
    runner_.Settle(*std::move(outcome), disposition);
    return submission;
  }

  // Windows of the lanes held.
  std::vector<int> HeldWindows() const {
    std::vector<int> windows;
    const v1::HeldLanes held = runner_.held();
    for (const v1::LaneHandle& lane : held.lanes()) {
      windows.push_back(lane.window());
    }
    return windows;
  }

  ShardRunner& runner() { return runner_; }

  absl::Status server_error;

 private:
  ShardRunner runner_;
};

// What must be the same to the bit wherever a window is computed.
std::string Bits(const v1::SubmitResultRequest& submission) {
  EXPECT_TRUE(submission.has_window()) << submission.ShortDebugString();
  v1::WindowResult result = submission.window();
  result.clear_replayed();
  return result.SerializeAsString();
}

TEST(ShardRunnerTest, GivesAWindowsGradientAndLosses) {
  const v1::SubmitResultRequest submission = Runner().Run(WindowLease(0, 0));
  EXPECT_EQ(submission.lease_id(), "window-lease");
  EXPECT_THAT(submission.window().losses(), SizeIs(3));  // K + 1
  const std::vector<float> gradient =
      FloatsFromBytes(submission.window().meta_gradient());
  EXPECT_THAT(gradient, SizeIs(FloatsFromBytes(PhiAnswer(0).phi()).size()));
  EXPECT_THAT(gradient, Not(Each(0.0f)));
}

TEST(ShardRunnerTest, AReplayedLaneGivesTheBitsOfAWarmOne) {
  Runner warm;
  v1::SubmitResultRequest last;
  for (int window = 0; window < 3; ++window) {
    const v1::SubmitResultRequest next = warm.Run(WindowLease(0, window));
    EXPECT_FALSE(next.window().replayed());
    if (window > 0) {  // f(theta_K) of a window is the next one's first loss
      EXPECT_EQ(next.window().losses(0), last.window().losses(2));
    }
    last = next;
  }

  const v1::SubmitResultRequest cold = Runner().Run(WindowLease(0, 2));

  EXPECT_TRUE(cold.window().replayed());
  EXPECT_EQ(Bits(cold), Bits(last));
}

TEST(ShardRunnerTest, ReplaysUnderTheRecordedPhis) {
  v1::Lease other = WindowLease(0, 2);
  other.mutable_window()->set_phi_versions(0, 5);
  EXPECT_NE(Bits(Runner().Run(other)), Bits(Runner().Run(WindowLease(0, 2))));
}

TEST(ShardRunnerTest, ReplaysFromAWarmLaneThatIsBehind) {
  Runner runner;
  runner.Run(WindowLease(0, 0));
  const v1::SubmitResultRequest ahead = runner.Run(WindowLease(0, 2));
  EXPECT_TRUE(ahead.window().replayed());
  EXPECT_EQ(Bits(ahead), Bits(Runner().Run(WindowLease(0, 2))));
}

TEST(ShardRunnerTest, StartsAfreshWhereTheWarmLaneIsAhead) {
  Runner runner;
  runner.Run(WindowLease(0, 0));
  runner.Run(WindowLease(0, 1));
  ASSERT_THAT(runner.HeldWindows(), ElementsAre(2));
  EXPECT_EQ(Bits(runner.Run(WindowLease(0, 1))),
            Bits(Runner().Run(WindowLease(0, 1))));
}

TEST(ShardRunnerTest, StartsAfreshWhereTheWarmLaneIsOfAnotherUnroll) {
  Runner runner;
  runner.Run(WindowLease(0, 0));
  ASSERT_THAT(runner.HeldWindows(), ElementsAre(1));
  EXPECT_EQ(Bits(runner.Run(WindowLease(1, 1))),
            Bits(Runner().Run(WindowLease(1, 1))));
}

TEST(ShardRunnerTest, UnrollsAndLanesAreTasksOfTheirOwn) {
  v1::Lease other_lane = WindowLease(0, 0);
  other_lane.mutable_window()->set_lane(0);
  const std::string bits = Bits(Runner().Run(WindowLease(0, 0)));
  EXPECT_NE(Bits(Runner().Run(WindowLease(1, 0))), bits);
  EXPECT_NE(Bits(Runner().Run(other_lane)), bits);
}

class ShardRunnerSettleTest
    : public testing::TestWithParam<Response::Disposition> {};

using TakenTest = ShardRunnerSettleTest;
TEST_P(TakenTest, KeepsTheNewState) {
  Runner runner;
  runner.Run(WindowLease(0, 0));
  runner.Run(WindowLease(0, 1), GetParam());
  EXPECT_THAT(runner.HeldWindows(), ElementsAre(2));
  EXPECT_GT(runner.runner().held().bytes(), 0);
}
INSTANTIATE_TEST_SUITE_P(ShardRunnerTest, TakenTest,
                         testing::Values(Response::ACCEPTED,
                                         Response::DUPLICATE));

using NotTakenTest = ShardRunnerSettleTest;
TEST_P(NotTakenTest, KeepsTheOldState) {
  Runner runner;
  runner.Run(WindowLease(0, 0));
  runner.Run(WindowLease(0, 1), GetParam());
  EXPECT_THAT(runner.HeldWindows(), ElementsAre(1));

  const v1::SubmitResultRequest again = runner.Run(WindowLease(0, 1));

  EXPECT_FALSE(again.window().replayed());
  EXPECT_EQ(Bits(again), Bits(Runner().Run(WindowLease(0, 1))));
}
INSTANTIATE_TEST_SUITE_P(ShardRunnerTest, NotTakenTest,
                         testing::Values(Response::STALE,
                                         Response::LEASE_EXPIRED,
                                         Response::REJECTED));

TEST(ShardRunnerTest, ALaneIsAtHandWhileItsResultIsUnderWay) {
  Runner runner;
  ASSERT_OK_AND_ASSIGN(ShardOutcome first,
                       runner.runner().Run(WindowLease(0, 0)));
  EXPECT_THAT(runner.HeldWindows(), ElementsAre(1));
  // The server has it, and leases the next window before the answer is here.
  EXPECT_FALSE(runner.Run(WindowLease(0, 1)).window().replayed());
  runner.runner().Settle(std::move(first), Response::ACCEPTED);
  EXPECT_THAT(runner.HeldWindows(), ElementsAre(2));
}

TEST(ShardRunnerTest, KeepsNothingAfterTheLastWindow) {
  Runner runner;
  for (int window = 0; window < 3; ++window) {
    runner.Run(WindowLease(0, window));
  }
  EXPECT_THAT(runner.HeldWindows(), IsEmpty());
}

TEST(ShardRunnerTest, ComputesWithoutRoomForLanes) {
  Runner runner("/nonexistent", /*lane_memory=*/0);
  runner.Run(WindowLease(0, 0));
  EXPECT_THAT(runner.HeldWindows(), IsEmpty());
  EXPECT_TRUE(runner.Run(WindowLease(0, 1)).window().replayed());
}

v1::SubmitResultRequest Evaluate(const v1::Lease& lease) {
  return Runner().Run(lease);
}

TEST(ShardRunnerTest, EvaluatesAHandDesignedRule) {
  EXPECT_THAT(Evaluate(SgdLease("lease")).evaluation().losses(),
              ElementsAre(1, 0, 0));
}

TEST(ShardRunnerTest, EvaluatesTheRunsPhiAndAModelAlike) {
  v1::Lease lease = WindowLease(0, 0);
  v1::EvaluationShard& shard = *lease.mutable_evaluation();
  shard.set_tasks_from(v1::EvaluationShard::VALIDATION);
  shard.set_steps(4);
  shard.set_phi_version(3);
  const v1::SubmitResultRequest run = Evaluate(lease);
  EXPECT_THAT(run.evaluation().losses(), SizeIs(5));

  shard.mutable_model()->set_name("model");
  shard.mutable_model()->set_version(3);  // the fake's phi of this number
  EXPECT_EQ(Evaluate(lease).SerializeAsString(), run.SerializeAsString());

  shard.mutable_model()->set_version(4);
  EXPECT_NE(Evaluate(lease).SerializeAsString(), run.SerializeAsString());
}

// An evaluation of SGD of rate 0 that keeps theta, on a task of the spec.
v1::Lease KeepingLease(const std::string& task) {
  v1::Lease lease = SgdLease("lease");
  v1::RunSpec& spec = *lease.mutable_spec();
  spec = *ParseRunSpec("name: 'r' task { " + task +
                       " } evaluation { keep_theta: true entries { label: 'x' "
                       "hand_designed { sgd { learning_rate: 0 } } } }");
  lease.mutable_evaluation()
      ->mutable_hand_designed()
      ->mutable_sgd()
      ->set_learning_rate(0);
  return lease;
}

// x^2 begins at x = 1.
TEST(ShardRunnerTest, KeepsTheFirstTasksThetaIfTheSpecSaysSo) {
  v1::Lease lease = KeepingLease("square {}");
  EXPECT_THAT(FloatsFromBytes(Evaluate(lease).evaluation().final_theta()),
              ElementsAre(1));
  lease.mutable_evaluation()->set_task(1);
  EXPECT_THAT(Evaluate(lease).evaluation().final_theta(), IsEmpty());
  lease.mutable_evaluation()->set_task(0);
  lease.mutable_spec()->mutable_evaluation()->set_keep_theta(false);
  EXPECT_THAT(Evaluate(lease).evaluation().final_theta(), IsEmpty());
}

TEST(ShardRunnerTest, DrawsEvaluationTasksByKindAndIndex) {
  v1::Lease lease = SgdLease("lease");
  *lease.mutable_spec()->mutable_task() = SmallTraining().task();
  v1::EvaluationShard& shard = *lease.mutable_evaluation();
  std::set<double> first_losses;
  for (const auto tasks :
       {v1::EvaluationShard::VALIDATION, v1::EvaluationShard::TUNING,
        v1::EvaluationShard::TEST}) {
    for (const int task : {0, 1}) {
      shard.set_tasks_from(tasks);
      shard.set_task(task);
      first_losses.insert(Evaluate(lease).evaluation().losses(0));
    }
  }
  EXPECT_THAT(first_losses, SizeIs(6));
}

// What cannot be computed is a failure, with its reason for the run's owner.
std::string FailureOf(const v1::Lease& lease,
                      const std::string& data_dir = "/nonexistent") {
  Runner runner(data_dir);
  const v1::SubmitResultRequest submission = runner.Run(lease);
  EXPECT_EQ(submission.lease_id(), lease.lease_id());
  EXPECT_EQ(submission.outcome_case(), v1::SubmitResultRequest::kFailure);
  EXPECT_THAT(runner.HeldWindows(), IsEmpty());
  return submission.failure();
}

v1::Lease MnistLease() {
  v1::Lease lease = WindowLease(0, 0);
  lease.mutable_spec()->mutable_task()->mutable_mlp();
  return lease;
}

TEST(ShardRunnerTest, OnlyTrainingTasksAreScaledAtRandom) {
  const auto scaled = [](v1::Lease lease) {
    lease.mutable_spec()->mutable_training()->set_random_scaling(1);
    return lease;
  };
  EXPECT_NE(Bits(Runner().Run(scaled(WindowLease(0, 0)))),
            Bits(Runner().Run(WindowLease(0, 0))));
  EXPECT_THAT(Runner().Run(scaled(SgdLease("lease"))).evaluation().losses(),
              ElementsAre(1, 0, 0));
}

TEST(ShardRunnerTest, MissingDataIsAFailureThatNamesThePath) {
  EXPECT_THAT(FailureOf(MnistLease()), HasSubstr("/nonexistent/mnist"));
}

TEST(ShardRunnerTest, AFailuresTextIsPrintable) {
  EXPECT_THAT(FailureOf(MnistLease(), "/none\xff\nxistent"),
              HasSubstr("/none??xistent/mnist"));
  const std::string long_path(10'000, 'x');
  EXPECT_THAT(FailureOf(MnistLease(), long_path), SizeIs(4096));
}

TEST(ShardRunnerTest, AWrongSpecIsAFailure) {
  v1::Lease lease = WindowLease(0, 0);
  lease.mutable_spec()->mutable_training()->mutable_unroll()->set_window(4);
  EXPECT_THAT(FailureOf(lease), HasSubstr("horizon"));
  lease = WindowLease(0, 0);
  lease.mutable_spec()->clear_task();
  EXPECT_THAT(FailureOf(lease), HasSubstr("task"));
}

// An image of side 147 has 64,827 coordinates, one of 148 has 65,712.
TEST(ShardRunnerTest, AThetaThatIsTooLargeToKeepIsAFailure) {
  EXPECT_THAT(FailureOf(KeepingLease("art { size: 148 }")),
              AllOf(HasSubstr("at most 65536 coordinates"),
                    HasSubstr("this one has 65712")));
  EXPECT_THAT(
      Evaluate(KeepingLease("art { size: 147 }")).evaluation().final_theta(),
      SizeIs(4 * 64827));
}

TEST(ShardRunnerTest, AWrongShardIsAFailure) {
  v1::Lease lease = WindowLease(0, 0);
  lease.clear_work();
  EXPECT_THAT(FailureOf(lease), HasSubstr("without work"));

  lease = WindowLease(0, 2);
  lease.mutable_window()->set_window(3);
  EXPECT_THAT(FailureOf(lease), HasSubstr("windows 0 to 2"));
  lease.mutable_window()->set_window(-1);
  EXPECT_THAT(FailureOf(lease), HasSubstr("windows 0 to 2"));
  lease.mutable_window()->set_window(1);
  EXPECT_THAT(FailureOf(lease), HasSubstr("3 phi versions"));
  lease = WindowLease(0, 0);
  lease.mutable_window()->set_lane(2);
  EXPECT_THAT(FailureOf(lease), HasSubstr("lanes 0 to 1"));

  lease = WindowLease(-1, 0);
  EXPECT_THAT(FailureOf(lease), HasSubstr("unroll -1"));
  // Unroll 5 is the first of the second stage, which has one window an unroll.
  lease = WindowLease(5, 1);
  v1::TrainingSpec& training = *lease.mutable_spec()->mutable_training();
  training.add_stages()->set_rounds(10);
  training.mutable_stages(0)->set_horizon(4);
  *training.add_stages() = training.stages(0);
  training.mutable_stages(1)->set_horizon(2);
  training.set_rounds(20);
  EXPECT_THAT(FailureOf(lease), HasSubstr("windows 0 to 0"));

  lease = SgdLease("lease");
  lease.mutable_evaluation()->set_steps(100'001);
  EXPECT_THAT(FailureOf(lease), HasSubstr("1 to 100000 steps"));
  lease = SgdLease("lease");
  lease.mutable_evaluation()->clear_rule();
  EXPECT_THAT(FailureOf(lease), HasSubstr("without a rule"));
  lease = SgdLease("lease");
  lease.mutable_evaluation()->clear_tasks_from();
  EXPECT_THAT(FailureOf(lease), HasSubstr("unknown kind"));
}

TEST(ShardRunnerTest, AServerOutOfReachIsNoFailureOfTheShard) {
  Runner runner;
  runner.server_error = absl::UnavailableError("refused");
  EXPECT_EQ(runner.runner().Run(WindowLease(0, 0)).status(),
            runner.server_error);
  runner.server_error = absl::CancelledError("stopping");
  EXPECT_EQ(runner.runner().Run(WindowLease(0, 0)).status(),
            runner.server_error);
}

// The phi stands for any memory that a shard takes: a task that is too large
// for every machine would stop a sanitizer.
TEST(ShardRunnerTest, TooLittleMemoryIsAFailureThatNamesTheShard) {
  ShardRunner runner(
      "/nonexistent", kLaneMemory,
      [](const v1::FetchPhiRequest& /*source*/)
          -> absl::StatusOr<v1::FetchPhiResponse> { throw std::bad_alloc(); });
  ASSERT_OK_AND_ASSIGN(const ShardOutcome window,
                       runner.Run(WindowLease(3, 2)));
  EXPECT_THAT(window.submission.failure(),
              HasSubstr("RESOURCE_EXHAUSTED: no memory for window 2 of unroll "
                        "3 in lane 1"));
  v1::Lease lease = WindowLease(0, 0);
  v1::EvaluationShard& shard = *lease.mutable_evaluation();
  shard.set_tasks_from(v1::EvaluationShard::VALIDATION);
  shard.set_task(5);
  shard.set_steps(4);
  shard.set_phi_version(0);
  ASSERT_OK_AND_ASSIGN(const ShardOutcome evaluation, runner.Run(lease));
  EXPECT_THAT(evaluation.submission.failure(),
              HasSubstr("no memory for task 5 of an evaluation"));
}

TEST(ShardRunnerTest, TakesPhiFromTheLeaseThatBringsIt) {
  const std::string fetched = Bits(Runner().Run(WindowLease(0, 0)));
  Runner out_of_reach;
  out_of_reach.server_error = absl::UnavailableError("no route to host");
  v1::Lease lease = WindowLease(0, 0);
  lease.set_phi(PhiAnswer(0).phi());
  EXPECT_EQ(Bits(out_of_reach.Run(lease)), fetched);
  // A lease without it, of another lane, finds it again.
  lease.clear_phi();
  lease.mutable_window()->set_lane(0);
  EXPECT_TRUE(out_of_reach.Run(lease).has_window());
}

TEST(ShardRunnerTest, AnUnknownPhiIsAFailure) {
  Runner runner;
  runner.server_error = absl::NotFoundError("no version 0 of run run");
  EXPECT_THAT(runner.Run(WindowLease(0, 0)).failure(),
              HasSubstr("no version 0 of run run"));
}

}  // namespace
}  // namespace metastep
