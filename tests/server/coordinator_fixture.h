// A coordinator with its files in a folder of its own, driven as workers would.
#ifndef METASTEP_TESTS_SERVER_COORDINATOR_FIXTURE_H_
#define METASTEP_TESTS_SERVER_COORDINATOR_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/version.h"
#include "google/protobuf/util/time_util.h"
#include "rpc/float_bytes.h"
#include "server/coordinator.h"
#include "tests/server/fixtures.h"
#include "tests/support/run_specs.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {

inline constexpr absl::Duration kLease = absl::Seconds(10);
// Phi of the rule in Spec(): one weight and one bias.
inline constexpr size_t kPhi = 2;
inline constexpr int kWindow = 2;

// x^2 under a linear rule; SGD of rate 1 as outer rule, so that phi is minus
// the sum of the mean meta-gradients.
inline v1::RunSpec Spec(int lanes, int rounds) {
  v1::RunSpec spec = Parse(R"(
    name: "toy"
    task { square {} }
    training {
      rules { name: "linear" rule { lstm { initialization: ZEROS } } }
      unroll { horizon: 4 window: 2 }
      outer { rule { sgd { learning_rate: 1 } } }
      validation { tasks: 1 }
    })");
  spec.mutable_training()->set_lanes(lanes);
  spec.mutable_training()->set_rounds(rounds);
  spec.mutable_training()->mutable_validation()->set_every_rounds(rounds);
  return spec;
}

// Drives the coordinator as workers would, with results of the test's choice.
class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() { Open(); }

  // Starts from what is on disk, as after a crash.
  void Open() {
    coordinator_.reset();
    auto store = RunStore::Open(folder_ / "runs.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
    auto registry = ModelRegistry::Open(folder_ / "models", clock_);
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
    *request.mutable_wait() =
        google::protobuf::util::TimeUtil::SecondsToDuration(5);
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
  v1::SubmitResultResponse::Disposition Submit(
      const v1::SubmitResultRequest& request) {
    auto response = coordinator_->SubmitResult(request);
    EXPECT_OK(response);
    return response->disposition();
  }
  // Submits and asks for the next lease, as a worker that holds these lanes.
  v1::SubmitResultResponse SubmitAndAsk(
      v1::SubmitResultRequest request,
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
  std::future<absl::StatusOr<v1::Run>> StartCancel(const std::string& run_id) {
    auto answer = std::make_shared<std::promise<absl::StatusOr<v1::Run>>>();
    auto future = answer->get_future();
    coordinator_->CancelRun(run_id, [answer](absl::StatusOr<v1::Run> run) {
      answer->set_value(std::move(run));
    });
    return future;
  }
  // The run at the end, waiting for it.
  v1::Run AwaitEnd(const std::string& run_id) {
    return Watch(run_id, INT64_MAX - 1).get();
  }

  const std::filesystem::path folder_ = NewTestFolder();
  SimulatedClock clock_;
  prometheus::Registry prometheus_;
  CoordinatorMetrics metrics_{prometheus_};
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_SERVER_COORDINATOR_FIXTURE_H_
