#include "server/coordinator_metrics.h"

#include <string>

#include "absl/strings/ascii.h"
#include "server/metric_builders.h"

namespace metastep {
namespace {

prometheus::Counter& AddWindowCounter(prometheus::Registry& registry,
                                      const std::string& start) {
  return AddCounter(registry, "metastep_windows_total",
                    "Accepted windows, by whether the lane's state was warm",
                    {{"start", start}});
}

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(prometheus::Registry& registry)
    : rounds(AddCounter(registry, "metastep_rounds_total",
                        "Rounds closed, each with one outer step")),
      validations(AddCounter(registry, "metastep_validations_total",
                             "Validations of a phi")),
      lease_expiries(AddCounter(registry, "metastep_lease_expiries_total",
                                "Leases that ended without an answer")),
      leases(AddCounter(registry, "metastep_leases_total", "Leases given")),
      windows_warm(AddWindowCounter(registry, "warm")),
      windows_replayed(AddWindowCounter(registry, "replayed")),
      received_bytes(AddCounter(registry,
                                "metastep_meta_gradient_received_bytes_total",
                                "Bytes of meta-gradients submitted")),
      sent_bytes(AddCounter(registry, "metastep_phi_sent_bytes_total",
                            "Bytes of phi sent to workers")),
      outer_loss(AddGauge(registry, "metastep_outer_loss",
                          "Mean loss over the last closed round's windows")),
      active_runs(AddGauge(registry, "metastep_active_runs",
                           "Runs that are being computed")),
      workers(AddGauge(registry, "metastep_workers", "Registered workers")),
      live_leases(AddGauge(registry, "metastep_live_leases", "Live leases")),
      pending_shards(AddGauge(registry, "metastep_pending_shards",
                              "Shards of open phases that are not done")) {
  using Response = v1::SubmitResultResponse;
  auto& family = prometheus::BuildCounter()
                     .Name("metastep_shards_total")
                     .Help("Submissions, by what became of them")
                     .Register(registry);
  for (int i = Response::Disposition_MIN + 1; i <= Response::Disposition_MAX;
       ++i) {
    const auto disposition = static_cast<Response::Disposition>(i);
    submissions_[disposition] = &family.Add(
        {{"disposition",
          absl::AsciiStrToLower(Response::Disposition_Name(disposition))}});
  }
}

void CoordinatorMetrics::CountSubmission(
    v1::SubmitResultResponse::Disposition disposition) {
  submissions_.at(disposition)->Increment();
}

}  // namespace metastep
