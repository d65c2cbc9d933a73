// What becomes of a run: its rounds, validations, trials and restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <string>
#include <vector>

#include "base/digest.h"
#include "rpc/float_bytes.h"
#include "server/coordinator.h"
#include "server/sqlite.h"
#include "tests/server/coordinator_fixture.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

using Response = v1::SubmitResultResponse;

TEST_F(CoordinatorTest, BadResultsAreRejectedWithAReason) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string worker = Register();
  Register();  // somebody is left who may try
  v1::SubmitResultRequest short_one =
      Result(worker, Lease(worker), std::vector<float>(kPhi + 1));
  ASSERT_OK_AND_ASSIGN(const Response response,
                       coordinator_->SubmitResult(short_one));
  EXPECT_EQ(response.disposition(), Response::REJECTED);
  EXPECT_THAT(response.message(), HasSubstr("has 12 bytes"));
  EXPECT_THAT(response.message(), HasSubstr("needs 8"));
}

TEST_F(CoordinatorTest, RunFailsWhenEveryWorkerFailedAShard) {
  const std::string run_id = Create(Spec(/*lanes=*/1, /*rounds=*/5));
  for (const std::string& worker : {Register(), Register()}) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(Submit(Result(worker, Lease(worker), {nan, 0})),
              Response::REJECTED);
  }
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_EQ(run.state(), v1::Run::FAILED);
  EXPECT_THAT(run.error(), HasSubstr("not finite"));
}

// Of two workers, the one that could have tried goes away first.
TEST_F(CoordinatorTest, RunFailsWhenTheLastWhoMayTryIsForgotten) {
  const std::string run_id = Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string leaving = Register();
  const std::string failing = Register();
  v1::SubmitResultRequest request;
  request.set_worker_id(failing);
  request.set_lease_id(Lease(failing).lease_id());
  request.set_failure("no data");
  Submit(request);
  EXPECT_EQ(coordinator_->GetRun(run_id)->state(), v1::Run::RUNNING);
  // 4 leases of silence are more than 3, 2 are not.
  clock_.Advance(2 * kLease);
  v1::HeartbeatRequest heartbeat;
  heartbeat.set_worker_id(failing);
  ASSERT_OK(coordinator_->Heartbeat(heartbeat));
  clock_.Advance(2 * kLease);
  coordinator_->Tick();
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_EQ(run.state(), v1::Run::FAILED);
  EXPECT_EQ(run.error(), "no data");
}

// What is left, shard 1, it may well be able to do.
TEST_F(CoordinatorTest, AFailureOfADoneShardFailsNoRun) {
  const std::string run_id = Create(Spec(/*lanes=*/2, /*rounds=*/5));
  const std::string leaving = Register();
  const std::string staying = Register();
  v1::SubmitResultRequest request;
  request.set_worker_id(staying);
  request.set_lease_id(Lease(staying).lease_id());
  request.set_failure("no memory");
  Submit(request);
  const v1::Lease again = Lease(leaving);
  EXPECT_EQ(again.shard(), 0);
  Submit(Result(leaving, again, {0, 0}));
  clock_.Advance(2 * kLease);
  v1::HeartbeatRequest heartbeat;
  heartbeat.set_worker_id(staying);
  ASSERT_OK(coordinator_->Heartbeat(heartbeat));
  clock_.Advance(2 * kLease);
  coordinator_->Tick();
  // The next job of the thread that would have failed it.
  ASSERT_OK_AND_ASSIGN(const v1::Run run, StartCancel(run_id).get());
  EXPECT_EQ(run.state(), v1::Run::CANCELLED);
}

TEST_F(CoordinatorTest, AFailureIsBounded) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string worker = Register();
  v1::SubmitResultRequest request;
  request.set_worker_id(worker);
  request.set_lease_id(Lease(worker).lease_id());
  request.set_failure(std::string(4097, 'x'));
  EXPECT_THAT(
      coordinator_->SubmitResult(request),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("4097 bytes")));
  request.set_failure("");
  EXPECT_THAT(
      coordinator_->SubmitResult(request),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 bytes")));
}

