#include "server/step_metrics.h"

#include <optional>

#include "metastep/v1/error.pb.h"
#include "rpc/error_reason.h"
#include "server/metric_builders.h"

namespace metastep {
namespace {

// Of an error without a reason, such as one of the disk.
constexpr char kOther[] = "OTHER";

// From a scalar on loopback to a million coordinates of the paper's LSTM, which
// take a second or so on one core.
const prometheus::Histogram::BucketBoundaries kBounds = {
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};

}  // namespace

StepMetrics::StepMetrics(prometheus::Registry& registry)
    : chunks_(prometheus::BuildCounter()
                  .Name("metastep_step_stream_chunks_total")
                  .Help("Messages of StepStream, by direction")
                  .Register(registry)),
      duration(prometheus::BuildHistogram()
                   .Name("metastep_step_duration_seconds")
                   .Help("Time from a step's arrival to its answer")
                   .Register(registry)
                   .Add({}, kBounds)),
      coordinates(AddCounter(registry, "metastep_step_coordinates_total",
                             "Coordinates stepped")),
      received_bytes(AddCounter(registry, "metastep_step_received_bytes_total",
                                "Bytes of gradients received")),
      sent_bytes(AddCounter(registry, "metastep_step_sent_bytes_total",
                            "Bytes of updates sent")),
      streams(AddGauge(registry, "metastep_step_streams", "Open StepStreams")),
      received_chunks(chunks_.Add({{"direction", "received"}})),
      sent_chunks(chunks_.Add({{"direction", "sent"}})),
      sessions(AddGauge(registry, "metastep_sessions", "Open sessions")),
      session_bytes(AddGauge(registry, "metastep_session_state_bytes",
                             "Bytes of memory that sessions hold")) {
  auto& family = prometheus::BuildCounter()
                     .Name("metastep_step_errors_total")
                     .Help("Steps that failed, by reason")
                     .Register(registry);
  for (const absl::string_view reason :
       {kReasonSessionUnknown, kReasonSessionBusy, kReasonStepGap,
        kReasonStepTooLarge, kReasonStepPreempted, kReasonGradientShape,
        kReasonGradientNotFinite, absl::string_view(kOther)}) {
    errors_[std::string(reason)] =
        &family.Add({{"reason", std::string(reason)}});
  }
}

void StepMetrics::CountError(const absl::Status& status) {
  const std::optional<v1::ErrorInfo> info = GetErrorInfo(status);
  const auto counter = errors_.find(info ? info->reason() : kOther);
  (counter == errors_.end() ? errors_.at(kOther) : counter->second)
      ->Increment();
}

}  // namespace metastep
