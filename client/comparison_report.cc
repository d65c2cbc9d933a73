#include "client/comparison_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/model_name.h"
#include "client/spec_kind.h"
#include "client/statistics.h"

namespace metastep {
namespace {

using Json = nlohmann::ordered_json;

double Sum(const ComparedRule& rule) {
  return Mean(rule.by_sum.curve.sums_of_losses());
}
double Final(const ComparedRule& rule) {
  return Mean(rule.by_final.curve.final_losses());
}

std::string WithInterval(absl::Span<const double> values) {
  if (values.size() < 2) return absl::StrFormat("%.4g", Mean(values));
  return absl::StrFormat("%.4g +- %.2g", Mean(values), HalfWidth95(values));
}

std::string RateOf(const ComparedCurve& measured) {
  return measured.learning_rate
             ? absl::StrFormat("%.3g", *measured.learning_rate)
             : "-";
}

// The noise of minibatches makes a line that hides the others when there are
// more than a few hundred losses: then every point is the mean of this many.
size_t LossesOfAPoint(size_t losses) { return losses > 500 ? losses / 50 : 1; }

// The interval of a mean of losses is at most as wide as theirs are in the
// mean.
PlotSeries SeriesOf(const ComparedRule& rule) {
  const v1::LossCurve& curve = rule.by_final.curve;
  const size_t count = LossesOfAPoint(curve.loss_size());
  PlotSeries series = {rule.name, TrailingMeans(curve.loss(), count), {}};
  const size_t tasks = curve.final_losses_size();
  if (tasks < 2) return series;
  std::vector<double> half_widths;
  for (double deviation : curve.deviation()) {
    half_widths.push_back(HalfWidth95(deviation, tasks));
  }
  series.half_widths = TrailingMeans(half_widths, count);
  return series;
}

std::string LossLabel(size_t losses) {
  const size_t count = LossesOfAPoint(losses);
  if (count == 1) return "loss";
  return absl::StrCat("loss, mean of ", count, " steps");
}

}  // namespace

std::string FormatTable(const std::vector<ComparedRule>& rules) {
  size_t width = 4;  // of "rule"
  for (const ComparedRule& rule : rules) {
    width = std::max(width, rule.name.size());
  }
  constexpr char kRow[] = "%-*s  %22s  %8s  %22s  %8s\n";
  std::string table =
      absl::StrFormat(kRow, width, "rule", "sum of losses (95%)", "at rate",
                      "final loss (95%)", "at rate");
  for (const ComparedRule& rule : rules) {
    absl::StrAppendFormat(&table, kRow, width, rule.name,
                          WithInterval(rule.by_sum.curve.sums_of_losses()),
                          RateOf(rule.by_sum),
                          WithInterval(rule.by_final.curve.final_losses()),
                          RateOf(rule.by_final));
  }
  return table;
}

std::string ComparisonJson(const std::vector<ComparedRule>& rules,
                           const v1::TaskSpec& task, int steps) {
  Json by_name = Json::object();
  for (const ComparedRule& rule : rules) {
    Json& entry = by_name[rule.name];
    entry["sum"] = Sum(rule);
    entry["final"] = Final(rule);
    if (rule.by_sum.learning_rate) {
      entry["learning_rate_sum"] = *rule.by_sum.learning_rate;
      entry["learning_rate_final"] = *rule.by_final.learning_rate;
    }
    const auto& curve = rule.by_final.curve.loss();
    entry["curve"] = std::vector<double>(curve.begin(), curve.end());
  }
  return Json{{"rules", by_name}, {"task", TaskKind(task)}, {"steps", steps}}
      .dump(/*indent=*/2);
}

std::string ResultLine(const std::vector<ComparedRule>& rules,
                       const v1::ModelInfo& model) {
  Json by_name = Json::object();
  for (const ComparedRule& rule : rules) {
    by_name[rule.name] = {{"sum", Sum(rule)}, {"final", Final(rule)}};
  }
  return absl::StrCat("RESULT ", Json{{"rules", by_name},
                                      {"model", ModelName(model)},
                                      {"sha256", model.phi_sha256()}}
                                     .dump());
}

Plot ComparisonPlot(const std::vector<ComparedRule>& rules,
                    absl::string_view title) {
  Plot plot;
  plot.title = std::string(title);
  plot.x_label = "step";
  plot.y_label = LossLabel(rules.front().by_final.curve.loss_size());
  for (const ComparedRule& rule : rules) {
    plot.series.push_back(SeriesOf(rule));
  }
  return plot;
}

}  // namespace metastep
