#include "optimizer/rule_factory.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "optimizer/grouped_rule.h"
#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Rules of one TrainingSpec in text format, resolved.
RuleSpecs Rules(const std::string& text) {
  v1::TrainingSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  for (v1::GroupRuleSpec& rule : *spec.mutable_rules()) {
    if (rule.parameters().empty()) rule.add_parameters("*");
    auto resolved = ResolveLearnedRule(rule.rule());
    EXPECT_OK(resolved);
    if (resolved.ok()) *rule.mutable_rule() = *std::move(resolved);
  }
  return spec.rules();
}

RuleSpecs Preset(const std::string& preset) {
  return Rules("rules { name: 'lstm' rule { lstm { preset: " + preset +
               " } } }");
}

constexpr char kConvolutionalAndDense[] = R"pb(
  rules {
    name: "conv"
    parameters: "conv?.weight"
    rule { lstm { hidden: 3 } }
  }
  rules {
    name: "dense"
    rule { gru { hidden: 5 } }
  }
)pb";

ParameterLayout Layout(const std::vector<std::string>& names) {
  std::vector<ParameterTensor> tensors;
  for (const std::string& name : names) tensors.push_back({name, {7}});
  return *ParameterLayout::Create(std::move(tensors));
}

// (1 + 20 + 1) 80 + (20 + 20 + 1) 80 + 20 + 1 = 5061; a second input is 80
// more.
TEST(RuleFactoryTest, CountsPhiAsTheReferenceImplementation) {
  EXPECT_EQ(PhiSize(Preset("IDENTITY")), 5061);
  EXPECT_EQ(PhiSize(Preset("PAPER")), 5141);
  EXPECT_EQ(PhiSize(Preset("DM")), 5141);
  EXPECT_EQ(PhiSize(Rules("rules { rule { lstm {} } }")), 2);
}

// The same phi, and a state for each sign: of 2 layers' h and c of 20 units for
// 16 coordinates.
TEST(RuleFactoryTest, AnAntisymmetricRuleHasTwiceTheState) {
  for (const bool antisymmetric : {false, true}) {
    RuleSpecs specs = Preset("PAPER");
    specs[0].mutable_rule()->set_antisymmetric(antisymmetric);
    const std::vector<float> phi(PhiSize(specs));
    ASSERT_EQ(phi.size(), 5141);
    const auto rule = MakeLearnedRule(specs, Layout({"w"}), phi).value();
    EXPECT_EQ(rule->StateFloats(7), 16 * 80 * (antisymmetric ? 2 : 1));
  }
}

// Layer 0: (2 + 20 + 1) 40 + (2 + 1) 20 + (20 + 1) 20 = 1400; layer 1: 41 40 +
// 21 20 + 21 20 = 2480; the output's 21.
TEST(RuleFactoryTest, CountsPhiOfAGru) {
  EXPECT_EQ(PhiSize(Rules("rules { rule { gru { preset: PAPER } } }")),
            1400 + 2480 + 21);
}

// Layer 0: (2 + 20 + 16) + (2 + 20 + 1) 20 + 16 20 = 818; layer 1: 56 + 41 20 +
// 16 20 = 1196; the output's 21. A and B are no part of phi.
TEST(RuleFactoryTest, CountsPhiOfAnLmu) {
  EXPECT_EQ(PhiSize(Rules("rules { rule { lmu { preset: PAPER } } }")),
            818 + 1196 + 21);
}

testing::Matcher<ParameterTensor> Tensor(const std::string& name,
                                         const std::vector<int64_t>& shape) {
  return testing::AllOf(testing::Field(&ParameterTensor::name, name),
                        testing::Field(&ParameterTensor::shape, shape));
}

TEST(RuleFactoryTest, NamesTheTensorsOfAGru) {
  EXPECT_THAT(
      PhiTensors(Rules("rules { name: 'a' rule { gru { hidden: 3 } } }")),
      ElementsAre(Tensor("a.layer0.gates.weight", {4, 6}),
                  Tensor("a.layer0.gates.bias", {6}),
                  Tensor("a.layer0.candidate.weight", {1, 3}),
                  Tensor("a.layer0.candidate.bias", {3}),
                  Tensor("a.layer0.recurrent.weight", {3, 3}),
                  Tensor("a.layer0.recurrent.bias", {3}),
                  Tensor("a.output.weight", {3}),
                  Tensor("a.output.bias", {1})));
}

