// What the coordinator counts for Prometheus.
#ifndef METASTEP_SERVER_COORDINATOR_METRICS_H_
#define METASTEP_SERVER_COORDINATOR_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>

#include "metastep/v1/coordinator_service.pb.h"

namespace metastep {

// Thread-safe; the members are prometheus-cpp's own. `registry` must outlive
// it.
class CoordinatorMetrics {
 public:
  explicit CoordinatorMetrics(prometheus::Registry& registry);

  // Shards by what became of the submission; every submission counts once.
  void CountSubmission(v1::SubmitResultResponse::Disposition disposition);

 private:
  std::map<v1::SubmitResultResponse::Disposition, prometheus::Counter*>
      submissions_;

 public:
  prometheus::Counter& rounds;
  prometheus::Counter& validations;
  prometheus::Counter& lease_expiries;
  prometheus::Counter& leases;
  prometheus::Counter& windows_warm;      // lane state was at hand
  prometheus::Counter& windows_replayed;  // it was rebuilt
  prometheus::Counter& received_bytes;    // meta-gradients
  prometheus::Counter& sent_bytes;        // phi
  prometheus::Gauge& outer_loss;          // of the last round that closed
  prometheus::Gauge& active_runs;
  prometheus::Gauge& workers;
  prometheus::Gauge& live_leases;
  prometheus::Gauge& pending_shards;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_COORDINATOR_METRICS_H_
