#include "client/run_report.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/model_name.h"
#include "client/statistics.h"

namespace metastep {
namespace {

using Json = nlohmann::ordered_json;

Json ValidationJson(const v1::ValidationScore& score) {
  return {{"phi_version", score.phi_version()},
          {"final_loss", score.final_loss()},
          {"sum_of_losses", score.sum_of_losses()}};
}

}  // namespace

std::string FormatRunResult(const v1::Run& run) {
  std::string text = absl::StrFormat("run      %s\n", run.run_id());
  if (run.has_model()) {
    absl::StrAppendFormat(&text, "model    %s\nsha256   %s\n",
                          ModelName(run.model()), run.model().phi_sha256());
  }
  for (const v1::LossCurve& curve : run.curves()) {
    absl::StrAppendFormat(&text, "%-24s sum %-12.4g final %.4g\n",
                          curve.label(), Mean(curve.sums_of_losses()),
                          Mean(curve.final_losses()));
  }
  return text;
}

std::string RunResultJson(const v1::Run& run) {
  Json json = {{"run_id", run.run_id()},
               {"state", v1::Run::State_Name(run.state())},
               {"rounds", run.done()}};
  if (run.has_model()) {
    json["model"] = ModelName(run.model());
    json["sha256"] = run.model().phi_sha256();
    json["validation"] = ValidationJson(run.model().validation());
  }
  for (const v1::LossCurve& curve : run.curves()) {
    json["rules"][curve.label()] = {
        {"sum", Mean(curve.sums_of_losses())},
        {"final", Mean(curve.final_losses())},
        {"curve",
         std::vector<double>(curve.loss().begin(), curve.loss().end())}};
  }
  return json.dump(/*indent=*/2);
}

}  // namespace metastep
