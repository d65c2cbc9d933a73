// A comparison as a table, as JSON and as a plot.
#ifndef METASTEP_CLIENT_COMPARISON_REPORT_H_
#define METASTEP_CLIENT_COMPARISON_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/comparison.h"
#include "client/plot.h"
#include "metastep/v1/model.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Columns: rule; sum of losses with its 95% interval and learning rate; final
// loss likewise.
std::string FormatTable(const std::vector<ComparedRule>& rules);

// {"rules": {NAME: {"sum", "final", "curve", and for hand-designed rules
// "learning_rate_sum", "learning_rate_final"}}, "task": KIND, "steps": N}.
// The curve is the one at the learning rate that is best for the final loss.
// What is not finite is null.
std::string ComparisonJson(const std::vector<ComparedRule>& rules,
                           const v1::TaskSpec& task, int steps);

// "RESULT " and {"rules": {NAME: {"sum", "final"}}, "model", "sha256"} in one
// line, for scripts.
std::string ResultLine(const std::vector<ComparedRule>& rules,
                       const v1::ModelInfo& model);

// The curves at the learning rates that are best for the final loss.
Plot ComparisonPlot(const std::vector<ComparedRule>& rules,
                    absl::string_view title);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMPARISON_REPORT_H_
