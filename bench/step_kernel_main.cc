// The learned rule's forward step against the core's own limits.
#include "bench/bench_main.h"
#include "bench/machine.h"

namespace metastep {
namespace {

absl::Status StepKernel(const BenchOptions& options, Report& report) {
  if (absl::Status status = UseOneCore(); !status.ok()) return status;
  const absl::StatusOr<std::vector<Samples>> limits =
      Interleave({FmaPeak(), CopyBandwidth()}, options.repetitions);
  if (!limits.ok()) return limits.status();
  report.Add(*limits);
  return absl::OkStatus();
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) {
  return metastep::BenchMain(
      {.name = "step-kernel",
       .description = "Measures the learned rule's forward step on one core.",
       .run = metastep::StepKernel},
      argc, argv);
}
