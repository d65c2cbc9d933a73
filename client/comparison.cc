#include "client/comparison.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/evaluation_entries.h"
#include "client/model_name.h"
#include "client/spec_kind.h"

namespace metastep {
namespace {

// The entries under test, and which rule's which measurement each one is.
class TestPlan {
 public:
  explicit TestPlan(const ComparisonOptions& options) {
    what_.set_tasks_from(v1::EvaluationSpec::TEST);
    what_.set_tasks(options.tasks);
    what_.set_steps(options.steps);
  }

  void AddModel(const std::string& name, const v1::ModelInfo& model) {
    rules_.push_back({name, {}, {}});
    AddEntry(name, model, what_);
    entry_of_.push_back({what_.entries_size() - 1, what_.entries_size() - 1});
  }

  void AddTuned(const TunedRule& tuned) {
    rules_.push_back({tuned.name,
                      {tuned.learning_rate_sum, {}},
                      {tuned.learning_rate_final, {}}});
    const int by_sum = AddHandDesigned(tuned.name, tuned.learning_rate_sum);
    const int by_final =
        tuned.learning_rate_final == tuned.learning_rate_sum
            ? by_sum
            : AddHandDesigned(tuned.name, tuned.learning_rate_final);
    entry_of_.push_back({by_sum, by_final});
  }

  absl::StatusOr<std::vector<ComparedRule>> Run(Evaluator& evaluator) && {
    METASTEP_ASSIGN_OR_RETURN(const auto curves, evaluator.Evaluate(what_));
    for (size_t i = 0; i < rules_.size(); ++i) {
      rules_[i].by_sum.curve = curves[entry_of_[i].first];
      rules_[i].by_final.curve = curves[entry_of_[i].second];
    }
    return std::move(rules_);
  }

 private:
  int AddHandDesigned(const std::string& name, double learning_rate) {
    AddEntry(absl::StrCat(name, " ", learning_rate),
             HandDesignedRule(name, learning_rate), what_);
    return what_.entries_size() - 1;
  }

  v1::EvaluationSpec what_;
  std::vector<ComparedRule> rules_;
  std::vector<std::pair<int, int>> entry_of_;  // by sum, by final; [rules]
};

}  // namespace

absl::StatusOr<std::vector<ComparedRule>> Compare(
    Evaluator& evaluator, const ComparisonOptions& options) {
  TestPlan plan(options);
  for (const v1::ModelInfo& model : options.models) {
    plan.AddModel(
        options.models.size() == 1 ? RuleKind(model) : ModelName(model), model);
  }
  if (!options.baselines.empty()) {
    METASTEP_ASSIGN_OR_RETURN(
        const std::vector<TunedRule> tuned,
        TuneHandDesignedRules(evaluator, options.baselines,
                              options.tuning_tasks, options.steps));
    for (const TunedRule& rule : tuned) plan.AddTuned(rule);
  }
  return std::move(plan).Run(evaluator);
}

}  // namespace metastep
