#include "client/art_pictures.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "client/evaluation_entries.h"
#include "client/spec_kind.h"
#include "client/statistics.h"
#include "client/tuning.h"
#include "optimizee/image_file.h"
#include "optimizer/run_spec.h"
#include "rpc/float_bytes.h"

namespace metastep {
namespace {

int64_t CoordinatesOf(const v1::ArtSpec& art) {
  return kColors * art.size() * art.size();
}

// Null if none came to a finite loss.
const ComparedRule* BestHandDesigned(const std::vector<ComparedRule>& rules) {
  const ComparedRule* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const ComparedRule& rule : rules) {
    if (!rule.by_final.learning_rate.has_value()) continue;
    const double loss = Mean(rule.by_final.curve.final_losses());
    if (loss < least) {
      best = &rule;
      least = loss;
    }
  }
  return best;
}

}  // namespace

absl::Status CheckKeepsPictures(const v1::TaskSpec& task) {
  if (!task.has_art()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "there are pictures of art tasks alone, and this is ", TaskKind(task)));
  }
  if (CoordinatesOf(task.art()) > kMaxKeptCoordinates) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "a picture of side %d has %d coordinates; at most %d are kept, which "
        "are those of side 147",
        task.art().size(), CoordinatesOf(task.art()), kMaxKeptCoordinates));
  }
  return absl::OkStatus();
}

absl::StatusOr<Picture> PictureOf(const v1::LossCurve& curve,
                                  const v1::TaskSpec& task) {
  const size_t bytes = CoordinatesOf(task.art()) * sizeof(float);
  if (curve.final_theta().size() != bytes) {
    return absl::InternalError(absl::StrFormat(
        "the server gave %d bytes of theta for '%s'; a picture of side %d has "
        "%d",
        curve.final_theta().size(), curve.label(), task.art().size(), bytes));
  }
  return Picture{curve.label(), task.art().size(),
                 FloatsFromBytes(curve.final_theta())};
}

absl::StatusOr<std::vector<Picture>> BeforeAndAfter(
    Evaluator& evaluator, const v1::TaskSpec& task,
    const std::vector<v1::ModelInfo>& models,
    const std::vector<ComparedRule>& rules, int steps) {
  v1::EvaluationSpec what;
  what.set_tasks_from(v1::EvaluationSpec::TEST);
  what.set_tasks(1);
  what.set_steps(steps);
  what.set_keep_theta(true);
  // A rule that never moves leaves theta_0. No model's name has a space.
  AddEntry("at the start", HandDesignedRule("sgd", 0), what);
  if (const ComparedRule* best = BestHandDesigned(rules)) {
    const double rate = *best->by_final.learning_rate;
    AddEntry(absl::StrFormat("%s, rate %.4g", best->name, rate),
             HandDesignedRule(best->name, rate), what);
  }
  for (size_t i = 0; i < models.size(); ++i) {
    AddEntry(rules[i].name, models[i], what);
  }
  METASTEP_ASSIGN_OR_RETURN(const auto curves, evaluator.Evaluate(what));
  std::vector<Picture> pictures;
  for (const v1::LossCurve& curve : curves) {
    METASTEP_ASSIGN_OR_RETURN(pictures.emplace_back(), PictureOf(curve, task));
  }
  return pictures;
}

}  // namespace metastep
