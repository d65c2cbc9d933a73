#include "client/comparison_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace metastep {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

v1::LossCurve CurveOf(std::vector<double> sums, std::vector<double> finals) {
  v1::LossCurve curve;
  curve.mutable_sums_of_losses()->Add(sums.begin(), sums.end());
  curve.mutable_final_losses()->Add(finals.begin(), finals.end());
  curve.add_loss(8);
  curve.add_loss(finals[0]);
  return curve;
}

// Means: lstm 2 and 0.5; adam 4 by its best rate for the sum, 1 by its best for
// the final loss.
std::vector<ComparedRule> TwoRules() {
  const v1::LossCurve lstm = CurveOf({1, 3}, {0.5, 0.5});
  return {{"lstm", {std::nullopt, lstm}, {std::nullopt, lstm}},
          {"adam",
           {0.1, CurveOf({4, 4}, {9, 9})},
           {0.02, CurveOf({7, 7}, {1, 1})}}};
}

TEST(ComparisonReportTest, TableTakesEachColumnAtItsOwnLearningRate) {
  // Half width of {1, 3}: t(1) * sqrt(2 / 2) = 12.706.
  EXPECT_EQ(
      FormatTable(TwoRules()),
      "rule     sum of losses (95%)   at rate        final loss (95%)   at "
      "rate\n"
      "lstm                 2 +- 13         -                0.5 +- 0         "
      "-\n"
      "adam                  4 +- 0       0.1                  1 +- 0      "
      "0.02\n");
}

TEST(ComparisonReportTest, JsonHasCurvesAndLearningRates) {
  v1::TaskSpec task;
  task.mutable_quadratic();
  const json parsed = json::parse(ComparisonJson(TwoRules(), task, 100));
  EXPECT_EQ(parsed["task"], "quadratic");
  EXPECT_EQ(parsed["steps"], 100);
  EXPECT_EQ(parsed["rules"]["lstm"]["sum"], 2);
  EXPECT_EQ(parsed["rules"]["lstm"]["final"], 0.5);
  EXPECT_FALSE(parsed["rules"]["lstm"].contains("learning_rate_sum"));
  EXPECT_EQ(parsed["rules"]["adam"]["sum"], 4);
  EXPECT_EQ(parsed["rules"]["adam"]["final"], 1);
  EXPECT_EQ(parsed["rules"]["adam"]["learning_rate_sum"], 0.1);
  EXPECT_EQ(parsed["rules"]["adam"]["learning_rate_final"], 0.02);
  EXPECT_EQ(parsed["rules"]["adam"]["curve"], json({8.0, 1.0}));
}

TEST(ComparisonReportTest, WhatIsNotFiniteIsNull) {
  auto rules = TwoRules();
  rules[1].by_sum.curve.set_sums_of_losses(
      0, std::numeric_limits<double>::infinity());
  const json parsed =
      json::parse(ComparisonJson(rules, v1::TaskSpec(), /*steps=*/1));
  EXPECT_TRUE(parsed["rules"]["adam"]["sum"].is_null());
}

TEST(ComparisonReportTest, ResultLineIsOneLineOfJson) {
  v1::ModelInfo model;
  model.set_name("quadratic");
  model.set_version(2);
  model.set_phi_sha256("abc");
  const std::string line = ResultLine(TwoRules(), model);
  ASSERT_EQ(line.rfind("RESULT {", 0), 0u);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(line.substr(7)),
            json({{"rules",
                   {{"lstm", {{"sum", 2.0}, {"final", 0.5}}},
                    {"adam", {{"sum", 4.0}, {"final", 1.0}}}}},
                  {"model", "quadratic@2"},
                  {"sha256", "abc"}}));
}

TEST(ComparisonReportTest, PlotNamesEveryRule) {
  const Plot plot = ComparisonPlot(TwoRules(), "title");
  EXPECT_EQ(plot.title, "title");
  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].label, "lstm");
  EXPECT_EQ(plot.series[1].label, "adam");
  EXPECT_EQ(plot.y_label, "loss");
  EXPECT_THAT(plot.series[0].values, ElementsAre(8, 0.5));
}

TEST(ComparisonReportTest, PlotOfALongCurveIsOfMeans) {
  auto rules = TwoRules();
  for (ComparedRule& rule : rules) {
    v1::LossCurve& curve = rule.by_final.curve;
    curve.clear_loss();
    for (int t = 0; t <= 1000; ++t) {
      curve.add_loss(t % 2 == 0 ? 1 : 3);
      curve.add_deviation(t % 2 == 0 ? 0 : 2);
    }
  }
  // 1001 / 50 = 20 steps, of which half are 3 and half 1; their half widths are
  // 0 and t(1) * 2 / sqrt(2) = 17.97.
  const Plot plot = ComparisonPlot(rules, "title");
  EXPECT_EQ(plot.y_label, "loss, mean of 20 steps");
  ASSERT_EQ(plot.series[0].values.size(), 1001u);
  EXPECT_EQ(plot.series[0].values[0], 1);
  EXPECT_DOUBLE_EQ(plot.series[0].values[1000], 2);
  EXPECT_NEAR(plot.series[0].half_widths[1000], 17.97 / 2, 0.01);
}

}  // namespace
}  // namespace metastep
