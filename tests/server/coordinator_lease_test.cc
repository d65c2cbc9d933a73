// How the coordinator leases shards to workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "base/version.h"
#include "rpc/float_bytes.h"
#include "server/coordinator.h"
#include "tests/server/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Response = v1::SubmitResultResponse;

// The state of a lane before window 1 of its first unroll.
v1::LaneHandle Held(const std::string& run_id, int lane) {
  v1::LaneHandle held;
  held.set_run_id(run_id);
  held.set_lane(lane);
  held.set_window(1);
  return held;
}

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
  EXPECT_EQ(Submit(request), Response::RELEASED);
  EXPECT_EQ(waiting.get()->lease().shard(), lease.shard());
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
  for (const int seconds : {-1, 61}) {
    v1::LeaseShardRequest lease;
    lease.set_worker_id(Register());
    *lease.mutable_wait() =
        google::protobuf::util::TimeUtil::SecondsToDuration(seconds);
    absl::StatusOr<v1::LeaseShardResponse> answer;
    coordinator_->LeaseShard(
        lease, [&](absl::StatusOr<v1::LeaseShardResponse> response) {
          answer = std::move(response);
        });
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("it must be from 0 to 1m")));
  }
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
