// The headline promise, with real processes: the final phi does not depend on
// how many workers there were, nor on which of them, or the server, died.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/build_version.h"
#include "metastep/v1/coordinator_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/proto_time.h"
#include "tests/process/process_cluster.h"
#include "tests/support/run_specs.h"

namespace metastep {
namespace {

// Three lanes, unrolls of two and then of four windows, so that kills fall into
// unrolls and replays are needed, and a stage that ends within an unroll; small
// enough to take a few seconds in all.
v1::RunSpec Spec() {
  return Parse(R"(
    name: "repro"
    seed: 7
    task { quadratic { distribution: GAUSSIAN problems: 32 } }
    training {
      rules { name: "lstm" rule { lstm { preset: IDENTITY } } }
      unroll { horizon: 40 window: 10 }
      lanes: 3
      random_scaling: 1
      stages {
        rounds: 45
        horizon: 20
        imitation { rule { adam { learning_rate: 0.1 } } weight: 0.1 }
      }
      stages { rounds: 105 }
      outer { rule { adam { learning_rate: 0.003 } } clip_norm: 10 }
      validation { every_rounds: 50 tasks: 3 }
    })");
}

struct Outcome {
  std::string published;  // SHA-256 of the model's phi
  std::string newest;     // SHA-256 of the last phi
};

Outcome OutcomeOf(const v1::Run& run) {
  EXPECT_EQ(run.state(), v1::Run::SUCCEEDED) << run.error();
  EXPECT_EQ(run.done(), 150);
  return {run.model().phi_sha256(), run.phi_sha256()};
}

void ExpectSame(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.published.size(), 64u);
  EXPECT_EQ(a.published, b.published);
  EXPECT_EQ(a.newest, b.newest);
}

v1::Run RunUndisturbed(const v1::RunSpec& spec, int workers) {
  ProcessCluster cluster;
  for (int i = 0; i < workers; ++i) cluster.AddWorker();
  return cluster.Watch(cluster.CreateRun(spec), [](const v1::Run&) {});
}

// Two workers, and a server that is killed once so much is done, each time.
v1::Run RunWithServerKilledAt(const std::vector<int64_t>& kills,
                              const v1::RunSpec& spec) {
  ProcessCluster cluster;
  for (int i = 0; i < 2; ++i) cluster.AddWorker();
  size_t restarts = 0;
  v1::Run run =
      cluster.Watch(cluster.CreateRun(spec), [&](const v1::Run& state) {
        if (restarts < kills.size() && state.done() >= kills[restarts]) {
          ++restarts;
          cluster.KillAndRestartServer();
        }
      });
  EXPECT_EQ(restarts, kills.size());
  return run;
}

// What every disturbed run is compared with: computed once.
const Outcome& WithOneWorker() {
  static const Outcome outcome = OutcomeOf(RunUndisturbed(Spec(), 1));
  return outcome;
}

// Leases a shard as a worker that is never heard of again.
void TakeLeaseAndVanish(ProcessCluster& cluster) {
  const auto stub =
      v1::CoordinatorService::NewStub(MakeChannel(cluster.address()));
  const absl::Duration wait = absl::Seconds(30);
  grpc::ClientContext registering;
  SetTimeout(registering, wait);
  v1::RegisterWorkerRequest worker;
  worker.set_name("vanishing");
  worker.set_slots(1);
  worker.set_version(kBuildVersion);
  v1::RegisterWorkerResponse registered;
  ASSERT_TRUE(stub->RegisterWorker(&registering, worker, &registered).ok());

  grpc::ClientContext leasing;
  SetTimeout(leasing, 2 * wait);
  v1::LeaseShardRequest request;
  request.set_worker_id(registered.worker_id());
  *request.mutable_wait() = ToProtoDuration(wait);
  v1::LeaseShardResponse response;
  ASSERT_TRUE(stub->LeaseShard(&leasing, request, &response).ok());
  EXPECT_TRUE(response.has_lease());
}

TEST(ReproducibilityTest, ThreeWorkersGiveTheBitsOfOne) {
  ExpectSame(OutcomeOf(RunUndisturbed(Spec(), 3)), WithOneWorker());
}

TEST(ReproducibilityTest, KilledAndStoppedWorkersChangeNothing) {
  ProcessCluster cluster;
  for (int i = 0; i < 3; ++i) cluster.AddWorker();
  bool killed = false;
  bool stopped = false;
  bool continued = false;
  const v1::Run run =
      cluster.Watch(cluster.CreateRun(Spec()), [&](const v1::Run& state) {
        if (state.done() >= 10 && !killed) {
          cluster.worker(0).Signal(SIGKILL);
          killed = true;
        }
        if (state.done() >= 30 && !stopped) {
          cluster.worker(1).Signal(SIGSTOP);
          // A worker may be stopped between two leases; this one has one.
          TakeLeaseAndVanish(cluster);
          stopped = true;
        }
        if (state.done() >= 60 && !continued) {
          cluster.worker(1).Signal(SIGCONT);
          continued = true;
        }
      });
  ExpectSame(OutcomeOf(run), WithOneWorker());
  EXPECT_TRUE(continued);
  // The run went past the round of the lease that nobody answered.
  EXPECT_THAT(
      cluster.Http("/metrics"),
      testing::Not(testing::HasSubstr("metastep_lease_expiries_total 0")));
}

TEST(ReproducibilityTest, KilledServerResumesToTheSameBits) {
  ExpectSame(OutcomeOf(RunWithServerKilledAt({30, 90}, Spec())),
             WithOneWorker());
}

// Three trials with rates about the run's own, each a third of it long.
v1::RunSpec SearchSpec() {
  v1::RunSpec spec = Spec();
  v1::TrainingSpec& training = *spec.mutable_training();
  training.clear_stages();
  training.set_rounds(50);
  training.mutable_validation()->set_every_rounds(25);
  training.mutable_search()->set_trials(3);
  training.mutable_search()->set_min_learning_rate(0.001);
  training.mutable_search()->set_max_learning_rate(0.01);
  return spec;
}

TEST(ReproducibilityTest, ASearchUnderAKilledServerPublishesTheSameBits) {
  const v1::Run undisturbed = RunUndisturbed(SearchSpec(), 1);
  const v1::Run run = RunWithServerKilledAt({30, 90}, SearchSpec());
  ASSERT_EQ(run.state(), v1::Run::SUCCEEDED) << run.error();
  EXPECT_EQ(run.model().phi_sha256().size(), 64u);
  EXPECT_EQ(run.model().phi_sha256(), undisturbed.model().phi_sha256());
  ASSERT_EQ(run.trials_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run.trials(i).learning_rate(),
              undisturbed.trials(i).learning_rate());
    EXPECT_EQ(run.trials(i).best_validation().final_loss(),
              undisturbed.trials(i).best_validation().final_loss());
  }
}

// 60 shards of some milliseconds.
v1::RunSpec EvaluationSpec() {
  return Parse(R"(
    name: "eval"
    seed: 7
    task { quadratic { distribution: GAUSSIAN problems: 32 } }
    evaluation {
      entries { label: "sgd" hand_designed { sgd { learning_rate: 0.01 } } }
      entries { label: "adam" hand_designed { adam { learning_rate: 0.1 } } }
      tasks: 30
      steps: 1000
    })");
}

TEST(ReproducibilityTest, AnEvaluationUnderAKilledServerHasTheSameCurves) {
  const v1::Run undisturbed = RunUndisturbed(EvaluationSpec(), 1);
  const v1::Run run = RunWithServerKilledAt({20}, EvaluationSpec());
  ASSERT_EQ(run.curves_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run.curves(i).SerializeAsString(),
              undisturbed.curves(i).SerializeAsString());
  }
}

}  // namespace
}  // namespace metastep
