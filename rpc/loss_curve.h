// Loss curves of several tasks as one message.
#ifndef METASTEP_RPC_LOSS_CURVE_H_
#define METASTEP_RPC_LOSS_CURVE_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "metastep/v1/run_service.pb.h"

namespace metastep {

// All but final_theta. REQUIRES: as StatsOf.
v1::LossCurve MeanCurve(const std::string& label,
                        absl::Span<const std::vector<double>> tasks);

}  // namespace metastep

#endif  // METASTEP_RPC_LOSS_CURVE_H_
