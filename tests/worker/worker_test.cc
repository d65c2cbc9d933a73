#include "worker/worker.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "rpc/server_host.h"
#include "tests/support/status_matchers.h"
#include "tests/worker/fake_coordinator.h"
#include "tests/worker/specs.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Log = FakeCoordinator::Log;
using Response = v1::SubmitResultResponse;

// A server with a fake coordinator.
class FakeServer {
 public:
  explicit FakeServer(const std::string& listen = "127.0.0.1:0") {
    auto host = ServerHost::Start(
        {.listen = listen},
        {{v1::CoordinatorService::service_full_name(), &coordinator_}});
    EXPECT_OK(host);
    host_ = *std::move(host);
  }
  ~FakeServer() { coordinator_.Close(); }

  FakeCoordinator& coordinator() { return coordinator_; }
  std::string address() const {
    return absl::StrCat("127.0.0.1:", host_->port());
  }
  // Ends the connections with the calls that wait on them.
  void Stop() {
    std::thread stop([this] { host_->Drain(absl::ZeroDuration()); });
    coordinator_.Close();
    stop.join();
  }

 private:
  FakeCoordinator coordinator_;
  std::unique_ptr<ServerHost> host_;
};

// Finds a server that comes back within milliseconds.
std::shared_ptr<grpc::Channel> QuickChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 10);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    options_.name = "test:1";
    options_.retry = {.initial_backoff = absl::Milliseconds(1),
                      .max_backoff = absl::Milliseconds(1)};
  }
  ~WorkerTest() override {
    if (worker_ == nullptr) return;
    worker_->Drain();
    coordinator().Close();
    if (thread_.joinable()) thread_.join();
  }

  FakeCoordinator& coordinator() { return server_->coordinator(); }

  void StartWorker() {
    worker_ =
        std::make_unique<Worker>(options_, QuickChannel(server_->address()));
    thread_ = std::thread([this] { result_ = worker_->Run(); });
  }
  // What Run returned.
  absl::Status Finish() {
    thread_.join();
    return result_;
  }

  std::unique_ptr<FakeServer> server_ = std::make_unique<FakeServer>();
  WorkerOptions options_;
  std::unique_ptr<Worker> worker_;
  std::thread thread_;
  absl::Status result_ = absl::UnknownError("still running");
};

// A shard that waits at the gate, for its phi.
v1::Lease GatedLease(const std::string& lease_id) {
  v1::Lease lease = WindowLease(0, 0);
  lease.set_lease_id(lease_id);
  return lease;
}

TEST_F(WorkerTest, RegistersComputesAndSubmits) {
  options_.slots = 2;
  coordinator().AddLease(SgdLease("lease-1"));
  StartWorker();

  const Log log = coordinator().AwaitSubmissions(1);

  ASSERT_THAT(log.registrations, SizeIs(1));
  EXPECT_EQ(log.registrations[0].name(), "test:1");
  EXPECT_EQ(log.registrations[0].slots(), 2);
  EXPECT_EQ(log.registrations[0].version(), kVersion);
  EXPECT_EQ(log.polls[0].worker_id(), "worker-1");
  EXPECT_EQ(log.polls[0].wait().seconds(), 10);
  EXPECT_EQ(log.submissions[0].worker_id(), "worker-1");
  EXPECT_EQ(log.submissions[0].lease_id(), "lease-1");
  EXPECT_THAT(log.submissions[0].evaluation().losses(), ElementsAre(1, 0, 0));
}

TEST_F(WorkerTest, NamesItsWarmLanes) {
  coordinator().AddLease(WindowLease(/*unroll=*/4, /*window=*/0));
  StartWorker();

  const Log log = coordinator().AwaitPolls(2);

  EXPECT_THAT(log.polls[0].held().lanes(), IsEmpty());
  ASSERT_THAT(log.polls[1].held().lanes(), SizeIs(1));
  EXPECT_EQ(log.polls[1].held().lanes(0).run_id(), "run");
  EXPECT_EQ(log.polls[1].held().lanes(0).lane(), 1);
  EXPECT_EQ(log.polls[1].held().lanes(0).unroll(), 4);
  EXPECT_EQ(log.polls[1].held().lanes(0).window(), 1);
  EXPECT_GT(log.polls[1].held().bytes(), 0);
}

TEST_F(WorkerTest, HeartbeatsNameTheLeasesInWorkAndNoneWhileItPolls) {
  StartWorker();
  coordinator().AwaitPolls(1);
  coordinator().Await([](const Log& log) {
    return !log.heartbeats.empty() &&
           log.heartbeats.back().lease_ids_size() == 0;
  });

  coordinator().ShutGate();
  coordinator().AddLease(GatedLease("lease-1"));
  const Log log = coordinator().Await([](const Log& so_far) {
    return !so_far.heartbeats.empty() &&
           so_far.heartbeats.back().lease_ids_size() > 0;
  });
  EXPECT_EQ(log.heartbeats.back().worker_id(), "worker-1");
  EXPECT_THAT(log.heartbeats.back().lease_ids(), ElementsAre("lease-1"));
}