TEST(RuleFactoryTest, NamesTheTensorsOfAnLmu) {
  EXPECT_THAT(PhiTensors(Rules("rules { name: 'a' rule { lmu { hidden: 3 "
                               "memory_order: 2 } } }")),
              ElementsAre(Tensor("a.layer0.encoder.weight", {6, 1}),
                          Tensor("a.layer0.weight", {4, 3}),
                          Tensor("a.layer0.bias", {3}),
                          Tensor("a.layer0.memory.weight", {2, 3}),
                          Tensor("a.output.weight", {3}),
                          Tensor("a.output.bias", {1})));
}

TEST(RuleFactoryTest, NamesTheTensorsOfPhi) {
  EXPECT_THAT(PhiTensors(Preset("PAPER")),
              ElementsAre(Tensor("lstm.layer0.weight", {22, 80}),
                          Tensor("lstm.layer0.bias", {80}),
                          Tensor("lstm.layer1.weight", {40, 80}),
                          Tensor("lstm.layer1.bias", {80}),
                          Tensor("lstm.output.weight", {20}),
                          Tensor("lstm.output.bias", {1})));
  EXPECT_THAT(
      PhiTensors(Rules("rules { name: 'a' rule { lstm {} } }"
                       "rules { name: 'b' rule { lstm {} } }")),
      ElementsAre(Tensor("a.output.weight", {1}), Tensor("a.output.bias", {1}),
                  Tensor("b.output.weight", {1}),
                  Tensor("b.output.bias", {1})));
}

// A normal cut at two standard deviations has 0.8796 of the deviation; over n
// draws its estimate is off by about 1 / sqrt(2 n), its mean by 1 / sqrt(n).
void ExpectTruncatedNormal(absl::Span<const float> numbers, float stddev) {
  const double n = static_cast<double>(numbers.size());
  double sum = 0, squares = 0, largest = 0;
  for (const double x : numbers) {
    sum += x;
    squares += x * x;
    largest = std::max(largest, std::abs(x));
  }
  EXPECT_NEAR(sum / n, 0, 4 * stddev / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), 0.8796 * stddev,
              4 * stddev / std::sqrt(2 * n));
  EXPECT_LE(largest, 2 * stddev);
  EXPECT_GT(largest, 1.5 * stddev);
}

TEST(RuleFactoryTest, DrawsPhiAsTheReferenceImplementation) {
  const std::vector<float> phi = InitialPhi(Preset("PAPER"), /*seed=*/3);
  ASSERT_EQ(phi.size(), 5141);
  const absl::Span<const float> all = phi;
  constexpr int64_t kLayer0 = 23 * 80, kLayer1 = 41 * 80;
  ExpectTruncatedNormal(all.subspan(0, kLayer0), 1 / std::sqrt(22.0f));
  ExpectTruncatedNormal(all.subspan(kLayer0, kLayer1), 1 / std::sqrt(40.0f));
  ExpectTruncatedNormal(all.subspan(kLayer0 + kLayer1, 20),
                        1 / std::sqrt(20.0f));
  EXPECT_EQ(phi.back(), 0);
}

// Of n draws from a uniform distribution within `bound` the standard deviation,
// bound / sqrt(3), is off by about 0.45 / sqrt(n) of itself.
void ExpectUniform(absl::Span<const float> numbers, float bound) {
  const double n = static_cast<double>(numbers.size());
  double squares = 0;
  for (const double x : numbers) {
    squares += x * x;
    EXPECT_LE(std::abs(x), bound);
  }
  EXPECT_NEAR(std::sqrt(3 * squares / n) / bound, 1, 4 * 0.45 / std::sqrt(n));
}

