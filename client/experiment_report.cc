#include "client/experiment_report.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/comparison_report.h"
#include "client/statistics.h"

namespace metastep {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(const MeasuredPart& measured) {
  Json models = Json::object();
  for (int i = 0; i < measured.part.models_size(); ++i) {
    models[measured.part.models(i)] = measured.models[i].phi_sha256();
  }
  Json rules = Json::object();
  for (const ComparedRule& rule : measured.rules) {
    const auto& curve = rule.by_final.curve.loss();
    const auto& sums = rule.by_sum.curve.sums_of_losses();
    const auto& finals = rule.by_final.curve.final_losses();
    rules[rule.name] = {
        {"sum", Mean(sums)},
        {"sum_half_width_95", HalfWidth95(sums)},
        {"final", Mean(finals)},
        {"final_half_width_95", HalfWidth95(finals)},
        {"curve", std::vector<double>(curve.begin(), curve.end())}};
  }
  Json verdicts = Json::array();
  for (const Verdict& verdict : measured.verdicts) {
    verdicts.push_back({{"claim", verdict.claim},
                        {"measured", verdict.measured},
                        {"limit", verdict.limit},
                        {"holds", verdict.holds}});
  }
  return {{"name", measured.part.name()},
          {"tasks", measured.part.tasks()},
          {"steps", measured.part.steps()},
          {"seed", measured.part.seed()},
          {"models", models},
          {"rules", rules},
          {"verdicts", verdicts}};
}

// Both in as many digits, four or more, as it takes to tell them apart.
std::string FormatFigures(const Verdict& verdict) {
  constexpr int kMostDigits = 9;
  for (int digits = 4;; ++digits) {
    const std::string measured =
        absl::StrFormat("%.*g", digits, verdict.measured);
    const std::string limit = absl::StrFormat("%.*g", digits, verdict.limit);
    if (measured != limit || digits == kMostDigits) {
      return absl::StrCat(measured, ", limit ", limit);
    }
  }
}

std::string LinkTo(const std::string& file, const ExperimentResult& result) {
  return (std::filesystem::path(result.figure_folder) / file).generic_string();
}

}  // namespace

std::string FigureName(const std::string& experiment,
                       const v1::ExperimentPart& part) {
  return absl::StrCat(experiment, "-", part.name(), ".png");
}

std::string PicturesName(const std::string& experiment,
                         const v1::ExperimentPart& part) {
  return absl::StrCat(experiment, "-", part.name(), "-pictures.png");
}

std::string FormatMeasuredPart(const MeasuredPart& measured) {
  std::string text = FormatTable(measured.rules);
  for (const Verdict& verdict : measured.verdicts) {
    absl::StrAppendFormat(&text, "%-6s  %s: %s\n",
                          verdict.holds ? "holds" : "MISSED", verdict.claim,
                          FormatFigures(verdict));
  }
  return text;
}

std::string ExperimentJson(const ExperimentResult& result) {
  Json parts = Json::array();
  for (const MeasuredPart& part : result.parts) parts.push_back(JsonOf(part));
  return Json{{"experiment", result.name},
              {"version", result.version},
              {"parts", parts}}
      .dump(/*indent=*/2);
}

std::string ExperimentMarkdown(const ExperimentResult& result) {
  std::string page = absl::StrFormat(
      "# %s\n\nWritten by metastep %s:\n\n```sh\n%s\n```\n\nLosses are means "
      "over fresh tasks with 95%% intervals. Hand-designed rules are at the "
      "learning rates that were best on other tasks, for the sum of losses and "
      "for the final loss.\n",
      result.title, result.version, result.command);
  for (const MeasuredPart& measured : result.parts) {
    const v1::ExperimentPart& part = measured.part;
    absl::StrAppendFormat(
        &page,
        "\n## %s\n\n%d steps, %d tasks, seed %d; learning rates chosen on %d "
        "tasks.\n\n",
        part.name(), part.steps(), part.tasks(), part.seed(),
        part.tuning_tasks());
    for (int i = 0; i < part.models_size(); ++i) {
      absl::StrAppendFormat(&page, "- `%s`: SHA-256 of phi `%s`\n",
                            part.models(i), measured.models[i].phi_sha256());
    }
    absl::StrAppendFormat(&page, "\n```\n%s```\n\n![loss curves](%s)\n",
                          FormatMeasuredPart(measured),
                          LinkTo(FigureName(result.name, part), result));
    if (!measured.pictures.empty()) {
      absl::StrAppendFormat(
          &page,
          "\nOne fresh task before and after %d steps, with the best "
          "hand-designed rule and with the learned ones:\n\n![pictures](%s)\n",
          part.steps(), LinkTo(PicturesName(result.name, part), result));
    }
  }
  return page;
}

}  // namespace metastep