TEST_F(WorkerTest, RegistersAgainOnceWhenItIsNotKnown) {
  options_.slots = 4;
  StartWorker();
  coordinator().AwaitPolls(4);

  // All four long-polls and the heartbeats find it out.
  coordinator().Forget();
  const Log log = coordinator().Await([](const Log& so_far) {
    return std::count_if(so_far.polls.begin(), so_far.polls.end(),
                         [](const v1::LeaseShardRequest& poll) {
                           return poll.worker_id() == "worker-2";
                         }) == 4;
  });
  EXPECT_THAT(log.registrations, SizeIs(2));

  coordinator().AddLease(SgdLease("lease-1"));
  EXPECT_EQ(coordinator().AwaitSubmissions(1).submissions[0].worker_id(),
            "worker-2");
}

TEST_F(WorkerTest, ResubmitsUnderTheSameLeaseAndTakesDuplicateForAccepted) {
  // The first submission is counted, but its answer is lost.
  coordinator().AnswerNextSubmission(absl::UnavailableError("broken pipe"));
  coordinator().AnswerNextSubmission(Response::DUPLICATE);
  coordinator().AddLease(WindowLease(0, 0));
  StartWorker();

  const Log log = coordinator().AwaitPolls(2);

  ASSERT_THAT(log.submissions, SizeIs(2));
  EXPECT_EQ(log.submissions[0].SerializeAsString(),
            log.submissions[1].SerializeAsString());
  ASSERT_THAT(log.polls[1].held().lanes(), SizeIs(1));
  EXPECT_EQ(log.polls[1].held().lanes(0).window(), 1);
}

TEST_F(WorkerTest, GoesOnAfterALostLease) {
  coordinator().AnswerNextSubmission(Response::LEASE_EXPIRED);
  coordinator().AddLease(WindowLease(0, 0));
  coordinator().AddLease(SgdLease("lease-2"));
  StartWorker();

  const Log log = coordinator().AwaitSubmissions(2);

  EXPECT_EQ(log.submissions[1].lease_id(), "lease-2");
  ASSERT_THAT(log.polls[1].held().lanes(), SizeIs(1));
  EXPECT_EQ(log.polls[1].held().lanes(0).window(), 0);  // the lane's old state
}

TEST_F(WorkerTest, GoesOnWithTheLeaseThatAnAnswerCarries) {
  coordinator().AddLease(WindowLease(/*unroll=*/4, /*window=*/0));
  coordinator().CarryLease(SgdLease("lease-2"));
  StartWorker();

  const Log log = coordinator().AwaitPolls(2);

  ASSERT_THAT(log.submissions, SizeIs(2));
  // The lane's state after the result is named with the result.
  ASSERT_THAT(log.submissions[0].next().lanes(), SizeIs(1));
  EXPECT_EQ(log.submissions[0].next().lanes(0).window(), 1);
  EXPECT_EQ(log.submissions[1].lease_id(), "lease-2");
}

TEST_F(WorkerTest, HeartbeatsNameACarriedLease) {
  coordinator().AddLease(SgdLease("lease-1"));
  coordinator().CarryLease(GatedLease("lease-2"));
  coordinator().ShutGate();
  StartWorker();
  const Log log = coordinator().Await([](const Log& so_far) {
    return so_far.fetches == 1 && !so_far.heartbeats.empty() &&
           so_far.heartbeats.back().lease_ids_size() > 0 &&
           so_far.heartbeats.back().lease_ids(0) != "lease-1";
  });
  EXPECT_THAT(log.heartbeats.back().lease_ids(), ElementsAre("lease-2"));
}

TEST_F(WorkerTest, DrainingAsksForNoFurtherLease) {
  coordinator().ShutGate();
  coordinator().AddLease(GatedLease("lease-1"));
  StartWorker();
  coordinator().Await([](const Log& log) { return log.fetches == 1; });

  worker_->Drain();
  coordinator().OpenGate();

  EXPECT_OK(Finish());
  EXPECT_FALSE(coordinator().AwaitSubmissions(1).submissions[0].has_next());
}

TEST_F(WorkerTest, HandsBackALeaseThatIsCarriedWhileItDrains) {
  coordinator().AddLease(SgdLease("lease-1"));
  coordinator().CarryLease(SgdLease("lease-2"));
  // The worker asks for a lease, and drains before the answer.
  coordinator().OnNextSubmission([this] { worker_->Drain(); });
  StartWorker();

  EXPECT_OK(Finish());
  const Log log = coordinator().AwaitSubmissions(2);
  EXPECT_EQ(log.submissions[1].lease_id(), "lease-2");
  EXPECT_TRUE(log.submissions[1].has_hand_back());
}

