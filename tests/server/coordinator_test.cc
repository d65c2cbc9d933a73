#include "server/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cmath>
#include <filesystem>
#include <future>
#include <limits>

#include "base/digest.h"
#include "base/version.h"
#include "google/protobuf/util/time_util.h"
#include "optimizer/run_spec.h"
#include "rpc/float_bytes.h"
#include "server/sqlite.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using google::protobuf::util::TimeUtil;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Response = v1::SubmitResultResponse;

constexpr absl::Duration kLease = absl::Seconds(10);
// Phi of the rule in Spec(): one weight and one bias.
constexpr size_t kPhi = 2;
constexpr int kWindow = 2;

// x^2 under a linear rule; SGD of rate 1 as outer rule, so that phi is minus
// the sum of the mean meta-gradients.
v1::RunSpec Spec(int lanes, int rounds) {
  auto spec = ParseRunSpec(R"(
    name: "toy"
    task { square {} }
    training {
      rules { name: "linear" rule { lstm { initialization: ZEROS } } }
      unroll { horizon: 4 window: 2 }
      outer { rule { sgd { learning_rate: 1 } } }
      validation { tasks: 1 }
    })");
  EXPECT_OK(spec);
  spec->mutable_training()->set_lanes(lanes);
  spec->mutable_training()->set_rounds(rounds);
  spec->mutable_training()->mutable_validation()->set_every_rounds(rounds);
  return *spec;
}

// The state of a lane before window 1 of its first unroll.
v1::LaneHandle Held(const std::string& run_id, int lane) {
  v1::LaneHandle held;
  held.set_run_id(run_id);
  held.set_lane(lane);
  held.set_window(1);
  return held;
}

// Drives the coordinator as workers would, with results of the test's choice.
class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest()
      : dir_(std::filesystem::path(testing::TempDir()) / RandomId()) {
    std::filesystem::create_directories(dir_);
    Open();
  }
  ~CoordinatorTest() override {
    coordinator_.reset();
    std::filesystem::remove_all(dir_);
  }

  // Starts from what is on disk, as after a crash.
  void Open() {
    coordinator_.reset();
    auto store = RunStore::Open(dir_ / "runs.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
    auto registry = ModelRegistry::Open(dir_ / "models", clock_);
    EXPECT_OK(registry);
    registry_ = *std::move(registry);
    auto coordinator = Coordinator::Create({.lease_duration = kLease}, clock_,
                                           *store_, *registry_, metrics_);
    EXPECT_OK(coordinator);
    coordinator_ = *std::move(coordinator);
  }

  std::string Register() {
    v1::RegisterWorkerRequest request;
    request.set_name("test");
    request.set_slots(1);
    request.set_version(kVersion);
    auto response = coordinator_->RegisterWorker(request);
    EXPECT_OK(response);
    return response->worker_id();
  }

  std::string Create(const v1::RunSpec& spec,
                     const std::string& request_id = "r") {
    v1::CreateRunRequest request;
    request.set_request_id(request_id);
    *request.mutable_spec() = spec;
    auto run = coordinator_->CreateRun(request);
    EXPECT_OK(run);
    return run->run_id();
  }

  // Asks for a shard and waits until the coordinator answers; the simulated
  // clock does not let the wait run out by itself.
  v1::Lease Lease(const std::string& worker_id,
                  const std::vector<v1::LaneHandle>& held = {}) {
    return StartLease(worker_id, held).get()->lease();
  }
  std::future<absl::StatusOr<v1::LeaseShardResponse>> StartLease(
      const std::string& worker_id,
      const std::vector<v1::LaneHandle>& held = {}) {
    v1::LeaseShardRequest request;
    request.set_worker_id(worker_id);
    *request.mutable_wait() = TimeUtil::SecondsToDuration(5);
    request.mutable_held()->mutable_lanes()->Assign(held.begin(), held.end());
    auto answer = std::make_shared<
        std::promise<absl::StatusOr<v1::LeaseShardResponse>>>();
    auto future = answer->get_future();
    coordinator_->LeaseShard(
        request, [answer](absl::StatusOr<v1::LeaseShardResponse> response) {
          answer->set_value(std::move(response));
        });
    return future;
  }

  static v1::SubmitResultRequest Result(const std::string& worker_id,
                                        const v1::Lease& lease,
                                        std::vector<float> gradient) {
    v1::SubmitResultRequest request;
    request.set_worker_id(worker_id);
    request.set_lease_id(lease.lease_id());
    if (lease.has_window()) {
      request.mutable_window()->set_meta_gradient(FloatsToBytes(gradient));
      for (int i = 0; i <= kWindow; ++i)
        request.mutable_window()->add_losses(1);
    } else {
      for (int i = 0; i <= lease.evaluation().steps(); ++i) {
        request.mutable_evaluation()->add_losses(gradient[0]);
      }
    }
    return request;
  }
  Response::Disposition Submit(v1::SubmitResultRequest request) {
    auto response = coordinator_->SubmitResult(std::move(request));
    EXPECT_OK(response);
    return response->disposition();
  }
  // Submits and asks for the next lease, as a worker that holds these lanes.
  Response SubmitAndAsk(v1::SubmitResultRequest request,
                        const std::vector<v1::LaneHandle>& held = {}) {
    request.mutable_next()->mutable_lanes()->Assign(held.begin(), held.end());
    auto response = coordinator_->SubmitResult(request);
    EXPECT_OK(response);
    return *response;
  }
  std::future<v1::Run> Watch(const std::string& run_id, int64_t seen) {
    auto answer = std::make_shared<std::promise<v1::Run>>();
    auto future = answer->get_future();
    coordinator_->WatchRun(run_id, seen,
                           [answer](absl::StatusOr<v1::Run> run, int64_t) {
                             answer->set_value(run.ok() ? *run : v1::Run());
                           });
    return future;
  }
  // The run at the end, waiting for it.
  v1::Run AwaitEnd(const std::string& run_id) {
    return Watch(run_id, INT64_MAX - 1).get();
  }

  const std::filesystem::path dir_;
  SimulatedClock clock_;
  prometheus::Registry prometheus_;
  CoordinatorMetrics metrics_{prometheus_};
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<Coordinator> coordinator_;
};