// SGD of rate 1e30 takes phi to -1e40, beyond float's 3.4e38. The other run
// shows that rounds still close.
TEST_F(CoordinatorTest, RunFailsWhenPhiOverflows) {
  v1::RunSpec spec = Spec(/*lanes=*/1, /*rounds=*/1);
  spec.mutable_training()
      ->mutable_outer()
      ->mutable_rule()
      ->mutable_sgd()
      ->set_learning_rate(1e30);
  const std::string run_id = Create(spec);
  const std::string worker = Register();
  Submit(Result(worker, Lease(worker), {1e10f, 0}));
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_EQ(run.state(), v1::Run::FAILED);
  EXPECT_THAT(run.error(), HasSubstr("round 1 made phi infinite or NaN"));
  Create(Spec(/*lanes=*/1, /*rounds=*/5), "other");
  Submit(Result(worker, Lease(worker), {0, 0}));
  EXPECT_EQ(Lease(worker).round(), 1);
}

TEST_F(CoordinatorTest, PublishesTheBestValidatedPhi) {
  v1::RunSpec spec = Spec(/*lanes=*/1, /*rounds=*/2);
  spec.mutable_training()->mutable_validation()->set_every_rounds(1);
  const std::string run_id = Create(spec);
  const std::string worker = Register();
  // phi_1 = -(1, 1) with validation loss 5; phi_2 = -(3, 3) with 7.
  for (const float gradient : {1.0f, 2.0f}) {
    Submit(Result(worker, Lease(worker), {gradient, gradient}));
    const v1::Lease validation = Lease(worker);
    ASSERT_TRUE(validation.has_evaluation());
    Submit(Result(worker, validation, {gradient == 1 ? 5.0f : 7.0f}));
  }
  const v1::Run run = AwaitEnd(run_id);
  ASSERT_EQ(run.state(), v1::Run::SUCCEEDED) << run.error();
  EXPECT_EQ(run.model().name(), "toy");
  EXPECT_EQ(run.model().version(), 1);
  EXPECT_EQ(run.model().phi_version(), 1);
  EXPECT_EQ(run.model().phi_sha256(), PhiSha256(std::vector<float>{-1, -1}));
  EXPECT_EQ(run.phi_sha256(), PhiSha256(std::vector<float>{-3, -3}));
}

// Two trials of one round and one lane.
v1::RunSpec SearchSpec() {
  v1::RunSpec spec = Spec(/*lanes=*/1, /*rounds=*/1);
  v1::SearchSpec& search = *spec.mutable_training()->mutable_search();
  search.set_trials(2);
  search.set_min_learning_rate(0.01);
  search.set_max_learning_rate(0.1);
  return spec;
}

// The trials' round under gradient (1, 1) and their validation, of which the
// second trial's is better. The server is killed after each result.
TEST_F(CoordinatorTest, ASearchPublishesItsBestTrial) {
  const std::string run_id = Create(SearchSpec());
  for (int shard = 0; shard < 4; ++shard) {
    const std::string worker = Register();
    const v1::Lease lease = Lease(worker);
    const bool second = lease.run_id() == run_id + "-trial-1";
    const float loss = second ? 0.25f : 0.5f;
    Submit(Result(worker, lease,
                  lease.has_window() ? std::vector<float>{1, 1}
                                     : std::vector<float>{loss}));
    if (lease.has_window()) {
      EXPECT_EQ(coordinator_->GetRun(run_id)->state(), v1::Run::RUNNING);
      // The trial's validation is its next phase.
      ASSERT_OK(coordinator_->GetRun(lease.run_id()));
    } else {
      EXPECT_EQ(AwaitEnd(lease.run_id()).state(), v1::Run::SUCCEEDED);
    }
    Open();
  }
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_EQ(run.state(), v1::Run::SUCCEEDED);
  EXPECT_EQ(run.done(), 2);
  ASSERT_EQ(run.trials_size(), 2);
  EXPECT_EQ(run.trials(0).best_validation().final_loss(), 0.5);
  EXPECT_EQ(run.best_validation().final_loss(), 0.25);
  EXPECT_EQ(run.model().name(), "toy");
  EXPECT_EQ(run.model().run_id(), run_id + "-trial-1");
  v1::ModelRef ref;
  ref.set_name("toy");
  ASSERT_OK_AND_ASSIGN(const auto model, registry_->Resolve(ref));
  // phi_1 = 0 - rate * (1, 1).
  EXPECT_FLOAT_EQ(model->phi[0],
                  -static_cast<float>(run.trials(1).learning_rate()));
  // Trials publish nothing.
  ref.set_name("toy-trial-1");
  EXPECT_FALSE(registry_->Resolve(ref).ok());
}

