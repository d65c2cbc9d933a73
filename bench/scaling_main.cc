// What a second worker brings: rounds a second of the MNIST run, by processes
// as a user starts them.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/digest.h"
#include "base/status_macros.h"
#include "bench/bench_main.h"
#include "bench/harness.h"
#include "client/executable_folder.h"
#include "client/local_cluster.h"
#include "client/service_clients.h"
#include "client/spec_file.h"
#include "client/state_folder.h"
#include "optimizee/synthetic_digits.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

// Until the workers have read the data and every lane is warm: two unrolls.
constexpr int kWarmUpRounds = 10;
constexpr absl::Duration kRegistrationPause = absl::Milliseconds(20);

struct ScalingOptions {
  std::string data_dir;  // empty: synthetic digits
  int rounds = 40;       // of a repetition
};

// The spec as it is shipped, with its two lanes: a lane a worker, which is what
// a user of two workers runs, and where a round waits longest for its slower
// half. It ends after the rounds that are measured, first order like those of
// its first stage, and a short validation.
absl::StatusOr<v1::RunSpec> Spec(int rounds) {
  return LoadRunSpec(
      METASTEP_SPECS_DIR "/mnist.textproto",
      {absl::StrCat("training.stages=[{rounds: ", rounds, "}]"),
       absl::StrCat("training.validation.every_rounds=", rounds),
       "training.validation.tasks=1", "training.validation.steps=1"});
}

absl::Status AwaitWorkers(RunClient& runs, Cancellation& cancellation,
                          size_t workers) {
  while (true) {
    METASTEP_ASSIGN_OR_RETURN(const std::vector<v1::Worker> registered,
                              runs.ListWorkers());
    if (registered.size() == workers) return absl::OkStatus();
    if (!cancellation.Sleep(kRegistrationPause)) return cancellation.status();
  }
}

// When `done` rounds were first seen to be closed, until the run's end.
absl::StatusOr<std::vector<absl::Time>> TimesOfRounds(RunClient& runs,
                                                      const v1::Run& run) {
  std::vector<absl::Time> times;
  const auto note = [&](const v1::Run& state) {
    times.resize(std::max<size_t>(times.size(), state.done() + 1), absl::Now());
  };
  METASTEP_ASSIGN_OR_RETURN(const v1::Run end, runs.Watch(run.run_id(), note));
  if (end.state() != v1::Run::SUCCEEDED) {
    return absl::InternalError(absl::StrCat("the run failed: ", end.error()));
  }
  return times;
}

// Starts a server and workers of one slot each, and runs.
absl::StatusOr<double> RoundsPerSecond(const ScalingOptions& options,
                                       int workers) {
  METASTEP_ASSIGN_OR_RETURN(const v1::RunSpec spec,
                            Spec(kWarmUpRounds + options.rounds));
  METASTEP_ASSIGN_OR_RETURN(const auto folder, StateFolder::Open(""));
  Cancellation cancellation;
  METASTEP_ASSIGN_OR_RETURN(const auto cluster,
                            LocalCluster::Start({.binaries = ExecutableFolder(),
                                                 .state_dir = folder->path(),
                                                 .data_dir = options.data_dir,
                                                 .workers = workers},
                                                cancellation));
  RunClient runs(MakeChannel(cluster->address()), cancellation);
  METASTEP_RETURN_IF_ERROR(AwaitWorkers(runs, cancellation, workers));
  METASTEP_ASSIGN_OR_RETURN(const v1::Run run, runs.Create(RandomId(), spec));
  METASTEP_ASSIGN_OR_RETURN(const std::vector<absl::Time> times,
                            TimesOfRounds(runs, run));
  return options.rounds /
         absl::ToDoubleSeconds(times.back() - times[kWarmUpRounds]);
}

absl::Status RunBench(ScalingOptions scaling, const BenchOptions& options,
                      Report& report) {
  METASTEP_ASSIGN_OR_RETURN(const auto digits, StateFolder::Open(""));
  if (scaling.data_dir.empty()) {
    scaling.data_dir = digits->path();
    METASTEP_RETURN_IF_ERROR(
        WriteSyntheticDigits(digits->path() / "mnist", {}));
  }
  const auto contender = [&](absl::string_view what, int workers) {
    return Contender{std::string(what), "rounds/s", [&scaling, workers] {
                       return RoundsPerSecond(scaling, workers);
                     }};
  };
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<Samples> samples,
      Interleave({contender("one worker", 1), contender("two workers", 2)},
                 options.repetitions));
  report.Add(samples);
  report.SetKey("two_workers_over_one", Ratio(samples[1], samples[0]));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  ScalingOptions scaling;
  const auto add_options = [&](CLI::App& app) {
    app.add_option("--data-dir", scaling.data_dir,
                   "Folder that holds mnist/. Default: synthetic digits");
    app.add_option("--rounds", scaling.rounds, "Rounds of a repetition")
        ->check(CLI::Range(5, 100000))
        ->capture_default_str();
  };
  return BenchMain({.name = "scaling",
                    .description = "Rounds a second of the MNIST run, by two "
                                   "workers and by one.",
                    .run =
                        [&](const BenchOptions& options, Report& report) {
                          return RunBench(scaling, options, report);
                        },
                    .add_options = add_options},
                   argc, argv);
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) { return metastep::Main(argc, argv); }