TEST_F(CoordinatorTest, LeasesEachLaneOnceAndClosesTheRound) {
  const std::string run_id = Create(Spec(/*lanes=*/2, /*rounds=*/5));
  const std::string worker = Register();
  const v1::Lease a = Lease(worker);
  const v1::Lease b = Lease(worker);
  EXPECT_EQ(a.window().lane(), 0);
  EXPECT_EQ(b.window().lane(), 1);
  EXPECT_THAT(a.window().phi_versions(), ElementsAre(0));
  EXPECT_EQ(Submit(Result(worker, b, {1, 2})), Response::ACCEPTED);
  EXPECT_EQ(Submit(Result(worker, a, {3, 6})), Response::ACCEPTED);

  // The next round's first lease tells that this one closed.
  const v1::Lease next = Lease(worker);
  EXPECT_EQ(next.round(), 1);
  EXPECT_EQ(next.window().window(), 1);
  EXPECT_THAT(next.window().phi_versions(), ElementsAre(0, 1));
  // phi_1 = 0 - mean((1, 2), (3, 6)) = (-2, -4).
  v1::FetchPhiRequest fetch;
  fetch.mutable_run()->set_run_id(run_id);
  fetch.mutable_run()->set_phi_version(1);
  ASSERT_OK_AND_ASSIGN(const auto phi, coordinator_->FetchPhi(fetch));
  EXPECT_THAT(FloatsFromBytes(phi.phi()), ElementsAre(-2, -4));
}

TEST_F(CoordinatorTest, PendingShardsAreThoseNotDone) {
  Create(Spec(/*lanes=*/2, /*rounds=*/5));
  const std::string worker = Register();
  const v1::Lease first = Lease(worker);
  coordinator_->Tick();
  EXPECT_EQ(metrics_.pending_shards.Value(), 2);
  Submit(Result(worker, first, {1, 2}));
  coordinator_->Tick();
  EXPECT_EQ(metrics_.pending_shards.Value(), 1);
}

TEST_F(CoordinatorTest, LateAndRepeatedResultsAreAnsweredAndNotCounted) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string slow = Register();
  const std::string quick = Register();
  const v1::Lease lost = Lease(slow);
  clock_.Advance(kLease);
  coordinator_->Tick();
  const v1::Lease again = Lease(quick);
  EXPECT_EQ(again.window().lane(), lost.window().lane());
  EXPECT_EQ(Submit(Result(slow, lost, {9, 9})), Response::LEASE_EXPIRED);
  EXPECT_EQ(Submit(Result(quick, again, {1, 2})), Response::ACCEPTED);
  EXPECT_EQ(Submit(Result(quick, again, {1, 2})), Response::DUPLICATE);
  EXPECT_EQ(metrics_.lease_expiries.Value(), 1);
}