TEST_F(CoordinatorTest, ASearchWithoutASuccessFails) {
  const std::string run_id = Create(SearchSpec());
  const std::string worker = Register();
  for (int trial = 0; trial < 2; ++trial) {
    const v1::Lease lease = Lease(worker);
    Submit(Result(worker, lease, {NAN, 0}));
    EXPECT_EQ(AwaitEnd(lease.run_id()).state(), v1::Run::FAILED);
  }
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_EQ(run.state(), v1::Run::FAILED);
  EXPECT_THAT(run.error(), HasSubstr("not finite"));
}

TEST_F(CoordinatorTest, CancellingASearchCancelsItsTrials) {
  const std::string run_id = Create(SearchSpec());
  ASSERT_OK_AND_ASSIGN(const v1::Run run, StartCancel(run_id).get());
  EXPECT_EQ(run.state(), v1::Run::CANCELLED);
  for (const v1::Trial& trial : run.trials()) {
    EXPECT_EQ(trial.state(), v1::Run::CANCELLED);
    EXPECT_EQ(coordinator_->GetRun(trial.run_id())->state(),
              v1::Run::CANCELLED);
  }
  Open();
  EXPECT_EQ(coordinator_->GetRun(run_id)->state(), v1::Run::CANCELLED);
}

TEST_F(CoordinatorTest, StopsEarlyWithoutABetterValidation) {
  v1::RunSpec spec = Spec(/*lanes=*/1, /*rounds=*/50);
  spec.mutable_training()->mutable_validation()->set_every_rounds(1);
  spec.mutable_training()->mutable_validation()->set_patience(2);
  const std::string run_id = Create(spec);
  const std::string worker = Register();
  // The first is the best; two worse ones end the run after three rounds.
  for (const float loss : {1.0f, 2.0f, 3.0f}) {
    Submit(Result(worker, Lease(worker), {0, 0}));
    Submit(Result(worker, Lease(worker), {loss}));
  }
  EXPECT_EQ(AwaitEnd(run_id).done(), 3);
}

TEST_F(CoordinatorTest, RestartRepeatsTheOpenRoundOnly) {
  const std::string run_id = Create(Spec(/*lanes=*/2, /*rounds=*/5));
  std::string worker = Register();
  Submit(Result(worker, Lease(worker), {1, 0}));
  Submit(Result(worker, Lease(worker), {1, 0}));
  const v1::Lease open = Lease(worker);
  ASSERT_EQ(open.round(), 1);
  Submit(Result(worker, open, {1, 0}));
  Open();
  EXPECT_EQ(Submit(Result(worker, open, {1, 0})), Response::LEASE_EXPIRED);
  worker = Register();
  const v1::Lease again = Lease(worker);
  EXPECT_EQ(again.round(), 1);
  EXPECT_EQ(again.window().lane(), 0);
  EXPECT_THAT(again.window().phi_versions(), ElementsAre(0, 1));
}