// With 400 units, 30 of order and 1 input: e of 1, 400 and 30 rows; W of 1 and
// 400 rows, b, W of 30 rows, all of 400 columns.
TEST(RuleFactoryTest, DrawsPhiOfAnLmuAsItsPaper) {
  const std::vector<float> phi = InitialPhi(
      Rules("rules { rule { lmu { hidden: 400 memory_order: 30 } } }"),
      /*seed=*/3);
  absl::Span<const float> rest = phi;
  const auto take = [&rest](size_t count) {
    const absl::Span<const float> taken = rest.first(count);
    rest.remove_prefix(count);
    return taken;
  };
  EXPECT_LE(std::abs(take(1)[0]), std::sqrt(3.0f));
  ExpectUniform(take(400), std::sqrt(3.0f / 400));
  EXPECT_THAT(take(30), Each(0));
  ExpectTruncatedNormal(take(400), std::sqrt(2.0f / 401));
  ExpectTruncatedNormal(take(400 * 400), std::sqrt(2.0f / 800));
  EXPECT_THAT(take(400), Each(0));
  ExpectTruncatedNormal(take(30 * 400), std::sqrt(2.0f / 430));
  ExpectTruncatedNormal(take(400), 1 / std::sqrt(400.0f));
  EXPECT_THAT(rest, ElementsAre(0));
}

TEST(RuleFactoryTest, DrawsPhiBySeedAndRule) {
  const RuleSpecs two = Rules(R"pb(
    rules { rule { lstm { hidden: 2 } } }
    rules { rule { lstm { hidden: 2 } } }
  )pb");
  const std::vector<float> phi = InitialPhi(two, 1);
  EXPECT_EQ(InitialPhi(two, 1), phi);
  EXPECT_NE(InitialPhi(two, 2), phi);
  EXPECT_NE(phi.front(), phi[phi.size() / 2]);
}

TEST(RuleFactoryTest, DrawsZerosOnDemand) {
  EXPECT_THAT(InitialPhi(Rules("rules { rule { lstm { hidden: 2 "
                               "initialization: ZEROS } } }"),
                         1),
              Each(0));
}

TEST(RuleFactoryTest, MakesAPlainRuleForOneGroup) {
  const RuleSpecs specs = Preset("PAPER");
  ASSERT_OK_AND_ASSIGN(
      const auto rule,
      MakeLearnedRule(specs, Layout({"w", "b"}), InitialPhi(specs, 1)));
  EXPECT_EQ(dynamic_cast<const GroupedRule*>(rule.get()), nullptr);
  EXPECT_EQ(rule->StateFloats(17), 2 * 16 * 80);
}

// conv0.weight goes to "conv" (6 variables), the 7 + 7 + 7 coordinates between
// it and conv1.weight to "dense" (5 variables) in one segment of two blocks.
TEST(RuleFactoryTest, GroupsAdjacentTensorsOfARule) {
  const RuleSpecs specs = Rules(kConvolutionalAndDense);
  const std::vector<float> phi = InitialPhi(specs, 1);
  ASSERT_OK_AND_ASSIGN(
      const auto rule,
      MakeLearnedRule(specs,
                      Layout({"conv0.weight", "conv0.bias", "norm.weight",
                              "conv10.weight", "conv1.weight"}),
                      phi));
  EXPECT_EQ(rule->StateFloats(35), 16 * (6 + 2 * 5 + 6));
  EXPECT_EQ(rule->phi(), absl::MakeConstSpan(phi));
}

TEST(RuleFactoryTest, RefusesATensorThatNoRuleServes) {
  RuleSpecs specs = Rules(kConvolutionalAndDense);
  specs[1].set_parameters(0, "dense*");
  EXPECT_THAT(MakeLearnedRule(specs, Layout({"conv0.weight", "norm.weight"}),
                              InitialPhi(specs, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no rule serves tensor \"norm.weight\"")));
}

TEST(RuleFactoryTest, RefusesPhiOfTheWrongSize) {
  EXPECT_THAT(
      MakeLearnedRule(Preset("PAPER"), Layout({"w"}), std::vector<float>(5061)),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("phi has 5061 floats; its rules take 5141")));
}

}  // namespace
}  // namespace metastep
