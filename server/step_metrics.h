// What the step service counts for Prometheus.
#ifndef METASTEP_SERVER_STEP_METRICS_H_
#define METASTEP_SERVER_STEP_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <string>

#include "absl/status/status.h"

namespace metastep {

// Thread-safe; the members are prometheus-cpp's own. `registry` must outlive
// it.
class StepMetrics {
 public:
  explicit StepMetrics(prometheus::Registry& registry);

  // A step that failed, by the reason of its status.
  void CountError(const absl::Status& status);

 private:
  std::map<std::string, prometheus::Counter*> errors_;  // by reason
  prometheus::Family<prometheus::Counter>& chunks_;

 public:
  prometheus::Histogram& duration;       // of steps, from call to answer
  prometheus::Counter& coordinates;      // of steps that were answered
  prometheus::Counter& received_bytes;   // gradients
  prometheus::Counter& sent_bytes;       // updates
  prometheus::Gauge& streams;            // that are open
  prometheus::Counter& received_chunks;  // messages of streams
  prometheus::Counter& sent_chunks;
  prometheus::Gauge& sessions;       // that are open
  prometheus::Gauge& session_bytes;  // that they hold
};

}  // namespace metastep

#endif  // METASTEP_SERVER_STEP_METRICS_H_