TEST_F(CoordinatorTest, HeartbeatsKeepALeaseAlive) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string worker = Register();
  const v1::Lease lease = Lease(worker);
  v1::HeartbeatRequest beat;
  beat.set_worker_id(worker);
  beat.add_lease_ids(lease.lease_id());
  beat.add_lease_ids("never given");
  for (int i = 0; i < 4; ++i) {
    clock_.Advance(kLease / 2);
    ASSERT_OK_AND_ASSIGN(const auto response, coordinator_->Heartbeat(beat));
    EXPECT_THAT(response.lost_lease_ids(), ElementsAre("never given"));
    coordinator_->Tick();
  }
  EXPECT_EQ(Submit(Result(worker, lease, {1, 2})), Response::ACCEPTED);
}

TEST_F(CoordinatorTest, SilentWorkerIsForgotten) {
  const std::string worker = Register();
  clock_.Advance(3 * kLease + absl::Seconds(1));
  coordinator_->Tick();
  v1::HeartbeatRequest beat;
  beat.set_worker_id(worker);
  EXPECT_THAT(coordinator_->Heartbeat(beat),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("register")));
}

TEST_F(CoordinatorTest, WarmLaneGoesToItsHolderAndToAnotherAfterTheHold) {
  const std::string run_id = Create(Spec(/*lanes=*/2, /*rounds=*/5));
  const std::string a = Register();
  const std::string b = Register();
  const v1::Lease lane0 = Lease(a);
  const v1::Lease lane1 = Lease(b);
  Submit(Result(a, lane0, {0, 0}));
  Submit(Result(b, lane1, {0, 0}));
  // b asks first and still gets the lane it holds.
  EXPECT_EQ(Lease(b, {Held(run_id, 1)}).window().lane(), 1);
  // Lane 0 is a's; b waits for it until the hold (a tenth of the lease) is
  // over.
  auto waiting = StartLease(b);
  coordinator_->Tick();
  EXPECT_NE(waiting.wait_for(std::chrono::seconds(0)),
            std::future_status::ready);
  clock_.Advance(kLease / 10);
  coordinator_->Tick();
  EXPECT_EQ(waiting.get()->lease().window().lane(), 0);
}

TEST_F(CoordinatorTest, AnswerCarriesTheNextLeaseToAWorkerThatAsks) {
  Create(Spec(/*lanes=*/3, /*rounds=*/5));
  const std::string worker = Register();
  const v1::Lease lane0 = Lease(worker);
  const Response first = SubmitAndAsk(Result(worker, lane0, {0, 0}));
  EXPECT_EQ(first.disposition(), Response::ACCEPTED);
  ASSERT_TRUE(first.has_next_lease());
  EXPECT_EQ(first.next_lease().window().lane(), 1);
  ASSERT_OK_AND_ASSIGN(
      const Response second,
      coordinator_->SubmitResult(Result(worker, first.next_lease(), {0, 0})));
  EXPECT_FALSE(second.has_next_lease());  // it did not ask
  // The round's last shard: there is nothing to carry, and nothing is waited
  // for.
  EXPECT_FALSE(
      SubmitAndAsk(Result(worker, Lease(worker), {0, 0})).has_next_lease());
  EXPECT_EQ(Lease(worker).round(), 1);
}

TEST_F(CoordinatorTest, NobodyIsCarriedALeaseThatAnotherWaitsFor) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string leaving = Register();
  const v1::Lease lease = Lease(leaving);
  auto waiting = StartLease(Register());
  v1::SubmitResultRequest hand_back;
  hand_back.set_worker_id(leaving);
  hand_back.set_lease_id(lease.lease_id());
  hand_back.mutable_hand_back();
  EXPECT_FALSE(SubmitAndAsk(hand_back).has_next_lease());
  EXPECT_EQ(waiting.get()->lease().shard(), lease.shard());
}

