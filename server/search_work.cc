#include "server/search_work.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "optimizer/hand_designed.h"
#include "optimizer/validation_criterion.h"

namespace metastep {
namespace {

// Log-uniform between the search's bounds.
double DrawRate(const v1::RunSpec& spec, int trial) {
  const v1::SearchSpec& search = spec.training().search();
  Rng rng({.seed = spec.seed(),
           .stream = RngStream::kSearch,
           .lane = static_cast<uint32_t>(trial)});
  const double low = std::log(search.min_learning_rate());
  const double high = std::log(search.max_learning_rate());
  return std::exp(low + (high - low) * double{rng.Uniform()});
}

StoredRun MakeTrial(const StoredRun& search, int number, double rate) {
  const std::string suffix = absl::StrCat("-trial-", number);
  StoredRun trial = search;
  trial.run.clear_trials();
  trial.run.set_run_id(search.run.run_id() + suffix);
  trial.run.set_search_run_id(search.run.run_id());
  v1::RunSpec& spec = *trial.run.mutable_spec();
  spec.set_name(spec.name() + suffix);
  spec.mutable_training()->clear_search();
  SetLearningRate(rate,
                  *spec.mutable_training()->mutable_outer()->mutable_rule());
  // Requests are told apart by their ids; nobody sent one for a trial.
  trial.request_id = trial.run.run_id();
  return trial;
}

}  // namespace

bool IsSearch(const v1::RunSpec& spec) { return spec.training().has_search(); }

std::vector<StoredRun> WithTrials(StoredRun run) {
  std::vector<StoredRun> runs = {std::move(run)};
  if (!IsSearch(runs.front().run.spec())) return runs;
  const v1::RunSpec spec = runs.front().run.spec();
  for (int i = 0; i < spec.training().search().trials(); ++i) {
    const double rate = DrawRate(spec, i);
    runs.push_back(MakeTrial(runs.front(), i, rate));
    const v1::Run& made = runs.back().run;
    v1::Trial& trial = *runs.front().run.add_trials();
    trial.set_run_id(made.run_id());
    trial.set_learning_rate(rate);
    trial.set_state(made.state());
  }
  return runs;
}

SearchWork::SearchWork(const v1::Run& search)
    : spec_(search.spec().training()),
      trials_(search.trials().begin(), search.trials().end()) {}

absl::Status SearchWork::Take(int /*shard*/,
                              const v1::SubmitResultRequest& /*result*/) {
  return absl::InvalidArgumentError("a search has no shards");
}

bool SearchWork::ended() const {
  return std::all_of(
      trials_.begin(), trials_.end(),
      [](const v1::Trial& trial) { return trial.state() != v1::Run::RUNNING; });
}

std::string SearchWork::failure() const {
  if (winner_) return "";
  const v1::Trial& last = trials_.back();
  return absl::StrFormat(
      "none of the %d trials succeeded; trial %d: %s", trials_.size(),
      trials_.size() - 1,
      last.error().empty() ? v1::Run::State_Name(last.state()) : last.error());
}

bool SearchWork::Better(int a, int b) const {
  const auto criterion = [&](int trial) {
    return CriterionValue(spec_.validation().criterion(),
                          trials_[trial].best_validation());
  };
  return std::pair(criterion(a), a) < std::pair(criterion(b), b);
}

void SearchWork::TakePart(const v1::Run& trial,
                          const std::optional<Model>& model) {
  for (int i = 0; i < static_cast<int>(trials_.size()); ++i) {
    v1::Trial& entry = trials_[i];
    if (entry.run_id() != trial.run_id()) continue;
    entry.set_state(trial.state());
    entry.set_done(trial.done());
    entry.set_error(trial.error());
    if (trial.has_best_validation()) {
      *entry.mutable_best_validation() = trial.best_validation();
    }
    if (model && (!winner_ || Better(i, *winner_))) {
      winner_ = i;
      model_ = model;
    }
    return;
  }
}

void SearchWork::Report(int /*done_shards*/, v1::Run& run) const {
  std::optional<int> best;
  int64_t done = 0;
  for (int i = 0; i < static_cast<int>(trials_.size()); ++i) {
    done += trials_[i].done();
    if (!trials_[i].has_best_validation()) continue;
    // A trial that ended early is no candidate, however well it began.
    if (trials_[i].state() != v1::Run::RUNNING &&
        trials_[i].state() != v1::Run::SUCCEEDED) {
      continue;
    }
    if (!best || Better(i, *best)) best = i;
  }
  run.set_done(done);
  run.set_total(spec_.rounds() * static_cast<int64_t>(trials_.size()));
  run.mutable_trials()->Assign(trials_.begin(), trials_.end());
  run.clear_best_validation();
  if (best) *run.mutable_best_validation() = trials_[*best].best_validation();
}

}  // namespace metastep
