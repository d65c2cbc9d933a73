#include "client/experiment_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace metastep {
namespace {

using testing::HasSubstr;
using testing::Not;

// Of two values 2 apart the deviation is the root of 2, and so the half width
// 12.706 (Student's t of one degree of freedom); of sums 4 apart, twice that.
TEST(ExperimentReportTest, JsonHasTheIntervals) {
  v1::LossCurve curve;
  for (double loss : {5, 2}) curve.add_loss(loss);
  for (double final_loss : {1, 3}) curve.add_final_losses(final_loss);
  for (double sum : {3, 7}) curve.add_sums_of_losses(sum);
  MeasuredPart part;
  part.rules = {{"adam", {0.1, curve}, {0.1, curve}}};
  const auto json = nlohmann::json::parse(
      ExperimentJson({"x", "", "", "1.2 (a)", "", {part}}));
  const auto& adam = json["parts"][0]["rules"]["adam"];
  EXPECT_EQ(adam["sum"], 5);
  EXPECT_NEAR(adam["sum_half_width_95"], 2 * 12.706, 1e-3);
  EXPECT_EQ(adam["final"], 2);
  EXPECT_NEAR(adam["final_half_width_95"], 12.706, 1e-3);
}

TEST(ExperimentReportTest, VerdictsHaveTheDigitsThatTellFiguresApart) {
  MeasuredPart part;
  part.verdicts = {{"a", 1.23456, 2, true},
                   {"b", 1.23461, 1.23456, false},
                   {"c", 1, 1, true}};
  EXPECT_THAT(FormatMeasuredPart(part),
              HasSubstr("holds   a: 1.235, limit 2\n"
                        "MISSED  b: 1.23461, limit 1.23456\n"
                        "holds   c: 1, limit 1\n"));
}

TEST(ExperimentReportTest, NamesTheBuildThatMeasured) {
  const ExperimentResult result = {"x", "X", "", "1.2 (commit a, b)", "", {}};
  EXPECT_EQ(nlohmann::json::parse(ExperimentJson(result))["version"],
            "1.2 (commit a, b)");
  EXPECT_THAT(ExperimentMarkdown(result),
              HasSubstr("Written by metastep 1.2 (commit a, b):\n"));
}

ExperimentResult Result() {
  MeasuredPart measured;
  measured.part.set_name("new-style");
  return {"art", "Neural art", "metastep reproduce art", "1.2", "", {measured}};
}

TEST(ExperimentReportTest, AFigureStandsBesideThePage) {
  const std::string page = ExperimentMarkdown(Result());
  EXPECT_THAT(page, HasSubstr("](art-new-style.png)"));
  EXPECT_THAT(page, Not(HasSubstr("pictures")));
}

TEST(ExperimentReportTest, OrIsLinkedWhereItIs) {
  ExperimentResult result = Result();
  result.figure_folder = "../figures";
  EXPECT_THAT(ExperimentMarkdown(result),
              HasSubstr("](../figures/art-new-style.png)"));
}

TEST(ExperimentReportTest, SoDoPicturesIfThereAreAny) {
  ExperimentResult result = Result();
  result.parts[0].pictures.push_back({"at the start", 1, {0, 0, 0}});
  EXPECT_THAT(ExperimentMarkdown(result),
              HasSubstr("](art-new-style-pictures.png)"));
}

}  // namespace
}  // namespace metastep
