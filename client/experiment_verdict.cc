#include "client/experiment_verdict.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/statistics.h"

namespace metastep {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const ComparedRule& Named(const std::vector<ComparedRule>& rules,
                          const std::string& name) {
  return *std::find_if(
      rules.begin(), rules.end(),
      [&](const ComparedRule& rule) { return rule.name == name; });
}

double Sum(const ComparedRule& rule) {
  return Mean(rule.by_sum.curve.sums_of_losses());
}

// Over the `count` steps up to `last`.
double MeanUpTo(const v1::LossCurve& curve, int last, int count) {
  return Mean(
      absl::MakeConstSpan(curve.loss()).subspan(last + 1 - count, count));
}

double MeanOfLast(const ComparedRule& rule, int count) {
  const v1::LossCurve& curve = rule.by_final.curve;
  return MeanUpTo(curve, curve.loss_size() - 1, count);
}

// Of what diverged, infinity.
template <typename Figure>
double LeastOfBaselines(const std::vector<ComparedRule>& rules,
                        Figure&& figure) {
  double least = kInfinity;
  for (const ComparedRule& rule : rules) {
    if (rule.by_final.learning_rate.has_value()) {
      const double value = figure(rule);
      if (value < least) least = value;
    }
  }
  return least;
}

// The greatest factor by which the mean over `steps` losses on end is above the
// least such mean before it.
double WorstRise(const ComparedRule& rule, int steps) {
  const v1::LossCurve& curve = rule.by_final.curve;
  double best = kInfinity;
  double worst = 1;
  for (int t = steps - 1; t < curve.loss_size(); ++t) {
    const double mean = MeanUpTo(curve, t, steps);
    if (!std::isfinite(mean)) return kInfinity;
    best = std::min(best, mean);
    worst = std::max(worst, mean / best);
  }
  return worst;
}

Verdict AtMost(std::string claim, double measured, double limit) {
  return {std::move(claim), measured, limit,
          std::isfinite(measured) && measured <= limit};
}
Verdict Below(std::string claim, double measured, double limit) {
  return {std::move(claim), measured, limit, measured < limit};
}

std::string NameOf(const v1::ExperimentThreshold::StepRange& steps) {
  std::string name =
      steps.first() == steps.last()
          ? absl::StrCat("step ", steps.last())
          : absl::StrCat("steps ", steps.first(), " to ", steps.last());
  if (steps.mean_over() > 1) {
    absl::StrAppend(&name, ", in the mean over ", steps.mean_over(), " steps,");
  }
  return name;
}

// Against either measurement of a baseline: the rate that is best for the final
// loss need not be the better one on the way there. With the figures of the
// first step that fails; of none, the nearest to it.
Verdict BelowBaselines(const ComparedRule& rule,
                       const v1::ExperimentThreshold::StepRange& steps,
                       const std::vector<ComparedRule>& rules) {
  const std::string claim = absl::StrCat(rule.name, " at ", NameOf(steps),
                                         " below every tuned baseline");
  // The least of both; of one that diverged, the other.
  const auto mean_up_to = [&](const ComparedRule& of, int step) {
    return std::fmin(MeanUpTo(of.by_sum.curve, step, steps.mean_over()),
                     MeanUpTo(of.by_final.curve, step, steps.mean_over()));
  };
  Verdict nearest = {claim, 0, kInfinity, true};
  for (int step = steps.first(); step <= steps.last(); ++step) {
    const double limit =
        LeastOfBaselines(rules, [&](const ComparedRule& baseline) {
          return mean_up_to(baseline, step);
        });
    const Verdict verdict = Below(claim, mean_up_to(rule, step), limit);
    if (!verdict.holds) return verdict;
    if (verdict.measured / limit >= nearest.measured / nearest.limit) {
      nearest = verdict;
    }
  }
  return nearest;
}

Verdict JudgeOne(const v1::ExperimentThreshold& threshold,
                 const std::vector<ComparedRule>& rules) {
  const std::string& name = threshold.model();
  const ComparedRule& rule = Named(rules, name);
  switch (threshold.what_case()) {
    case v1::ExperimentThreshold::kLossAtStep: {
      const auto& at = threshold.loss_at_step();
      return AtMost(
          absl::StrCat(name, " at step ", at.step(), " at most ", at.at_most()),
          rule.by_final.curve.loss(at.step()), at.at_most());
    }
    case v1::ExperimentThreshold::kBelowBaselines:
      return BelowBaselines(rule, threshold.below_baselines(), rules);
    case v1::ExperimentThreshold::kSumBelowBaselinesTimes: {
      const double times = threshold.sum_below_baselines_times();
      return Below(absl::StrCat(name, "'s sum below ", times,
                                " times every tuned baseline's"),
                   Sum(rule), times * LeastOfBaselines(rules, Sum));
    }
    case v1::ExperimentThreshold::kNeverAboveBest: {
      const auto& rise = threshold.never_above_best();
      return AtMost(absl::StrCat(name, " never above ", rise.times(),
                                 " times its best so far, in the mean over ",
                                 rise.mean_over(), " steps"),
                    WorstRise(rule, rise.mean_over()), rise.times());
    }
    case v1::ExperimentThreshold::kEndAtMostBaseline: {
      const auto& end = threshold.end_at_most_baseline();
      return AtMost(
          absl::StrCat(name, " over the last ", end.mean_over(),
                       " losses at most tuned ", end.baseline(), "'s"),
          MeanOfLast(rule, end.mean_over()),
          MeanOfLast(Named(rules, end.baseline()), end.mean_over()));
    }
    case v1::ExperimentThreshold::kSumAtMostModel: {
      const auto& other = threshold.sum_at_most_model();
      return AtMost(absl::StrCat(name, "'s sum at most ", other.times(),
                                 " times ", other.model(), "'s"),
                    Sum(rule),
                    other.times() * Sum(Named(rules, other.model())));
    }
    case v1::ExperimentThreshold::WHAT_NOT_SET:
      break;
  }
  return {"nothing", 0, 0, false};  // excluded by LoadExperiment
}

}  // namespace

std::vector<Verdict> Judge(const v1::ExperimentPart& part,
                           const std::vector<ComparedRule>& rules) {
  std::vector<Verdict> verdicts;
  for (const v1::ExperimentThreshold& threshold : part.thresholds()) {
    verdicts.push_back(JudgeOne(threshold, rules));
  }
  return verdicts;
}

}  // namespace metastep