// Stages of 3 and 2 rounds with 2 and 3 windows an unroll: (unroll, window) is
// (0, 0), (0, 1), (1, 0), then (2, 0), (2, 1). The server is killed before each
// round.
TEST_F(CoordinatorTest, AStageBeginsWithFreshUnrolls) {
  v1::RunSpec spec = Spec(/*lanes=*/1, /*rounds=*/5);
  spec.mutable_training()->add_stages()->set_rounds(3);
  v1::StageSpec& second = *spec.mutable_training()->add_stages();
  second.set_rounds(2);
  second.set_horizon(6);
  Create(spec);
  std::vector<std::vector<int64_t>> versions;
  std::vector<std::pair<int64_t, int>> places;
  for (int round = 0; round < 5; ++round) {
    Open();
    const std::string worker = Register();
    const v1::Lease lease = Lease(worker);
    const auto& used = lease.window().phi_versions();
    versions.emplace_back(used.begin(), used.end());
    places.emplace_back(lease.window().unroll(), lease.window().window());
    Submit(Result(worker, lease, {1, 0}));
    Lease(worker);  // the next phase is open, but the round may not be on disk
    coordinator_->Stop();
  }
  EXPECT_THAT(places, ElementsAre(Pair(0, 0), Pair(0, 1), Pair(1, 0),
                                  Pair(2, 0), Pair(2, 1)));
  EXPECT_THAT(versions,
              ElementsAre(ElementsAre(0), ElementsAre(0, 1), ElementsAre(2),
                          ElementsAre(3), ElementsAre(3, 4)));
}

TEST_F(CoordinatorTest, TheNextRoundIsComputedWhileTheDiskTakesTheLast) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string worker = Register();
  const v1::Lease round0 = Lease(worker);
  ASSERT_OK_AND_ASSIGN(const auto disk, Sqlite::Open(folder_ / "runs.db"));
  ASSERT_OK(disk->Execute("BEGIN IMMEDIATE"));  // nobody else can write
  Submit(Result(worker, round0, {1, 1}));
  const v1::Lease round1 = Lease(worker);
  EXPECT_EQ(round1.round(), 1);
  // But no further: round 1 closes when round 0 is on disk.
  Submit(Result(worker, round1, {1, 1}));
  auto waiting = StartLease(worker);
  EXPECT_NE(waiting.wait_for(std::chrono::seconds(0)),
            std::future_status::ready);
  ASSERT_OK(disk->Execute("ROLLBACK"));
  EXPECT_EQ(waiting.get()->lease().round(), 2);
}

