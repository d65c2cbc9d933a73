// The limits and defaults of runs' specs, message by message; the parts in
// files of their own are in spec_resolve.h. The functions named Fill write
// defaults and record what breaks a limit.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/rule_factory.h"
#include "optimizer/run_spec.h"
#include "optimizer/spec_fields.h"
#include "optimizer/spec_resolve.h"

namespace metastep {
namespace {

void Fill(v1::ModelRef& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Name("name");
  if (spec.has_label()) fields.Name("label");
  if (spec.has_version()) {
    fields.Integer("version", {1, std::numeric_limits<int64_t>::max()});
  }
}

// Characters of UTF-8 text: its bytes that do not continue a character.
int64_t CountCharacters(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](unsigned char c) { return (c & 0xC0) != 0x80; });
}

void Fill(v1::EvaluationEntry& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  constexpr IntegerLimit kLength{1, 128};
  const int64_t length = CountCharacters(spec.label());
  if (length < kLength.min || length > kLength.max) {
    fields.Problem("label",
                   absl::StrCat("has ", length, " characters; must have ",
                                kLength.min, " to ", kLength.max));
  }
  if (!fields.Required("rule")) return;
  if (spec.has_hand_designed()) {
    Fill(*spec.mutable_hand_designed(), place / "hand_designed");
  } else {
    Fill(*spec.mutable_model(), place / "model");
  }
}

void FillEntries(v1::EvaluationSpec& spec, const SpecPlace& place) {
  constexpr int kMaxEntries = 1000;
  const int limit = spec.keep_theta() ? kMaxKeptEntries : kMaxEntries;
  if (spec.entries().empty() || spec.entries_size() > limit) {
    place.problems->Add(
        (place / "entries").path,
        absl::StrCat("has ", spec.entries_size(), " elements; must have 1 to ",
                     limit, spec.keep_theta() ? " with keep_theta" : ""));
    return;
  }
  absl::flat_hash_set<std::string> labels;
  for (int i = 0; i < spec.entries_size(); ++i) {
    const SpecPlace entry = place.Element("entries", i);
    Fill(*spec.mutable_entries(i), entry);
    if (!labels.insert(spec.entries(i).label()).second) {
      place.problems->Add((entry / "label").path,
                          absl::StrCat("is \"", Shown(spec.entries(i).label()),
                                       "\", which an earlier entry has"));
    }
  }
}

// That a call can return the result. It also keeps entries * tasks, the shards
// that the server holds at once, below 2^17.
void CheckCurves(const v1::EvaluationSpec& spec, const SpecPlace& place) {
  const int64_t bytes = spec.entries_size() * CurveBytes(spec);
  if (bytes <= kMaxCurveBytes) return;
  place.problems->Add(
      (place / "entries").path,
      absl::StrCat("has ", spec.entries_size(), " elements, whose curves over ",
                   spec.steps(), " steps and ", spec.tasks(), " tasks have ",
                   bytes, " bytes; must be at most ", kMaxCurveBytes,
                   ", what a message holds: fewer entries a run (`metastep "
                   "compare` makes as many runs as it takes)"));
}

void Fill(v1::EvaluationSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  FillEntries(spec, place);
  fields.Enum("tasks_from", v1::EvaluationSpec::TEST);
  fields.Integer("tasks", kTasks, 10);
  fields.Integer("steps", kSteps, 100);
  CheckCurves(spec, place);
  if (place.problems->empty()) {
    CheckHeldLosses(spec.tasks(), spec.steps(), spec.entries_size(), "entries",
                    place);
  }
}

void Fill(v1::RunSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Name("name");
  Fill(*spec.mutable_task(), place / "task");
  if (!fields.Required("work")) return;
  if (spec.has_training()) {
    Fill(*spec.mutable_training(), place / "training");
    // What "-trial-99" leaves of a name's 64 characters.
    constexpr size_t kMaxSearchName = 55;
    if (spec.training().has_search() && spec.name().size() > kMaxSearchName) {
      fields.Problem("name",
                     absl::StrCat("has ", spec.name().size(),
                                  " characters; with training.search "
                                  "it must have at most ",
                                  kMaxSearchName, ", since trials add to it"));
    }
  } else {
    Fill(*spec.mutable_evaluation(), place / "evaluation");
  }
}

template <typename Spec>
absl::StatusOr<Spec> Resolve(Spec spec) {
  SpecProblems problems;
  const SpecPlace place{/*path=*/"", &problems};
  Fill(spec, place);
  METASTEP_RETURN_IF_ERROR(problems.ToStatus());
  return spec;
}

}  // namespace

void CheckHeldLosses(int32_t tasks, int32_t steps, int64_t times,
                     absl::string_view what, const SpecPlace& place) {
  const int64_t losses = HeldLosses(tasks, steps) * times;
  if (losses <= kMaxHeldLosses) return;
  place.problems->Add((place / "tasks").path,
                      absl::StrCat("is ", tasks, ", times ", steps + 1,
                                   " losses of an unroll, times ", times, " ",
                                   what, ": ", losses, "; must be at most ",
                                   kMaxHeldLosses, ", which the server holds"));
}

absl::StatusOr<v1::RunSpec> ResolveRunSpec(v1::RunSpec spec) {
  return Resolve(std::move(spec));
}

absl::StatusOr<RuleSpecs> ResolveGroupRules(RuleSpecs rules) {
  return Resolve(std::move(rules));
}

absl::StatusOr<v1::LearnedRuleSpec> ResolveLearnedRule(
    v1::LearnedRuleSpec spec) {
  return Resolve(std::move(spec));
}

absl::StatusOr<v1::HandDesignedSpec> ResolveHandDesigned(
    v1::HandDesignedSpec spec) {
  return Resolve(std::move(spec));
}

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  if (IsName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " ", NameProblem(name)));
}

}  // namespace metastep
