// What the network costs a step: a server process on the loopback interface
// against the kernel in this process, and a small step against a call that does
// nothing.

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/fair_pool.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "bench/bench_main.h"
#include "bench/harness.h"
#include "bench/machine.h"
#include "bench/paper_rule.h"
#include "client/executable_folder.h"
#include "client/local_cluster.h"
#include "client/remote_optimizer.h"
#include "client/service_clients.h"
#include "client/state_folder.h"
#include "optimizer/model_file.h"
#include "optimizer/rule_factory.h"
#include "optimizer/state_vector.h"
#include "rpc/channel.h"
#include "rpc/health.h"

namespace metastep {
namespace {

constexpr int64_t kLarge = 1 << 20;
constexpr int64_t kSmall = 10;
constexpr int kCores = 2;
constexpr int kLargeSteps = 3;  // of one repetition
constexpr int kSmallCalls = 1000;
// As the server cuts a step (server/step_plan.h).
constexpr int64_t kTask = 16 << 10;

Model PaperModel() {
  Model model;
  *model.info.mutable_rules() = PaperRules();
  model.phi = PaperPhi();
  return model;
}

std::vector<v1::TensorSpec> OneTensor(int64_t coordinates) {
  v1::TensorSpec tensor;
  tensor.set_name("theta");
  tensor.add_shape(coordinates);
  return {tensor};
}

std::vector<float> Gradient(int64_t coordinates) {
  std::vector<float> gradient;
  for (int64_t i = 0; i < coordinates; ++i) {
    gradient.push_back(std::sin(static_cast<float>(i)));
  }
  return gradient;
}

// The rule in this process, on as many threads as a server here has.
class Kernel {
 public:
  explicit Kernel(std::unique_ptr<const LearnedRule> rule)
      : rule_(std::move(rule)),
        state_(static_cast<size_t>(rule_->StateFloats(kLarge))),
        gradient_(Gradient(kLarge)),
        update_(kLarge) {}

  absl::Status Step() {
    {
      MutexLock lock(mu_);
      left_ = kLarge / kTask;
    }
    for (int64_t begin = 0; begin < kLarge; begin += kTask) {
      pool_.Schedule(this, [this, begin] { Run(begin); });
    }
    MutexLock lock(mu_);
    while (left_ > 0) done_.Wait(mu_);
    return absl::OkStatus();
  }

 private:
  void Run(int64_t begin) {
    rule_->Step(/*step=*/1,
                absl::MakeConstSpan(gradient_).subspan(begin, kTask),
                absl::MakeSpan(state_).subspan(rule_->StateFloats(begin),
                                               rule_->StateFloats(kTask)),
                absl::MakeSpan(update_).subspan(begin, kTask));
    MutexLock lock(mu_);
    if (--left_ == 0) done_.NotifyAll();
  }

  const std::unique_ptr<const LearnedRule> rule_;
  StateVector<float> state_;
  const std::vector<float> gradient_;
  std::vector<float> update_;
  Mutex mu_;
  CondVar done_;
  int64_t left_ ABSL_GUARDED_BY(mu_) = 0;
  FairPool pool_{kCores};  // last, so that its jobs end before what they use
};

// A session, its gradient and the update that comes back.
struct Session {
  RemoteOptimizer optimizer;
  std::vector<float> gradient;
  std::vector<float> update;