TEST_F(CoordinatorTest, AWatchThatBeginsAfterTheStopIsTurnedAway) {
  const std::string run_id = Create(Spec(/*lanes=*/1, /*rounds=*/5));
  coordinator_->Stop();
  absl::StatusOr<v1::Run> answer;
  const auto keep = [&](absl::StatusOr<v1::Run> run, int64_t) {
    answer = std::move(run);
  };
  coordinator_->WatchRun(run_id, /*seen=*/0, keep);
  EXPECT_EQ(answer->state(), v1::Run::RUNNING);
  coordinator_->WatchRun(run_id, /*seen=*/1, keep);
  EXPECT_THAT(answer,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopping")));
}

// Each spec has 4,001 weights of 8 bytes: 33 pages' runs are above 1 MiB.
TEST_F(CoordinatorTest, APageOfRunsEndsEarlyWhenTheyAreLarge) {
  v1::RunSpec spec = Spec(/*lanes=*/1, /*rounds=*/1);
  v1::UnrollSpec& unroll = *spec.mutable_training()->mutable_unroll();
  unroll.set_horizon(4000);
  unroll.mutable_loss_weights()->Resize(4001, 0.5);
  for (int i = 0; i < 40; ++i) Create(spec, absl::StrCat("r", i));
  v1::ListRunsRequest request;
  ASSERT_OK_AND_ASSIGN(const auto page, coordinator_->ListRuns(request));
  EXPECT_EQ(page.runs_size(), 33);
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(const auto rest, coordinator_->ListRuns(request));
  EXPECT_EQ(rest.runs_size(), 7);
  EXPECT_EQ(rest.next_page_token(), "");
}

TEST_F(CoordinatorTest, TheLastPageOfRunsHasNoToken) {
  Create(Spec(1, 5), "a");
  Create(Spec(1, 5), "b");
  v1::ListRunsRequest runs;
  runs.set_page_size(2);
  EXPECT_EQ(coordinator_->ListRuns(runs)->next_page_token(), "");
  runs.set_page_size(1);
  EXPECT_NE(coordinator_->ListRuns(runs)->next_page_token(), "");
}

TEST_F(CoordinatorTest, TheLastPageOfRoundsHasNoToken) {
  const std::string run_id = Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string worker = Register();
  for (int round = 0; round < 2; ++round) {
    Submit(Result(worker, Lease(worker), {0, 0}));
  }
  // By the thread that has committed both rounds before.
  ASSERT_OK(StartCancel(run_id).get().status());
  v1::ListRoundsRequest rounds;
  rounds.set_run_id(run_id);
  rounds.set_page_size(2);
  EXPECT_EQ(coordinator_->ListRounds(rounds)->next_page_token(), "");
  rounds.set_page_size(1);
  EXPECT_EQ(coordinator_->ListRounds(rounds)->next_page_token(), "1");
}

TEST_F(CoordinatorTest, CreateIsIdempotentByRequest) {
  const v1::RunSpec spec = Spec(1, 5);
  const std::string run_id = Create(spec, "same");
  EXPECT_EQ(Create(spec, "same"), run_id);
  EXPECT_NE(Create(spec, "other"), run_id);
  v1::CreateRunRequest changed;
  changed.set_request_id("same");
  *changed.mutable_spec() = Spec(2, 5);
  EXPECT_THAT(coordinator_->CreateRun(changed),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(run_id)));
}

TEST_F(CoordinatorTest, CancelledRunIsStaleForItsWorkers) {
  const std::string run_id = Create(Spec(1, 5));
  const std::string worker = Register();
  const v1::Lease lease = Lease(worker);
  ASSERT_OK_AND_ASSIGN(const v1::Run run, StartCancel(run_id).get());
  EXPECT_EQ(run.state(), v1::Run::CANCELLED);
  EXPECT_EQ(Submit(Result(worker, lease, {1, 1})), Response::STALE);
  EXPECT_OK(StartCancel(run_id).get());
}

TEST_F(CoordinatorTest, CancellingHoldsNoThreadWhileTheDiskIsStuck) {
  const std::string run_id = Create(Spec(1, 5));
  ASSERT_OK_AND_ASSIGN(const auto disk, Sqlite::Open(folder_ / "runs.db"));
  ASSERT_OK(disk->Execute("BEGIN IMMEDIATE"));  // nobody else can write
  auto cancelled = StartCancel(run_id);
  EXPECT_NE(cancelled.wait_for(std::chrono::seconds(0)),
            std::future_status::ready);
  ASSERT_OK(disk->Execute("ROLLBACK"));
  EXPECT_EQ(cancelled.get()->state(), v1::Run::CANCELLED);
}

// Two entries on two tasks of three steps.
v1::RunSpec EvaluationSpec() {
  return Parse(R"(
    name: "eval"
    task { square {} }
    evaluation {
      entries { label: "slow" hand_designed { sgd { learning_rate: 0.25 } } }
      entries { label: "fast" hand_designed { sgd { learning_rate: 0.5 } } }
      tasks: 2
      steps: 3
    })");
}