TEST_F(CoordinatorTest, RepeatedSubmissionIsCarriedTheSameLease) {
  Create(Spec(/*lanes=*/3, /*rounds=*/5));
  const std::string worker = Register();
  const auto lane0 = Result(worker, Lease(worker), {0, 0});
  const v1::Lease lost = SubmitAndAsk(lane0).next_lease();
  const Response again = SubmitAndAsk(lane0);
  EXPECT_EQ(again.disposition(), Response::DUPLICATE);
  EXPECT_EQ(again.next_lease().lease_id(), lost.lease_id());
  EXPECT_EQ(again.next_lease().window().lane(), 1);
  EXPECT_EQ(metrics_.leases.Value(), 2);
  // Once that lease has ended, a repetition is carried a new one.
  Submit(Result(worker, lost, {0, 0}));
  EXPECT_EQ(SubmitAndAsk(lane0).next_lease().window().lane(), 2);
}

TEST_F(CoordinatorTest, CarriedLeaseExpiresLikeAnyOther) {
  Create(Spec(/*lanes=*/2, /*rounds=*/5));
  const std::string worker = Register();
  const auto lane0 = Result(worker, Lease(worker), {0, 0});
  const v1::Lease carried = SubmitAndAsk(lane0).next_lease();
  clock_.Advance(kLease);
  coordinator_->Tick();
  const Response again = SubmitAndAsk(lane0);
  EXPECT_EQ(again.next_lease().shard(), carried.shard());
  EXPECT_NE(again.next_lease().lease_id(), carried.lease_id());
}

TEST_F(CoordinatorTest, CarriedLeasesKeepToTheWarmLanes) {
  const std::string run_id = Create(Spec(/*lanes=*/3, /*rounds=*/5));
  const std::string a = Register();
  const std::string b = Register();
  const v1::Lease lane0 = Lease(a);
  const v1::Lease lane1 = Lease(b);
  const v1::Lease lane2 = SubmitAndAsk(Result(a, lane0, {0, 0})).next_lease();
  SubmitAndAsk(Result(b, lane1, {0, 0}));
  SubmitAndAsk(Result(a, lane2, {0, 0}), {Held(run_id, 0)});
  // a holds lanes 0 and 2, b lane 1: a is carried from 0 to 2, and then none.
  const v1::Lease warm = Lease(a, {Held(run_id, 0), Held(run_id, 2)});
  ASSERT_EQ(warm.round(), 1);
  EXPECT_EQ(warm.window().lane(), 0);
  const v1::Lease next =
      SubmitAndAsk(Result(a, warm, {0, 0}), {Held(run_id, 2)}).next_lease();
  EXPECT_EQ(next.window().lane(), 2);
  EXPECT_FALSE(SubmitAndAsk(Result(a, next, {0, 0})).has_next_lease());
  EXPECT_EQ(Lease(b, {Held(run_id, 1)}).window().lane(), 1);
}

TEST_F(CoordinatorTest, FirstLeaseOfARoundBringsPhi) {
  Create(Spec(/*lanes=*/3, /*rounds=*/5));
  const std::string a = Register();
  const std::string b = Register();
  const v1::Lease first = Lease(a);
  EXPECT_THAT(FloatsFromBytes(first.phi()), ElementsAre(0, 0));
  EXPECT_THAT(FloatsFromBytes(Lease(b).phi()), ElementsAre(0, 0));
  EXPECT_EQ(SubmitAndAsk(Result(a, first, {0, 0})).next_lease().phi(), "");
  EXPECT_EQ(metrics_.sent_bytes.Value(), 2 * kPhi * sizeof(float));
}

TEST_F(CoordinatorTest, HandedBackShardGoesToAnotherAtOnce) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string leaving = Register();
  const std::string staying = Register();
  const v1::Lease lease = Lease(leaving);
  auto waiting = StartLease(staying);
  v1::SubmitResultRequest request;
  request.set_worker_id(leaving);
  request.set_lease_id(lease.lease_id());
  request.mutable_hand_back();
  EXPECT_EQ(Submit(std::move(request)), Response::RELEASED);
  EXPECT_EQ(waiting.get()->lease().shard(), lease.shard());
}