TEST_F(WorkerTest, DrainEndsTheLongPoll) {
  StartWorker();
  coordinator().AwaitPolls(1);
  worker_->Drain();
  EXPECT_OK(Finish());
}

TEST_F(WorkerTest, DrainBeforeRunTakesNoLease) {
  coordinator().AddLease(SgdLease("lease-1"));
  Worker worker(options_, QuickChannel(server_->address()));
  worker.Drain();
  EXPECT_OK(worker.Run());
  EXPECT_THAT(coordinator().AwaitPolls(0).polls, IsEmpty());
}

TEST_F(WorkerTest, DrainFinishesTheShardInWork) {
  coordinator().ShutGate();
  coordinator().AddLease(GatedLease("lease-1"));
  coordinator().AddLease(GatedLease("lease-2"));
  StartWorker();
  coordinator().Await([](const Log& log) { return log.fetches == 1; });

  worker_->Drain();
  coordinator().OpenGate();

  EXPECT_OK(Finish());
  const Log log = coordinator().AwaitSubmissions(1);
  ASSERT_THAT(log.submissions, SizeIs(1));
  EXPECT_EQ(log.submissions[0].lease_id(), "lease-1");
  EXPECT_TRUE(log.submissions[0].has_window());
  EXPECT_THAT(log.polls, SizeIs(1));
}

TEST_F(WorkerTest, DrainHandsBackWhatIsNotFinishedInTime) {
  options_.slots = 2;
  options_.drain_timeout = absl::ZeroDuration();
  coordinator().ShutGate();
  coordinator().AddLease(GatedLease("lease-1"));
  coordinator().AddLease(GatedLease("lease-2"));
  StartWorker();
  coordinator().Await([](const Log& log) { return log.fetches == 2; });

  worker_->Drain();

  EXPECT_OK(Finish());
  const Log log = coordinator().AwaitSubmissions(2);
  ASSERT_THAT(log.submissions, SizeIs(2));
  for (const auto& submission : log.submissions) {
    EXPECT_TRUE(submission.has_hand_back());
    EXPECT_EQ(submission.worker_id(), "worker-1");
  }
  EXPECT_EQ(log.submissions[0].lease_id(), "lease-1");
  EXPECT_EQ(log.submissions[1].lease_id(), "lease-2");
}

TEST_F(WorkerTest, WaitsForAServerThatRestarts) {
  options_.slots = 2;
  StartWorker();
  coordinator().AwaitPolls(2);
  const std::string address = server_->address();
  server_->Stop();
  server_.reset();

  server_ = std::make_unique<FakeServer>(address);
  coordinator().AddLease(SgdLease("lease-1"));

  EXPECT_EQ(coordinator().AwaitSubmissions(1).submissions[0].lease_id(),
            "lease-1");
}

TEST_F(WorkerTest, GivesUpOnAServerOutOfReach) {
  options_.slots = 2;
  options_.retry.give_up_after = absl::Milliseconds(20);
  StartWorker();
  coordinator().AwaitPolls(2);
  server_->Stop();
  EXPECT_THAT(Finish(), StatusIs(absl::StatusCode::kUnavailable,
                                 HasSubstr("gave up after")));
}

TEST_F(WorkerTest, GivesUpOnAServerThatWasNeverThere) {
  options_.retry.give_up_after = absl::Milliseconds(20);
  server_->Stop();
  StartWorker();
  EXPECT_THAT(Finish(), StatusIs(absl::StatusCode::kUnavailable,
                                 HasSubstr("gave up after")));
}

TEST_F(WorkerTest, DrainEndsTheWaitForAServerOutOfReach) {
  options_.slots = 2;
  StartWorker();
  coordinator().AwaitPolls(2);
  server_->Stop();
  worker_->Drain();
  EXPECT_OK(Finish());
}

TEST_F(WorkerTest, StopsWhenTheServerRefusesItsVersion) {
  coordinator().RefuseRegistration(
      absl::FailedPreconditionError("version 9 is not this server's"));
  StartWorker();
  EXPECT_THAT(Finish(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("version 9")));
}

TEST_F(WorkerTest, StopsWhenARestartedServerRefusesItsVersion) {
  StartWorker();
  coordinator().AwaitPolls(1);
  coordinator().RefuseRegistration(
      absl::FailedPreconditionError("version 9 is not this server's"));
  coordinator().Forget();
  EXPECT_THAT(Finish(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("version 9")));
}

}  // namespace
}  // namespace metastep
