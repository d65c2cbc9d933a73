#include "client/tuning.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "client/statistics.h"

namespace metastep {
namespace {

// A learning rate is 10^(k / kPerDecade) for an integer k.
constexpr int kPerDecade = 6;
constexpr int kFirst = -4 * kPerDecade;
constexpr int kLast = kPerDecade / 2;
constexpr int kLowest = -8 * kPerDecade;
constexpr int kHighest = 3 * kPerDecade;

struct Baseline {
  const char* name;
  void (*set)(v1::HandDesignedSpec& spec, double learning_rate);
};

constexpr Baseline kBaselines[] = {
    {"sgd", [](auto& spec,
               double rate) { spec.mutable_sgd()->set_learning_rate(rate); }},
    {"momentum",
     [](auto& spec, double rate) {
       spec.mutable_momentum()->set_learning_rate(rate);
     }},
    {"nag", [](auto& spec,
               double rate) { spec.mutable_nag()->set_learning_rate(rate); }},
    {"rmsprop",
     [](auto& spec, double rate) {
       spec.mutable_rmsprop()->set_learning_rate(rate);
     }},
    {"adam", [](auto& spec,
                double rate) { spec.mutable_adam()->set_learning_rate(rate); }},
};

double LearningRate(int k) {
  return std::pow(10.0, static_cast<double>(k) / kPerDecade);
}

// What one rule has shown so far, by k.
struct Scores {
  std::map<int, double> sum;
  std::map<int, double> final;
};

// The k of the least score; the lowest k if all diverged.
int Best(const std::map<int, double>& scores) {
  auto best = scores.begin();
  for (auto it = scores.begin(); it != scores.end(); ++it) {
    if (it->second < best->second) best = it;
  }
  return best->first;
}

// One more decade on each side where the best lies at the edge.
void ExtendAtEdge(const std::map<int, double>& scores, std::set<int>& next) {
  const int best = Best(scores);
  const int first = scores.begin()->first;
  const int last = scores.rbegin()->first;
  for (int i = 1; i <= kPerDecade; ++i) {
    if (best == first && first - i >= kLowest) next.insert(first - i);
    if (best == last && last + i <= kHighest) next.insert(last + i);
  }
}

double FiniteOrInfinity(double score) {
  return std::isfinite(score) ? score : std::numeric_limits<double>::infinity();
}

using Candidates = std::vector<std::pair<const Baseline*, int>>;

absl::Status Score(Evaluator& evaluator, v1::EvaluationSpec what,
                   const Candidates& candidates,
                   std::map<const Baseline*, Scores>& scores) {
  for (const auto& [baseline, k] : candidates) {
    auto* entry = what.add_entries();
    entry->set_label(
        absl::StrFormat("%s %.3g", baseline->name, LearningRate(k)));
    baseline->set(*entry->mutable_hand_designed(), LearningRate(k));
  }
  METASTEP_ASSIGN_OR_RETURN(const auto curves, evaluator.Evaluate(what));
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto& [baseline, k] = candidates[i];
    scores[baseline].sum[k] =
        FiniteOrInfinity(Mean(curves[i].sums_of_losses()));
    scores[baseline].final[k] =
        FiniteOrInfinity(Mean(curves[i].final_losses()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TunedRule>> TuneHandDesignedRules(
    Evaluator& evaluator, int tasks, int steps) {
  v1::EvaluationSpec what;
  what.set_tasks_from(v1::EvaluationSpec::TUNING);
  what.set_tasks(tasks);
  what.set_steps(steps);

  Candidates candidates;
  for (const Baseline& baseline : kBaselines) {
    for (int k = kFirst; k <= kLast; ++k) candidates.push_back({&baseline, k});
  }
  std::map<const Baseline*, Scores> scores;
  while (!candidates.empty()) {
    METASTEP_RETURN_IF_ERROR(Score(evaluator, what, candidates, scores));
    candidates.clear();
    for (const auto& [baseline, seen] : scores) {
      std::set<int> next;
      ExtendAtEdge(seen.sum, next);
      ExtendAtEdge(seen.final, next);
      for (int k : next) candidates.push_back({baseline, k});
    }
  }

  std::vector<TunedRule> tuned;
  for (const Baseline& baseline : kBaselines) {
    const Scores& seen = scores[&baseline];
    tuned.push_back({baseline.name, LearningRate(Best(seen.sum)),
                     LearningRate(Best(seen.final))});
  }
  return tuned;
}

v1::HandDesignedSpec HandDesignedRule(absl::string_view name,
                                      double learning_rate) {
  v1::HandDesignedSpec spec;
  for (const Baseline& baseline : kBaselines) {
    if (baseline.name == name) baseline.set(spec, learning_rate);
  }
  return spec;
}

}  // namespace metastep