TEST_F(CoordinatorTest, BadResultsAreRejectedWithAReason) {
  Create(Spec(/*lanes=*/1, /*rounds=*/5));
  const std::string worker = Register();
  Register();  // somebody is left who may try
  v1::SubmitResultRequest short_one =
      Result(worker, Lease(worker), std::vector<float>(kPhi + 1));
  ASSERT_OK_AND_ASSIGN(const Response response,
                       coordinator_->SubmitResult(std::move(short_one)));
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
  ASSERT_OK_AND_ASSIGN(const v1::Run run, coordinator_->CancelRun(run_id));
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
  ASSERT_OK_AND_ASSIGN(const auto disk, Sqlite::Open(dir_ / "runs.db"));
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

TEST_F(CoordinatorTest, RunsShareTheWorkersEvenly) {
  const std::string a = Create(Spec(/*lanes=*/4, /*rounds=*/5), "a");
  const std::string b = Create(Spec(/*lanes=*/4, /*rounds=*/5), "b");
  const std::string worker = Register();
  std::map<std::string, int> leases;
  for (int i = 0; i < 6; ++i) ++leases[Lease(worker).run_id()];
  EXPECT_THAT(leases, ElementsAre(testing::Pair(testing::_, 3),
                                  testing::Pair(testing::_, 3)));
}

TEST_F(CoordinatorTest, CarriedLeasesShareTheWorkersEvenly) {
  Create(Spec(/*lanes=*/4, /*rounds=*/5), "a");
  Create(Spec(/*lanes=*/4, /*rounds=*/5), "b");
  const std::string worker = Register();
  std::map<std::string, int> leases;
  v1::Lease lease = Lease(worker);
  for (int i = 0; i < 6; ++i) {
    ++leases[lease.run_id()];
    lease = SubmitAndAsk(Result(worker, lease, {0, 0})).next_lease();
  }
  EXPECT_THAT(leases, ElementsAre(testing::Pair(testing::_, 3),
                                  testing::Pair(testing::_, 3)));
}

TEST_F(CoordinatorTest, CancelledRunIsStaleForItsWorkers) {
  const std::string run_id = Create(Spec(1, 5));
  const std::string worker = Register();
  const v1::Lease lease = Lease(worker);
  ASSERT_OK_AND_ASSIGN(const v1::Run run, coordinator_->CancelRun(run_id));
  EXPECT_EQ(run.state(), v1::Run::CANCELLED);
  EXPECT_EQ(Submit(Result(worker, lease, {1, 1})), Response::STALE);
  EXPECT_OK(coordinator_->CancelRun(run_id));
}

TEST_F(CoordinatorTest, EvaluationReturnsACurveForEachEntry) {
  auto spec = ParseRunSpec(R"(
    name: "eval"
    task { square {} }
    evaluation {
      entries { label: "slow" hand_designed { sgd { learning_rate: 0.1 } } }
      entries { label: "fast" hand_designed { sgd { learning_rate: 0.4 } } }
      tasks: 2
      steps: 3
    })");
  ASSERT_OK(spec);
  const std::string run_id = Create(*spec);
  const std::string worker = Register();
  for (int i = 0; i < 4; ++i) {
    const v1::Lease lease = Lease(worker);
    const float loss =
        lease.evaluation().hand_designed().sgd().learning_rate() == 0.1
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

// Task 0's theta is two floats, the entry's rate.
TEST_F(CoordinatorTest, KeptThetasAreInTheRunsCurvesAfterARestartToo) {
  auto spec = ParseRunSpec(R"(
    name: "eval"
    task { square {} }
    evaluation {
      entries { label: "a" hand_designed { sgd { learning_rate: 0.25 } } }
      entries { label: "b" hand_designed { sgd { learning_rate: 0.5 } } }
      tasks: 2
      steps: 3
      keep_theta: true
    })");
  ASSERT_OK(spec);
  const std::string run_id = Create(*spec);
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

TEST_F(CoordinatorTest, RegistrationsAndWaitsOutOfRangeAreRefused) {
  v1::RegisterWorkerRequest request;
  request.set_name("w");
  request.set_slots(0);
  request.set_version(kVersion);
  EXPECT_THAT(
      coordinator_->RegisterWorker(request),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("slots is 0")));
  request.set_slots(1);
  request.set_version("0.0.0");
  EXPECT_THAT(
      coordinator_->RegisterWorker(request),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("\"0.0.0\"")));
}

TEST_F(CoordinatorTest, StopAnswersWhoWaits) {
  const std::string worker = Register();
  auto waiting = StartLease(worker);
  coordinator_->Stop();
  ASSERT_OK_AND_ASSIGN(const auto response, waiting.get());
  EXPECT_FALSE(response.has_lease());
}

}  // namespace
}  // namespace metastep
