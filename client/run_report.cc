#include "client/run_report.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/model_name.h"
#include "client/statistics.h"
#include "client/validation_text.h"

namespace metastep {
namespace {

using Json = nlohmann::ordered_json;

Json ValidationJson(const v1::ValidationScore& score) {
  return {{"phi_version", score.phi_version()},
          {"final_loss", score.final_loss()},
          {"sum_of_losses", score.sum_of_losses()}};
}

Json TrialJson(const v1::Trial& trial) {
  Json json = {{"run_id", trial.run_id()},
               {"learning_rate", trial.learning_rate()},
               {"state", v1::Run::State_Name(trial.state())},
               {"rounds", trial.done()}};
  if (trial.has_best_validation()) {
    json["validation"] = ValidationJson(trial.best_validation());
  }
  if (!trial.error().empty()) json["error"] = trial.error();
  return json;
}

}  // namespace

std::string FormatTrials(const v1::Run& run) {
  std::string text;
  for (int i = 0; i < run.trials_size(); ++i) {
    const v1::Trial& trial = run.trials(i);
    absl::StrAppendFormat(&text, "trial %-3d rate %-10.4g %-9s  round %d/%d", i,
                          trial.learning_rate(),
                          v1::Run::State_Name(trial.state()), trial.done(),
                          run.spec().training().rounds());
    if (trial.has_best_validation()) {
      absl::StrAppend(&text, "  validation ",
                      ValidationText(run, trial.best_validation()));
    }
    if (run.has_model() && run.model().run_id() == trial.run_id()) {
      absl::StrAppend(&text, "  (the model)");
    }
    absl::StrAppend(&text, trial.error().empty() ? "" : "  ", trial.error(),
                    "\n");
  }
  return text;
}

std::string FormatRunResult(const v1::Run& run) {
  std::string text = absl::StrFormat("run      %s\n", run.run_id());
  if (run.has_model()) {
    absl::StrAppendFormat(&text, "model    %s\nsha256   %s\n",
                          ModelName(run.model()), run.model().phi_sha256());
  }
  absl::StrAppend(&text, FormatTrials(run));
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
  for (const v1::Trial& trial : run.trials()) {
    json["trials"].push_back(TrialJson(trial));
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