  absl::Status Step() {
    return optimizer.Step(gradient, absl::MakeSpan(update));
  }
};

absl::StatusOr<Session> OpenSession(
    const std::shared_ptr<grpc::Channel>& channel, int64_t coordinates,
    const RemoteOptimizerOptions& options) {
  v1::ModelRef model;
  model.set_name("paper");
  METASTEP_ASSIGN_OR_RETURN(
      RemoteOptimizer optimizer,
      RemoteOptimizer::Open(channel, model, OneTensor(coordinates), options));
  return Session{std::move(optimizer), Gradient(coordinates),
                 std::vector<float>(static_cast<size_t>(coordinates))};
}

Contender LargeSteps(const std::string& what,
                     const std::function<absl::Status()>& step) {
  return {what, "M coordinates/s", [step]() -> absl::StatusOr<double> {
            METASTEP_ASSIGN_OR_RETURN(const double seconds,
                                      WallSeconds([&]() -> absl::Status {
                                        for (int i = 0; i < kLargeSteps; ++i) {
                                          METASTEP_RETURN_IF_ERROR(step());
                                        }
                                        return absl::OkStatus();
                                      }));
            return kLargeSteps * kLarge / seconds / 1e6;
          }};
}

Contender SmallCalls(const std::string& what,
                     const std::function<absl::Status()>& call) {
  return {what, "us, p50", [call]() -> absl::StatusOr<double> {
            std::vector<double> seconds(kSmallCalls);
            for (double& s : seconds) {
              METASTEP_ASSIGN_OR_RETURN(s, WallSeconds(call));
            }
            const auto middle = seconds.begin() + kSmallCalls / 2;
            std::nth_element(seconds.begin(), middle, seconds.end());
            return 1e6 * *middle;
          }};
}

absl::Status MeasureLarge(const BenchOptions& options,
                          const std::shared_ptr<grpc::Channel>& channel,
                          const Model& model, Report& report) {
  METASTEP_ASSIGN_OR_RETURN(const ParameterLayout layout,
                            ParameterLayout::Create({{"theta", {kLarge}}}));
  METASTEP_ASSIGN_OR_RETURN(
      auto rule, MakeLearnedRule(model.info.rules(), layout, model.phi));
  Kernel kernel(std::move(rule));
  METASTEP_ASSIGN_OR_RETURN(Session stream, OpenSession(channel, kLarge, {}));
  METASTEP_ASSIGN_OR_RETURN(
      Session halves,
      OpenSession(channel, kLarge,
                  {.wire_format = v1::BFLOAT16, .state_format = v1::BFLOAT16}));
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<Samples> samples,
      Interleave({LargeSteps("kernel in process, 2 threads",
                             [&] { return kernel.Step(); }),
                  LargeSteps("StepStream", [&] { return stream.Step(); }),
                  LargeSteps("StepStream, bfloat16 wire and state",
                             [&] { return halves.Step(); })},
                 options.repetitions));
  report.Add(samples);
  report.SetKey("stream_over_kernel_1m", Ratio(samples[1], samples[0]));
  report.SetKey("halves_over_kernel_1m", Ratio(samples[2], samples[0]));
  return absl::OkStatus();
}

absl::Status MeasureSmall(const BenchOptions& options,
                          const std::shared_ptr<grpc::Channel>& channel,
                          Report& report) {
  METASTEP_ASSIGN_OR_RETURN(Session small, OpenSession(channel, kSmall, {}));
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<Samples> samples,
      Interleave(
          {SmallCalls(
               "empty call",
               [&] { return CheckHealth(channel, "", absl::Seconds(10)); }),
           SmallCalls("step of 10 coordinates", [&] { return small.Step(); })},
          options.repetitions));
  report.Add(samples);
  report.SetKey("p50_over_empty_10", Ratio(samples[1], samples[0]));
  return absl::OkStatus();
}

absl::Status RemoteStep(const BenchOptions& options, Report& report) {
  // The server's, too: it inherits them, and has a thread for each.
  METASTEP_RETURN_IF_ERROR(UseCores(kCores));
  METASTEP_ASSIGN_OR_RETURN(const auto folder, StateFolder::Open(""));
  Cancellation cancellation;
  METASTEP_ASSIGN_OR_RETURN(const auto server,
                            LocalCluster::Start({.binaries = ExecutableFolder(),
                                                 .state_dir = folder->path(),
                                                 .data_dir = ".",
                                                 .workers = 0},
                                                cancellation));
  const auto channel = MakeChannel(server->address());
  const Model model = PaperModel();
  METASTEP_RETURN_IF_ERROR(ModelClient(channel, cancellation)
                               .Import("paper", EncodeModel(model))
                               .status());
  METASTEP_RETURN_IF_ERROR(MeasureSmall(options, channel, report));
  return MeasureLarge(options, channel, model, report);
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) {
  return metastep::BenchMain(
      {.name = "remote-step",
       .description = "Measures steps by a server on this machine against the "
                      "kernel in process and against an empty call.",
       .run = metastep::RemoteStep},
      argc, argv);
}
