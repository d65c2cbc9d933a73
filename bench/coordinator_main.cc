// The coordinator's capacity: a server process with its database on disk, and
// workers that compute nothing, so that what is left is leasing, the wire, the
// sums, the outer step and the commit.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/digest.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "bench/bench_main.h"
#include "bench/harness.h"
#include "bench/synthetic_worker.h"
#include "client/executable_folder.h"
#include "client/local_cluster.h"
#include "client/service_clients.h"
#include "client/state_folder.h"
#include "optimizer/run_spec.h"
#include "rpc/channel.h"
#include "rpc/float_bytes.h"

namespace metastep {
namespace {

constexpr int kWorkers = 64;
// The paper's rule: two layers of 20 units on log-and-sign inputs.
constexpr int kPhi = 5141;
constexpr int kWindow = 20;
// Before the clock starts: every worker has its first lease.
constexpr absl::Duration kWarmUp = absl::Milliseconds(500);
constexpr absl::Duration kMeasured = absl::Seconds(2);

// A run that no measurement comes to the end of.
absl::StatusOr<v1::RunSpec> Spec(int lanes) {
  METASTEP_ASSIGN_OR_RETURN(v1::RunSpec spec, ParseRunSpec(R"(
    name: "capacity"
    task { quadratic { distribution: GAUSSIAN } }
    training {
      rules { name: "lstm" rule { lstm { preset: PAPER } } }
      unroll { horizon: 100 window: 20 }
      rounds: 10000000
      outer { rule { adam { learning_rate: 0.001 } } clip_norm: 1 }
      validation { every_rounds: 10000000 }
    })"));
  spec.mutable_training()->set_lanes(lanes);
  return spec;
}

v1::WindowResult MadeUpResult() {
  Rng rng({.seed = 1});
  std::vector<float> meta_gradient(kPhi);
  for (float& g : meta_gradient) g = 0.01f * rng.Normal();
  v1::WindowResult result;
  result.set_meta_gradient(FloatsToBytes(meta_gradient));
  for (int point = 0; point <= kWindow; ++point) {
    result.add_losses(2.3 - 0.01 * point);
  }
  return result;
}

// A server with its workers.
class Capacity {
 public:
  static absl::StatusOr<std::unique_ptr<Capacity>> Start() {
    auto capacity = std::unique_ptr<Capacity>(new Capacity);
    METASTEP_ASSIGN_OR_RETURN(capacity->folder_, StateFolder::Open(""));
    METASTEP_ASSIGN_OR_RETURN(
        capacity->server_,
        LocalCluster::Start({.binaries = ExecutableFolder(),
                             .state_dir = capacity->folder_->path(),
                             .data_dir = ".",
                             .workers = 0},
                            capacity->cancellation_));
    const std::string& address = capacity->server_->address();
    capacity->runs_ = std::make_unique<RunClient>(MakeChannel(address),
                                                  capacity->cancellation_);
    const v1::WindowResult result = MadeUpResult();
    for (int i = 0; i < kWorkers; ++i) {
      METASTEP_ASSIGN_OR_RETURN(capacity->workers_.emplace_back(),
                                SyntheticWorker::Start(address, result));
    }
    return capacity;
  }

  // Shards a second of closed rounds, in a run of its own.
  absl::StatusOr<double> ShardsPerSecond(int lanes) {
    METASTEP_ASSIGN_OR_RETURN(const v1::RunSpec spec, Spec(lanes));
    METASTEP_ASSIGN_OR_RETURN(const v1::Run run,
                              runs_->Create(RandomId(), spec));
    absl::SleepFor(kWarmUp);
    METASTEP_ASSIGN_OR_RETURN(const v1::Run before, runs_->Get(run.run_id()));
    const absl::Time start = absl::Now();
    absl::SleepFor(kMeasured);
    METASTEP_ASSIGN_OR_RETURN(const v1::Run after, runs_->Get(run.run_id()));
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    METASTEP_RETURN_IF_ERROR(runs_->Cancel(run.run_id()).status());
    for (const auto& worker : workers_) {
      METASTEP_RETURN_IF_ERROR(worker->status());
    }
    return static_cast<double>(after.done() - before.done()) * lanes / seconds;
  }

 private:
  Capacity() = default;

  Cancellation cancellation_;
  std::unique_ptr<StateFolder> folder_;
  std::unique_ptr<LocalCluster> server_;
  std::unique_ptr<RunClient> runs_;
  std::vector<std::unique_ptr<SyntheticWorker>> workers_;
};

absl::Status RunBench(const BenchOptions& options, Report& report) {
  METASTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Capacity> capacity,
                            Capacity::Start());
  const auto contender = [&](int lanes) {
    return Contender{
        absl::StrCat(kWorkers, " workers, ", lanes, " lanes"), "shards/s",
        [&capacity, lanes] { return capacity->ShardsPerSecond(lanes); }};
  };
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<Samples> samples,
      Interleave({contender(kWorkers), contender(4 * kWorkers)},
                 options.repetitions));
  report.Add(samples);
  // A lane for each worker is the least that leaves none idle, so it is what a
  // user takes; it is also the dearest, with a commit every 64 shards.
  report.SetKey("shards_per_s", samples[0].Median());
  report.SetKey("shards_per_s_256_lanes", samples[1].Median());
  return absl::OkStatus();
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) {
  return metastep::BenchMain(
      {.name = "coordinator",
       .description = "Shards a second that a server leases, accepts, adds up "
                      "and commits, for 64 workers that compute nothing.",
       .run = metastep::RunBench},
      argc, argv);
}
