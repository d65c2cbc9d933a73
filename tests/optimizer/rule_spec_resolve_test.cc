#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>

#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::LstmSpec ResolvedLstm(const v1::LstmSpec& lstm) {
  v1::LearnedRuleSpec rule;
  *rule.mutable_lstm() = lstm;
  absl::StatusOr<v1::LearnedRuleSpec> resolved = ResolveLearnedRule(rule);
  EXPECT_OK(resolved);
  return resolved.ok() ? resolved->lstm() : v1::LstmSpec();
}

TEST(LstmPresetTest, PaperAndDmDifferInPreprocessingAndScale) {
  v1::LstmSpec spec;
  spec.set_preset(v1::LstmSpec::PAPER);
  EXPECT_EQ(ResolvedLstm(spec).preprocessing().log_and_sign().p(), 10);
  EXPECT_EQ(ResolvedLstm(spec).output_scale(), 0.1);
  spec.set_preset(v1::LstmSpec::DM);
  EXPECT_EQ(ResolvedLstm(spec).preprocessing().log_and_sign().p(), 5);
  EXPECT_EQ(ResolvedLstm(spec).output_scale(), 0.01);
}

TEST(LstmPresetTest, IdentityHasTheRawGradientAndScaleOne) {
  v1::LstmSpec spec;
  spec.set_preset(v1::LstmSpec::IDENTITY);
  const v1::LstmSpec resolved = ResolvedLstm(spec);
  EXPECT_TRUE(resolved.preprocessing().has_identity());
  EXPECT_EQ(resolved.output_scale(), 1);
  EXPECT_THAT(resolved.hidden(), testing::ElementsAre(20, 20));
  EXPECT_EQ(resolved.preset(), v1::LstmSpec::PRESET_UNSPECIFIED);
}

TEST(LstmPresetTest, MomentsHaveTheirPapersDefaults) {
  v1::LstmSpec spec;
  spec.set_preset(v1::LstmSpec::PAPER);
  spec.mutable_preprocessing()->mutable_moments();
  const v1::Preprocessing resolved = ResolvedLstm(spec).preprocessing();
  EXPECT_EQ(resolved.moments().beta1(), 0.95);
  EXPECT_EQ(resolved.moments().beta2(), 0.95);
}

TEST(LstmPresetTest, WrittenFieldsWin) {
  v1::LstmSpec spec;
  spec.set_preset(v1::LstmSpec::DM);
  spec.add_hidden(7);
  spec.mutable_preprocessing()->mutable_identity();
  const v1::LstmSpec resolved = ResolvedLstm(spec);
  EXPECT_THAT(resolved.hidden(), testing::ElementsAre(7));
  EXPECT_TRUE(resolved.preprocessing().has_identity());
  EXPECT_EQ(resolved.output_scale(), 0.01);
}

TEST(LstmPresetTest, WithoutAPresetTheRuleIsLinear) {
  const v1::LstmSpec resolved = ResolvedLstm(v1::LstmSpec());
  EXPECT_TRUE(resolved.hidden().empty());
  EXPECT_TRUE(resolved.preprocessing().has_identity());
  EXPECT_EQ(resolved.output_scale(), 1);
}

v1::LearnedRuleSpec ParseRule(const char* text) {
  v1::LearnedRuleSpec rule;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &rule));
  return rule;
}

void ExpectResolved(const char* text, const char* expected) {
  ASSERT_OK_AND_ASSIGN(const v1::LearnedRuleSpec rule,
                       ResolveLearnedRule(ParseRule(text)));
  EXPECT_TRUE(MessageDifferencer::Equals(rule, ParseRule(expected)))
      << rule.DebugString();
}

TEST(GruResolveTest, HasTheDefaultsAndPresetsOfTheLstm) {
  ExpectResolved("gru {}", R"pb(gru {
                                  hidden: [ 20, 20 ]
                                  preprocessing { identity {} }
                                  output_scale: 1
                                  initialization: TRUNCATED_NORMAL
                                })pb");
  ExpectResolved("gru { preset: PAPER hidden: 7 }",
                 R"pb(gru {
                        hidden: 7
                        preprocessing { log_and_sign { p: 10 } }
                        output_scale: 0.1
                        initialization: TRUNCATED_NORMAL
                      })pb");
}

TEST(LmuResolveTest, HasTheDefaultsAndPresetsOfTheLstm) {
  ExpectResolved("lmu {}", R"pb(lmu {
                                  hidden: [ 20, 20 ]
                                  preprocessing { identity {} }
                                  output_scale: 1
                                  initialization: TRUNCATED_NORMAL
                                  memory_order: 16
                                  memory_length: 100
                                })pb");
  ExpectResolved("lmu { preset: DM memory_order: 3 memory_length: 20 }",
                 R"pb(lmu {
                        hidden: [ 20, 20 ]
                        preprocessing { log_and_sign { p: 5 } }
                        output_scale: 0.01
                        initialization: TRUNCATED_NORMAL
                        memory_order: 3
                        memory_length: 20
                      })pb");
}

TEST(HandDesignedResolveTest, HasTorch7sDefaults) {
  v1::HandDesignedSpec spec;
  spec.mutable_rmsprop()->set_learning_rate(0.03);
  ASSERT_OK_AND_ASSIGN(spec, ResolveHandDesigned(spec));
  EXPECT_EQ(spec.rmsprop().alpha(), 0.99);
  EXPECT_EQ(spec.rmsprop().epsilon(), 1e-8);
  spec.mutable_nag()->set_learning_rate(0.03);
  ASSERT_OK_AND_ASSIGN(spec, ResolveHandDesigned(spec));
  EXPECT_EQ(spec.nag().momentum(), 0.9);
}

TEST(HandDesignedResolveTest, NamesFieldValueAndLimit) {
  v1::HandDesignedSpec spec;
  EXPECT_THAT(ResolveHandDesigned(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "rule is required: one of sgd, momentum, nag, rmsprop, "
                       "adam"));
  spec.mutable_adam()->set_beta2(0.5);
  EXPECT_THAT(
      ResolveHandDesigned(spec),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "adam.learning_rate is required: finite and at least 0"));
  spec.mutable_adam()->set_learning_rate(0);
  EXPECT_OK(ResolveHandDesigned(spec));
  spec.mutable_adam()->set_beta2(1);
  EXPECT_THAT(ResolveHandDesigned(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "adam.beta2 is 1; must be at least 0 and below 1"));
  spec.mutable_sgd()->set_learning_rate(
      std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(ResolveHandDesigned(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "sgd.learning_rate is nan; must be finite and at least "
                       "0"));
}

// The least float above 0 is 1.4e-45, the largest 3.4e38; below 1 it is 1 -
// 6e-8.
TEST(HandDesignedResolveTest, LimitsHoldForWhatIsComputedWith) {
  v1::HandDesignedSpec spec;
  spec.mutable_adam()->set_learning_rate(1);
  spec.mutable_adam()->set_epsilon(1e-46);
  EXPECT_THAT(ResolveHandDesigned(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "adam.epsilon is 1e-46; must be finite and above 0 in "
                       "float32"));
  spec.mutable_sgd()->set_learning_rate(1e39);
  EXPECT_THAT(ResolveHandDesigned(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "sgd.learning_rate is 1e+39; must be finite and at "
                       "least 0 in float32"));
  spec.mutable_nag()->set_learning_rate(1);
  spec.mutable_nag()->set_momentum(1 - 1e-8);
  EXPECT_THAT(ResolveHandDesigned(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "nag.momentum is 1; must be at least 0 and below 1 in "
                       "float32"));
}

}  // namespace
}  // namespace metastep
