#include "client/commands/comparison_output.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "client/comparison_report.h"
#include "client/model_name.h"
#include "client/plot.h"
#include "client/spec_kind.h"
#include "client/user_file.h"

namespace metastep {

absl::Status AddModel(const std::string& flag, v1::ModelInfo model,
                      std::vector<v1::ModelInfo>& models) {
  const std::string name = ModelName(model);
  for (const v1::ModelInfo& other : models) {
    if (ModelName(other) == name) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " names ", name, " a second time"));
    }
  }
  models.push_back(std::move(model));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::ModelInfo>> FindModels(
    const std::vector<std::string>& refs, ModelClient& models) {
  std::vector<v1::ModelInfo> found;
  for (const std::string& text : refs) {
    METASTEP_ASSIGN_OR_RETURN(const v1::ModelRef ref, ParseModelRef(text));
    METASTEP_ASSIGN_OR_RETURN(v1::ModelInfo model, models.Get(ref));
    METASTEP_RETURN_IF_ERROR(
        AddModel(absl::StrCat("--model ", text), std::move(model), found));
  }
  return found;
}

absl::Status ShowComparison(const std::vector<ComparedRule>& rules,
                            const std::vector<v1::ModelInfo>& models,
                            const v1::RunSpec& spec,
                            const ComparisonFlags& flags, bool json) {
  if (json) {
    std::cout << ComparisonJson(rules, spec.task(), flags.steps) << "\n";
  } else {
    for (const v1::ModelInfo& model : models) {
      std::cout << RuleKind(model) << ": " << ModelName(model) << " "
                << model.phi_sha256() << "\n";
    }
    std::cout << FormatTable(rules);
  }
  if (flags.result) std::cout << ResultLine(rules, models.front()) << "\n";
  if (!flags.plot.empty()) {
    const std::string title = absl::StrFormat(
        "%s: mean loss on %d fresh tasks", TaskKind(spec.task()), flags.tasks);
    METASTEP_ASSIGN_OR_RETURN(const PlotFormat format,
                              PlotFormatOf(flags.plot));
    METASTEP_ASSIGN_OR_RETURN(const std::string image,
                              RenderPlot(ComparisonPlot(rules, title), format));
    METASTEP_RETURN_IF_ERROR(WriteUserFile(flags.plot, image));
  }
  return absl::OkStatus();
}

}  // namespace metastep
