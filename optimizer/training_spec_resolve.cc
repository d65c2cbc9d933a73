// The limits and defaults of a meta-training's spec.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/rule_factory.h"
#include "optimizer/spec_fields.h"
#include "optimizer/spec_resolve.h"

namespace metastep {
namespace {

constexpr IntegerLimit kRounds{1, 10'000'000};
constexpr IntegerLimit kWindow{1, 1000};

void CheckMultipleOfWindow(int32_t horizon, int32_t window,
                           SpecFields& fields) {
  if (window <= 0 || horizon % window == 0) return;
  fields.Problem(
      "horizon",
      absl::StrCat("is ", horizon, "; must be a multiple of window, which is ",
                   window));
}

void Fill(v1::UnrollSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Integer("horizon", kSteps, 100);
  fields.Integer("window", kWindow, 20);
  fields.Reals("loss_weights", kAnyReal);
  CheckMultipleOfWindow(spec.horizon(), spec.window(), fields);
  const int weights = spec.loss_weights_size();
  if (weights != 0 && weights != int64_t{spec.horizon()} + 1) {
    fields.Problem(
        "loss_weights",
        absl::StrCat("has ", weights, " elements; must have none or ",
                     int64_t{spec.horizon()} + 1, ", one more than horizon"));
  }
}

void Fill(v1::ImitationSpec& spec, const SpecPlace& place) {
  Fill(*spec.mutable_rule(), place / "rule");
  SpecFields(spec, place).Real("weight", kAboveZero, 1.0);
}

void Fill(v1::StageSpec& spec, const v1::UnrollSpec& unroll,
          const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Integer("rounds", kRounds);
  fields.Integer("horizon", kSteps, unroll.horizon());
  fields.Integer("window", kWindow, unroll.window());
  CheckMultipleOfWindow(spec.horizon(), spec.window(), fields);
  if (spec.has_imitation()) {
    Fill(*spec.mutable_imitation(), place / "imitation");
  }
}

// Fills the stages in, and the rounds of all of them.
void FillStages(v1::TrainingSpec& spec, const SpecPlace& place) {
  constexpr int kMaxStages = 16;
  SpecFields fields(spec, place);
  if (spec.stages_size() > kMaxStages) {
    fields.Problem("stages",
                   absl::StrCat("has ", spec.stages_size(),
                                " elements; must have at most ", kMaxStages));
    return;
  }
  int64_t rounds = 0;
  for (int i = 0; i < spec.stages_size(); ++i) {
    Fill(*spec.mutable_stages(i), spec.unroll(), place.Element("stages", i));
    // What is beyond the limit is a problem already, and must not overflow.
    rounds += std::clamp(spec.stages(i).rounds(), int64_t{0}, kRounds.max);
  }
  if (spec.rounds() == 0) spec.set_rounds(rounds);
  if (spec.rounds() != rounds) {
    fields.Problem("rounds",
                   absl::StrCat("is ", spec.rounds(), "; must be unset or ",
                                rounds, ", the sum of the stages' rounds"));
  }
  if (!spec.unroll().loss_weights().empty()) {
    place.problems->Add((place / "unroll.loss_weights").path,
                        "must be empty with stages, whose horizons differ");
  }
}

void Fill(v1::SearchSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Integer("trials", {1, 100});
  fields.Real("min_learning_rate", kAboveZero);
  fields.Real("max_learning_rate", kAboveZero);
  if (spec.min_learning_rate() >= spec.max_learning_rate()) {
    fields.Problem("max_learning_rate",
                   absl::StrCat("is ", spec.max_learning_rate(),
                                "; must be above min_learning_rate, which is ",
                                spec.min_learning_rate()));
  }
}

int32_t LongestHorizon(const v1::TrainingSpec& training) {
  if (training.stages().empty()) return training.unroll().horizon();
  int32_t longest = 0;
  for (const v1::StageSpec& stage : training.stages()) {
    longest = std::max(longest, stage.horizon());
  }
  return longest;
}

void Fill(v1::OuterSpec& spec, const SpecPlace& place) {
  if (!spec.has_rule()) {
    spec.mutable_rule()->mutable_adam()->set_learning_rate(0.001);
  }
  Fill(*spec.mutable_rule(), place / "rule");
  SpecFields fields(spec, place);
  fields.Real("clip_norm", kAtLeastZero);
  fields.Real("decay_to", kFraction, 1.0);
}

void Fill(v1::ValidationSpec& spec, const v1::TrainingSpec& training,
          const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Integer("every_rounds", kRounds, 100);
  fields.Integer("tasks", kTasks, 4);
  fields.Integer("steps", kSteps, LongestHorizon(training));
  fields.Enum("criterion", v1::ValidationSpec::FINAL_LOSS);
  fields.Integer("patience", {0, std::numeric_limits<int32_t>::max()});
}

// Windows of the unroll that has the most.
int32_t MostWindows(const v1::TrainingSpec& training) {
  if (training.stages().empty()) {
    return training.unroll().horizon() / training.unroll().window();
  }
  int32_t most = 0;
  for (const v1::StageSpec& stage : training.stages()) {
    most = std::max(most, stage.horizon() / stage.window());
  }
  return most;
}

int64_t Trials(const v1::TrainingSpec& training) {
  return training.has_search() ? training.search().trials() : 1;
}

// What the server keeps of a run as large as phi: the meta-gradient of every
// lane, the phi of every window of the unrolls in progress, the best one, and
// the outer rule's state, of at most two numbers a meta-parameter. The trials
// of a search are in progress all at once.
// REQUIRES: there is no problem yet.
void CheckKeptNumbers(const v1::TrainingSpec& spec, const SpecPlace& place) {
  constexpr int64_t kMaxNumbers = int64_t{1} << 27;  // 512 MiB
  const int64_t phi = PhiSize(spec.rules());
  const int64_t copies = int64_t{spec.lanes()} + MostWindows(spec) + 3;
  const int64_t trials = Trials(spec);
  const int64_t numbers = phi * copies * trials;
  if (numbers <= kMaxNumbers) return;
  place.problems->Add(
      place.path,
      absl::StrCat(
          "has ", phi, " meta-parameters, times ", copies,
          " (lanes, windows of an unroll and 3)",
          spec.has_search() ? absl::StrCat(", times ", trials, " trials") : "",
          ": ", numbers, " numbers; must be at most ", kMaxNumbers,
          ", which the server keeps: fewer lanes, trials or units, or "
          "longer windows"));
}

}  // namespace

void Fill(v1::TrainingSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  if (spec.rules().empty()) {
    v1::GroupRuleSpec& rule = *spec.add_rules();
    rule.set_name("lstm");
    rule.mutable_rule()->mutable_lstm()->set_preset(v1::LstmSpec::PAPER);
  }
  Fill(*spec.mutable_rules(), place);
  Fill(*spec.mutable_unroll(), place / "unroll");
  fields.Integer("lanes", {1, 1024}, 2);
  if (!spec.stages().empty()) FillStages(spec, place);
  fields.Integer("rounds", kRounds);
  // e^10 and its square are far within float.
  fields.Real("random_scaling",
              {"from 0 to 10", [](double r) { return r >= 0 && r <= 10; }});
  fields.Real("step_margin",
              {"from 0 to 100", [](double m) { return m >= 0 && m <= 100; }});
  Fill(*spec.mutable_outer(), place / "outer");
  Fill(*spec.mutable_validation(), spec, place / "validation");
  if (spec.has_search()) Fill(*spec.mutable_search(), place / "search");
  // As JSON within JSON a byte has up to seven, twice: CheckTensorBytes has the
  // rest of a header's 1 MiB.
  constexpr size_t kMaxBytes = 64 << 10;
  if (spec.ByteSizeLong() > kMaxBytes) {
    place.problems->Add(
        place.path,
        absl::StrCat("has ", spec.ByteSizeLong(), " bytes; must have at most ",
                     kMaxBytes, ": fewer loss_weights, rules or parameters"));
  }
  if (place.problems->empty()) CheckKeptNumbers(spec, place);
  if (place.problems->empty()) {
    CheckHeldLosses(spec.validation().tasks(), spec.validation().steps(),
                    Trials(spec), "trials", place / "validation");
  }
}

}  // namespace metastep
