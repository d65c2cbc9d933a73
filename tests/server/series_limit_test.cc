// How much of a Prometheus the server takes: its labels come from closed sets,
// never from ids.
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/version.h"
#include "rpc/float_bytes.h"
#include "server/coordinator.h"
#include "tests/server/fixtures.h"
#include "tests/support/run_specs.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

constexpr int kMaxSeries = 300;
constexpr int kSessions = 100;
constexpr int kWorkers = 32;
constexpr int kRuns = 4;
constexpr int kModels = 4;

// Lines of /metrics that are no comments: one for each series.
int CountSeries(const prometheus::Registry& metrics) {
  const std::string page =
      prometheus::TextSerializer().Serialize(metrics.Collect());
  int series = 0;
  for (const absl::string_view line :
       absl::StrSplit(page, '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "#")) ++series;
  }
  return series;
}

// The server's parts that count, as its main() puts them together.
class SeriesLimitTest : public testing::Test {
 protected:
  SeriesLimitTest() {
    auto store = RunStore::Open(folder_ / "runs.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
    auto registry = ModelRegistry::Open(folder_ / "models", Clock::Real());
    EXPECT_OK(registry);
    registry_ = *std::move(registry);
    auto sessions =
        SessionStore::Create({.dir = folder_ / "sessions"}, Clock::Real(),
                             *registry_, step_metrics_);
    EXPECT_OK(sessions);
    sessions_ = *std::move(sessions);
    auto coordinator =
        Coordinator::Create({}, Clock::Real(), *store_, *registry_, metrics_);
    EXPECT_OK(coordinator);
    coordinator_ = *std::move(coordinator);
  }

  // A lane for each of its share of the workers.
  void CreateRun(int i) {
    v1::RunSpec spec = Parse(R"(
      task { square {} }
      training {
        rules { name: "linear" rule { lstm { initialization: ZEROS } } }
        unroll { horizon: 4 window: 2 }
        rounds: 5
      })");
    spec.set_name(absl::StrCat("run-", i));
    spec.mutable_training()->set_lanes(kWorkers / kRuns);
    v1::CreateRunRequest request;
    request.set_request_id(spec.name());
    *request.mutable_spec() = spec;
    ASSERT_OK(coordinator_->CreateRun(request));
  }

  std::string RegisterWorker(int i) {
    v1::RegisterWorkerRequest request;
    request.set_name(absl::StrCat("worker-", i));
    request.set_slots(1);
    request.set_version(kVersion);
    const auto response = coordinator_->RegisterWorker(request);
    EXPECT_OK(response);
    return response->worker_id();
  }

  // Submits a shard, with a meta-gradient of this size; phi has size 2.
  void Work(const std::string& worker_id, size_t size) {
    v1::LeaseShardRequest request;
    request.set_worker_id(worker_id);
    v1::SubmitResultRequest result;
    // Answered before it returns, as there are as many shards as workers.
    coordinator_->LeaseShard(request, [&](auto response) {
      ASSERT_OK(response);
      result.set_lease_id(response->lease().lease_id());
    });
    result.set_worker_id(worker_id);
    result.mutable_window()->set_meta_gradient(
        FloatsToBytes(std::vector<float>(size)));
    for (int step = 0; step < 3; ++step) result.mutable_window()->add_losses(1);
    ASSERT_OK(coordinator_->SubmitResult(result));
  }

  // A session of one of the models, a step of it, and a step that fails.
  void OpenAndStep(int i) {
    ASSERT_OK_AND_ASSIGN(
        const v1::Session session,
        sessions_->Open(OpenModel(absl::StrCat("session-", i),
                                  absl::StrCat("model-", i % kModels))));
    v1::StepRequest step;
    step.set_session_id(session.session_id());
    step.set_step(1);
    step.set_gradient(FloatsToBytes(TestGradient(1)));
    ASSERT_OK(StepAndWait(*sessions_, step));
    step_metrics_.duration.Observe(0.001 * i);
    step.set_step(7);
    step_metrics_.CountError(StepAndWait(*sessions_, step).status());
  }

  const std::filesystem::path folder_ = NewTestFolder();
  prometheus::Registry prometheus_;
  CoordinatorMetrics metrics_{prometheus_};
  StepMetrics step_metrics_{prometheus_};
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<SessionStore> sessions_;
  std::unique_ptr<Coordinator> coordinator_;
};

TEST_F(SeriesLimitTest, DoesNotGrowWithSessionsWorkersRunsAndModels) {
  const int idle = CountSeries(prometheus_);
  for (int i = 0; i < kModels; ++i) {
    ASSERT_OK(registry_->Publish(absl::StrCat("model-", i), TestModel(i)));
  }
  for (int i = 0; i < kRuns; ++i) CreateRun(i);
  std::vector<std::string> workers;
  for (int i = 0; i < kWorkers; ++i) workers.push_back(RegisterWorker(i));
  // Every eighth is rejected.
  for (int i = 0; i < kWorkers; ++i) Work(workers[i], i % 8 == 0 ? 1 : 2);
  for (int i = 0; i < kSessions; ++i) OpenAndStep(i);
  EXPECT_EQ(metrics_.workers.Value(), kWorkers);
  EXPECT_EQ(metrics_.active_runs.Value(), kRuns);
  EXPECT_EQ(metrics_.windows_warm.Value(), kWorkers - kWorkers / 8);
  EXPECT_EQ(step_metrics_.sessions.Value(), kSessions);

  const int busy = CountSeries(prometheus_);
  EXPECT_LE(busy, kMaxSeries);
  EXPECT_EQ(busy, idle);
}

}  // namespace
}  // namespace metastep
