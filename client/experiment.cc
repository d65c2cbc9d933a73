#include "client/experiment.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/evaluation_entries.h"
#include "client/tuning.h"
#include "client/user_file.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

constexpr int64_t kMaxExperimentBytes = 1 << 20;
constexpr int kMaxParts = 32;
// The limits of EvaluationSpec.
constexpr int kMaxTasks = 10'000;
constexpr int kMaxSteps = 100'000;

template <typename Names>
bool Contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status CheckRange(absl::string_view field, double value, double low,
                        double high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, " is ", value, "; it must be from ", low, " to ", high));
}

absl::Status CheckFactor(absl::string_view field, double value, double low) {
  if (std::isfinite(value) && value > 0 && value >= low) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      field, " is ", value, "; it must be finite, above 0 and at least ", low));
}

template <typename Names>
absl::Status CheckUnique(absl::string_view field, const Names& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, " has '", name, "' twice"));
    }
  }
  return absl::OkStatus();
}

template <typename Names>
absl::Status CheckListed(absl::string_view field, const std::string& name,
                         const Names& names) {
  if (Contains(names, name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " '", name, "' is none of the part's"));
}

absl::Status CheckThreshold(const v1::ExperimentThreshold& threshold,
                            const v1::ExperimentPart& part) {
  METASTEP_RETURN_IF_ERROR(
      CheckListed("thresholds.model", threshold.model(), part.models()));
  switch (threshold.what_case()) {
    case v1::ExperimentThreshold::kLossAtStep:
      return CheckRange("loss_at_step.step", threshold.loss_at_step().step(), 0,
                        part.steps());
    case v1::ExperimentThreshold::kBelowBaselines: {
      const auto& steps = threshold.below_baselines();
      METASTEP_RETURN_IF_ERROR(
          CheckRange("below_baselines.last", steps.last(), 0, part.steps()));
      METASTEP_RETURN_IF_ERROR(
          CheckRange("below_baselines.first", steps.first(), 0, steps.last()));
      return CheckRange("below_baselines.mean_over", steps.mean_over(), 1,
                        steps.first() + 1);
    }
    case v1::ExperimentThreshold::kSumBelowBaselinesTimes:
      return CheckFactor("sum_below_baselines_times",
                         threshold.sum_below_baselines_times(), 0);
    case v1::ExperimentThreshold::kNeverAboveBest: {
      const auto& rise = threshold.never_above_best();
      METASTEP_RETURN_IF_ERROR(CheckRange("never_above_best.mean_over",
                                          rise.mean_over(), 1, part.steps()));
      return CheckFactor("never_above_best.times", rise.times(), 1);
    }
    case v1::ExperimentThreshold::kEndAtMostBaseline: {
      const auto& end = threshold.end_at_most_baseline();
      METASTEP_RETURN_IF_ERROR(CheckRange("end_at_most_baseline.mean_over",
                                          end.mean_over(), 1, part.steps()));
      return CheckListed("end_at_most_baseline.baseline", end.baseline(),
                         part.baselines());
    }
    case v1::ExperimentThreshold::kSumAtMostModel:
      METASTEP_RETURN_IF_ERROR(
          CheckListed("sum_at_most_model.model",
                      threshold.sum_at_most_model().model(), part.models()));
      return CheckFactor("sum_at_most_model.times",
                         threshold.sum_at_most_model().times(), 0);
    case v1::ExperimentThreshold::WHAT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a threshold says nothing that must hold");
}

absl::Status ResolveTask(const v1::ExperimentPart& part, v1::TaskSpec& task) {
  v1::RunSpec spec;
  spec.set_name(part.name());
  *spec.mutable_task() = task;
  AddEntry("any", HandDesignedRule("adam", 1), *spec.mutable_evaluation());
  METASTEP_ASSIGN_OR_RETURN(const v1::RunSpec resolved, ResolveRunSpec(spec));
  task = resolved.task();
  return absl::OkStatus();
}

absl::Status ResolvePart(v1::ExperimentPart& part) {
  METASTEP_RETURN_IF_ERROR(CheckName("name", part.name()));
  METASTEP_RETURN_IF_ERROR(ResolveTask(part, *part.mutable_task()));
  if (part.models().empty()) {
    return absl::InvalidArgumentError("models is empty; name at least one");
  }
  const std::vector<std::string> known = HandDesignedRuleNames();
  METASTEP_RETURN_IF_ERROR(CheckUnique("models", part.models()));
  for (const std::string& model : part.models()) {
    METASTEP_RETURN_IF_ERROR(CheckName("models", model));
    if (Contains(known, model)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "models has '", model, "', the name of a hand-designed rule"));
    }
  }
  if (part.baselines().empty()) {
    part.mutable_baselines()->Add(known.begin(), known.end());
  }
  METASTEP_RETURN_IF_ERROR(CheckUnique("baselines", part.baselines()));
  for (const std::string& baseline : part.baselines()) {
    if (!Contains(known, baseline)) {
      return absl::InvalidArgumentError(
          absl::StrCat("baselines has '", baseline,
                       "'; there are sgd, momentum, nag, rmsprop and adam"));
    }
  }
  METASTEP_RETURN_IF_ERROR(CheckRange("steps", part.steps(), 1, kMaxSteps));
  METASTEP_RETURN_IF_ERROR(CheckRange("tasks", part.tasks(), 1, kMaxTasks));
  METASTEP_RETURN_IF_ERROR(
      CheckRange("tuning_tasks", part.tuning_tasks(), 1, kMaxTasks));
  for (const v1::ExperimentThreshold& threshold : part.thresholds()) {
    METASTEP_RETURN_IF_ERROR(CheckThreshold(threshold, part));
  }
  return absl::OkStatus();
}

absl::Status Resolve(v1::Experiment& experiment) {
  if (experiment.title().empty()) {
    return absl::InvalidArgumentError("title is empty");
  }
  METASTEP_RETURN_IF_ERROR(
      CheckRange("parts", experiment.parts_size(), 1, kMaxParts));
  std::set<std::string> names;
  for (v1::ExperimentPart& part : *experiment.mutable_parts()) {
    absl::Status status = ResolvePart(part);
    if (status.ok() && !names.insert(part.name()).second) {
      status = absl::InvalidArgumentError("its name is another part's, too");
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("part '", part.name(), "': ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Experiment> LoadExperiment(const std::string& path) {
  METASTEP_ASSIGN_OR_RETURN(const std::string text,
                            ReadUserFile(path, kMaxExperimentBytes));
  v1::Experiment experiment;
  if (!google::protobuf::TextFormat::ParseFromString(text, &experiment)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": not an Experiment (experiment.proto) in text format"));
  }
  const absl::Status status = Resolve(experiment);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", status.message()));
  }
  return experiment;
}

absl::Status KeepParts(const std::vector<std::string>& names,
                       v1::Experiment& experiment) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> known;
  google::protobuf::RepeatedPtrField<v1::ExperimentPart> kept;
  for (const v1::ExperimentPart& part : experiment.parts()) {
    known.push_back(part.name());
    if (Contains(names, part.name())) *kept.Add() = part;
  }
  for (const std::string& name : names) {
    if (!Contains(known, name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "no part '", name, "'; there are: ", absl::StrJoin(known, " ")));
    }
  }
  experiment.mutable_parts()->Swap(&kept);
  return absl::OkStatus();
}

}  // namespace metastep