TEST_F(CoordinatorTest, EvaluationReturnsACurveForEachEntry) {
  const std::string run_id = Create(EvaluationSpec());
  const std::string worker = Register();
  for (int i = 0; i < 4; ++i) {
    const v1::Lease lease = Lease(worker);
    const float loss =
        lease.evaluation().hand_designed().sgd().learning_rate() == 0.25
            ? 4.0f + static_cast<float>(lease.evaluation().task())
            : 1.0f;
    Submit(Result(worker, lease, {loss}));
  }
  const v1::Run run = AwaitEnd(run_id);
  ASSERT_EQ(run.curves_size(), 2);
  EXPECT_EQ(run.curves(0).label(), "slow");
  // Tasks 0 and 1 stay at 4 and 5 for three steps: sums 12 and 15, mean 4.5.
  EXPECT_THAT(run.curves(0).sums_of_losses(), ElementsAre(12, 15));
  EXPECT_THAT(run.curves(0).loss(), ElementsAre(4.5, 4.5, 4.5, 4.5));
  EXPECT_THAT(run.curves(1).final_losses(), ElementsAre(1, 1));
}

TEST_F(CoordinatorTest, RestartKeepsAnEvaluationsResults) {
  const std::string run_id = Create(EvaluationSpec());
  std::string worker = Register();
  for (const float loss : {1.0f, 2.0f, 3.0f}) {
    Submit(Result(worker, Lease(worker), {loss}));
  }
  Open();
  EXPECT_EQ(coordinator_->GetRun(run_id)->done(), 3);
  worker = Register();
  const v1::Lease missing = Lease(worker);
  ASSERT_EQ(missing.shard(), 3);
  Submit(Result(worker, missing, {4}));
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_THAT(run.curves(0).final_losses(), ElementsAre(1, 2));
  EXPECT_THAT(run.curves(1).final_losses(), ElementsAre(3, 4));
}

// The server is killed when all results are stored and the end is not.
TEST_F(CoordinatorTest, AnEvaluationWithAllResultsEndsAfterARestart) {
  const std::string run_id = Create(EvaluationSpec());
  std::vector<RunStore::ShardResult> results;
  for (int shard = 0; shard < 4; ++shard) {
    RunStore::ShardResult& result = results.emplace_back();
    result.shard = shard;
    for (int step = 0; step <= 3; ++step) result.result.add_losses(shard);
  }
  ASSERT_OK(store_->Keep(run_id, results));
  Open();
  const v1::Run run = AwaitEnd(run_id);
  EXPECT_EQ(run.state(), v1::Run::SUCCEEDED);
  EXPECT_THAT(run.curves(1).final_losses(), ElementsAre(2, 3));
}

// Task 0's theta is two floats, the entry's rate.
TEST_F(CoordinatorTest, KeptThetasAreInTheRunsCurvesAfterARestartToo) {
  v1::RunSpec spec = EvaluationSpec();
  spec.mutable_evaluation()->set_keep_theta(true);
  const std::string run_id = Create(spec);
  const std::string worker = Register();
  for (int i = 0; i < 4; ++i) {
    const v1::Lease lease = Lease(worker);
    EXPECT_TRUE(lease.spec().evaluation().keep_theta());
    v1::SubmitResultRequest result = Result(worker, lease, {1});
    const auto rate = static_cast<float>(
        lease.evaluation().hand_designed().sgd().learning_rate());
    if (lease.evaluation().task() == 0) {
      result.mutable_evaluation()->set_final_theta(FloatsToBytes({rate, rate}));
    }
    EXPECT_EQ(Submit(result), Response::ACCEPTED);
  }
  AwaitEnd(run_id);
  Open();
  ASSERT_OK_AND_ASSIGN(const v1::Run run, coordinator_->GetRun(run_id));
  ASSERT_EQ(run.curves_size(), 2);
  EXPECT_THAT(FloatsFromBytes(run.curves(0).final_theta()),
              ElementsAre(0.25, 0.25));
  EXPECT_THAT(FloatsFromBytes(run.curves(1).final_theta()),
              ElementsAre(0.5, 0.5));
}

}  // namespace
}  // namespace metastep
