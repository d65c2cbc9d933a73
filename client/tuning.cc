#include "client/tuning.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "client/evaluation_entries.h"
#include "client/statistics.h"
#include "optimizer/hand_designed.h"

namespace metastep {
namespace {

// A learning rate is 10^(k / kPerDecade) for an integer k.
constexpr int kPerDecade = 6;
constexpr int kCoarse = kPerDecade / 2;  // apart, at first
constexpr int kFirst = -7 * kCoarse;
constexpr int kLowest = -8 * kPerDecade;
constexpr int kHighest = 3 * kPerDecade;

struct Baseline {
  const char* name;
  int last;  // k of the largest rate at first
  void (*choose)(v1::HandDesignedSpec& spec);
};

constexpr Baseline kBaselines[] = {
    {"sgd", kPerDecade, [](auto& spec) { spec.mutable_sgd(); }},
    {"momentum", kCoarse, [](auto& spec) { spec.mutable_momentum(); }},
    {"nag", kPerDecade, [](auto& spec) { spec.mutable_nag(); }},
    {"rmsprop", kCoarse, [](auto& spec) { spec.mutable_rmsprop(); }},
    {"adam", kCoarse, [](auto& spec) { spec.mutable_adam(); }},
};

v1::HandDesignedSpec RuleOf(const Baseline& baseline, double learning_rate) {
  v1::HandDesignedSpec spec;
  baseline.choose(spec);
  SetLearningRate(learning_rate, spec);
  return spec;
}

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
  for (int i = kCoarse; i <= kPerDecade; i += kCoarse) {
    if (best == first && first - i >= kLowest) next.insert(first - i);
    if (best == last && last + i <= kHighest) next.insert(last + i);
  }
}

// What lies between the best and its neighbours.
void RefineAroundBest(const std::map<int, double>& scores,
                      std::set<int>& next) {
  const int best = Best(scores);
  for (int i = 1; i < kCoarse; ++i) {
    for (int k : {best - i, best + i}) {
      if (k >= kLowest && k <= kHighest && scores.count(k) == 0) {
        next.insert(k);
      }
    }
  }
}

double FiniteOrInfinity(double score) {
  return std::isfinite(score) ? score : std::numeric_limits<double>::infinity();
}

using Candidates = std::vector<std::pair<const Baseline*, int>>;
using AllScores = std::map<const Baseline*, Scores>;
using Proposal = void(const std::map<int, double>&, std::set<int>&);

// The rates that `propose` wants to see next, for either score.
Candidates Propose(const AllScores& scores, Proposal& propose) {
  Candidates candidates;
  for (const auto& [baseline, seen] : scores) {
    std::set<int> next;
    propose(seen.sum, next);
    propose(seen.final, next);
    for (int k : next) candidates.push_back({baseline, k});
  }
  return candidates;
}

absl::Status Score(Evaluator& evaluator, v1::EvaluationSpec what,
                   const Candidates& candidates, AllScores& scores) {
  for (const auto& [baseline, k] : candidates) {
    AddEntry(absl::StrFormat("%s %.3g", baseline->name, LearningRate(k)),
             RuleOf(*baseline, LearningRate(k)), what);
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

const Baseline& Named(absl::string_view name) {
  return *std::find_if(
      std::begin(kBaselines), std::end(kBaselines),
      [&](const Baseline& baseline) { return baseline.name == name; });
}

}  // namespace

std::vector<std::string> HandDesignedRuleNames() {
  std::vector<std::string> names;
  for (const Baseline& baseline : kBaselines) names.push_back(baseline.name);
  return names;
}

absl::StatusOr<std::vector<TunedRule>> TuneHandDesignedRules(
    Evaluator& evaluator, const std::vector<std::string>& names, int tasks,
    int steps) {
  v1::EvaluationSpec what;
  what.set_tasks_from(v1::EvaluationSpec::TUNING);
  what.set_tasks(tasks);
  what.set_steps(steps);

  Candidates candidates;
  for (const std::string& name : names) {
    const Baseline& baseline = Named(name);
    for (int k = kFirst; k <= baseline.last; k += kCoarse) {
      candidates.push_back({&baseline, k});
    }
  }
  AllScores scores;
  while (!candidates.empty()) {
    METASTEP_RETURN_IF_ERROR(Score(evaluator, what, candidates, scores));
    candidates = Propose(scores, ExtendAtEdge);
  }
  candidates = Propose(scores, RefineAroundBest);
  if (!candidates.empty()) {
    METASTEP_RETURN_IF_ERROR(Score(evaluator, what, candidates, scores));
  }

  std::vector<TunedRule> tuned;
  for (const std::string& name : names) {
    const Scores& seen = scores[&Named(name)];
    tuned.push_back(
        {name, LearningRate(Best(seen.sum)), LearningRate(Best(seen.final))});
  }
  return tuned;
}

v1::HandDesignedSpec HandDesignedRule(absl::string_view name,
                                      double learning_rate) {
  return RuleOf(Named(name), learning_rate);
}

}  // namespace metastep
