#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kTraining[] = R"pb(
  name: "r"
  task { quadratic { distribution: GAUSSIAN } }
  training { rounds: 1000 }
)pb";
constexpr char kMlp[] = R"pb(
  name: "r"
  task { mlp {} }
  training { rounds: 1000 }
)pb";
constexpr char kConvNet[] = R"pb(
  name: "r"
  task { convnet {} }
  training { rounds: 1000 }
)pb";
constexpr char kArt[] = R"pb(
  name: "r"
  task { art {} }
  training { rounds: 1000 }
)pb";
constexpr char kEvaluation[] = R"pb(
  name: "r"
  task { square {} }
  evaluation {
    entries {
      label: "a"
      hand_designed { sgd { learning_rate: 0.1 } }
    }
    entries {
      label: "b"
      model { name: "m" }
    }
  }
)pb";

constexpr char kStages[] = R"pb(
  name: "r"
  task { square {} }
  training {
    unroll { horizon: 40 }
    stages {
      rounds: 3
      horizon: 60
      imitation { rule { adam { learning_rate: 0.01 } } }
    }
    stages { rounds: 4 }
  }
)pb";

v1::RunSpec Parse(absl::string_view text) {
  absl::StatusOr<v1::RunSpec> spec = ParseRunSpec(text);
  EXPECT_OK(spec);
  return spec.ok() ? *spec : v1::RunSpec();
}

v1::RunSpec Resolved(absl::string_view text) {
  absl::StatusOr<v1::RunSpec> spec = ResolveRunSpec(Parse(text));
  EXPECT_OK(spec);
  return spec.ok() ? *spec : v1::RunSpec();
}

void ExpectSame(const v1::RunSpec& actual, const v1::RunSpec& expected) {
  EXPECT_TRUE(MessageDifferencer::Equals(actual, expected))
      << actual.DebugString() << "expected:\n"
      << expected.DebugString();
}

// Every default of spec.proto, as its comments have them.
TEST(RunSpecResolveTest, WritesOutEveryDefaultOfATraining) {
  ExpectSame(Resolved(kTraining), Parse(R"pb(
               name: "r"
               task {
                 quadratic {
                   distribution: GAUSSIAN
                   dimensions: 10
                   problems: 128
                   initial_stddev: 0
                 }
               }
               training {
                 rules {
                   name: "lstm"
                   parameters: "*"
                   rule {
                     lstm {
                       hidden: [ 20, 20 ]
                       preprocessing { log_and_sign { p: 10 } }
                       output_scale: 0.1
                       initialization: TRUNCATED_NORMAL
                       forget_bias: 1
                     }
                   }
                 }
                 unroll { horizon: 100 window: 20 }
                 lanes: 2
                 rounds: 1000
                 outer {
                   rule {
                     adam {
                       learning_rate: 0.001
                       beta1: 0.9
                       beta2: 0.999
                       epsilon: 1e-8
                     }
                   }
                   decay_to: 1
                 }
                 validation {
                   every_rounds: 100
                   tasks: 4
                   steps: 100
                   criterion: FINAL_LOSS
                 }
               }
             )pb"));
}

TEST(RunSpecResolveTest, WritesOutEveryDefaultOfAnEvaluation) {
  v1::RunSpec expected = Parse(kEvaluation);
  expected.mutable_evaluation()->set_tasks_from(v1::EvaluationSpec::TEST);
  expected.mutable_evaluation()->set_tasks(10);
  expected.mutable_evaluation()->set_steps(100);
  ExpectSame(Resolved(kEvaluation), expected);
}

TEST(RunSpecResolveTest, WritesOutEveryDefaultOfAnMlp) {
  v1::MlpSpec expected;
  expected.add_hidden(20);
  expected.set_activation(v1::MlpSpec::SIGMOID);
  expected.set_dataset("mnist");
  expected.set_batch_size(128);
  expected.set_initial_stddev(0.01);
  EXPECT_TRUE(MessageDifferencer::Equals(Resolved(kMlp).task().mlp(), expected))
      << Resolved(kMlp).DebugString();
}

TEST(RunSpecResolveTest, WritesOutEveryDefaultOfAConvNet) {
  v1::ConvNetSpec expected;
  expected.set_dataset("cifar10");
  for (int label = 0; label < 10; ++label) expected.add_labels(label);
  expected.set_batch_size(128);
  for (int block = 0; block < 3; ++block) expected.add_channels(16);
  expected.set_hidden(32);
  expected.set_initial_stddev(0.01);
  EXPECT_TRUE(
      MessageDifferencer::Equals(Resolved(kConvNet).task().convnet(), expected))
      << Resolved(kConvNet).DebugString();
}

TEST(RunSpecResolveTest, WritesOutEveryDefaultOfArt) {
  v1::ArtSpec expected;
  expected.set_size(64);
  expected.set_content_weight(1);
  expected.set_style_weight(1);
  expected.set_variation_weight(25);
  EXPECT_TRUE(MessageDifferencer::Equals(Resolved(kArt).task().art(), expected))
      << Resolved(kArt).DebugString();
}

TEST(RunSpecResolveTest, UniformQuadraticsStartAwayFromZero) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.distribution", "UNIFORM"));
  ASSERT_OK_AND_ASSIGN(spec, ResolveRunSpec(spec));
  EXPECT_EQ(spec.task().quadratic().initial_stddev(), 0.01);
}

TEST(RunSpecResolveTest, ExplicitZerosStay) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.distribution", "UNIFORM"));
  ASSERT_OK(SetField(spec, "task.quadratic.initial_stddev", "0"));
  ASSERT_OK(SetField(spec, "training.outer.rule.adam.beta1", "0"));
  ASSERT_OK_AND_ASSIGN(spec, ResolveRunSpec(spec));
  EXPECT_EQ(spec.task().quadratic().initial_stddev(), 0);
  EXPECT_EQ(spec.training().outer().rule().adam().beta1(), 0);
}

// 128 problems of 279 dimensions have 9,963,648 elements, of 280 10,035,200.
TEST(RunSpecResolveTest, BoundsTheSizeOfAQuadraticTask) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.dimensions", "279"));
  EXPECT_OK(ResolveRunSpec(spec));
  ASSERT_OK(SetField(spec, "task.quadratic.dimensions", "280"));
  EXPECT_THAT(
      ResolveRunSpec(spec),
      StatusIs(absl::StatusCode::kInvalidArgument,
               testing::HasSubstr("is 10035200; must be at most 10000000")));
}

TEST(RunSpecResolveTest, DefaultsFollowOtherFields) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.unroll.horizon", "40"));
  ASSERT_OK_AND_ASSIGN(spec, ResolveRunSpec(spec));
  EXPECT_EQ(spec.training().validation().steps(), 40);
}

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

TEST(RunSpecResolveTest, ReportsEveryProblem) {
  EXPECT_THAT(ResolveRunSpec(v1::RunSpec()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("name is \"\"; must be 1 to 64"),
                             HasSubstr("\ntask.task is required: one of square,"
                                       " quadratic, mlp"),
                             HasSubstr("\nwork is required"))));
}

// A field set to values on its limits' two sides.
struct LimitCase {
  const char* spec;
  const char* path;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

std::vector<LimitCase> LimitCases() {
  const std::string name64(64, 'a');
  const std::string name65(65, 'a');
  const std::string label128(128, 'L');
  return {
      {kTraining, "name", {"a", "a-z_09", name64}, {"", "A", "a.b", name65}},
      {kTraining, "task.quadratic.distribution", {"UNIFORM"}, {"0", "9"}},
      // 128 problems of 279 dimensions have 9,963,648 elements, of 280 over
      // 10^7.
      {kTraining, "task.quadratic.dimensions", {"1", "279"}, {"-1", "1001"}},
      {kTraining, "task.quadratic.problems", {"1", "10000"}, {"-1", "10001"}},
      {kTraining,
       "task.quadratic.initial_stddev",
       {"0", "1e3"},
       {"-0.1", "inf", "nan"}},
      {kMlp, "task.mlp.hidden", {"1", "4096"}, {"0", "-1", "4097"}},
      {kMlp,
       "task.mlp.hidden",
       {"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"},
       {"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"}},
      {kMlp, "task.mlp.activation", {"TANH"}, {"4", "-1"}},
      {kMlp, "task.mlp.dataset", {"omniglot", name64}, {"../x", name65}},
      {kMlp, "task.mlp.batch_size", {"1", "60000"}, {"-1", "60001"}},
      {kMlp, "task.mlp.initial_stddev", {"0"}, {"-1", "nan"}},
      {kConvNet,
       "task.convnet.labels",
       {"[9, 0]", "[3, 1, 2]"},
       {"[1]", "[1, 1]", "[0, 10]", "[-1, 2]"}},
      {kConvNet, "task.convnet.dataset", {"c", name64}, {"../x", name65}},
      {kConvNet, "task.convnet.batch_size", {"1", "60000"}, {"-1", "60001"}},
      {kConvNet,
       "task.convnet.channels",
       {"[1]", "[512, 1, 1, 1, 1]"},
       {"[0]", "[513]", "[1, 1, 1, 1, 1, 1]"}},
      {kConvNet, "task.convnet.hidden", {"1", "4096"}, {"-1", "4097"}},
      {kConvNet, "task.convnet.initial_stddev", {"0"}, {"-1", "nan"}},
      {kArt, "task.art.size", {"16", "512"}, {"15", "513"}},
      {kArt, "task.art.content", {"cifar10", name64}, {"../x", name65}},
      {kArt,
       "task.art.style",
       {"''", "a.png", "Van-Gogh_1/night.2.jpg", std::string(256, 'x')},
       {"/a.png", "../a.png", "a/../b.png", "a//b.png", "a/", ".hidden",
        "a b.png", std::string(257, 'x')}},
      {kArt, "task.art.features", {"''", "vgg.safetensors"}, {"../vgg"}},
      {kArt, "task.art.texture", {"0", "1000"}, {"-1", "1001"}},
      {kArt, "task.art.content_weight", {"0"}, {"-1", "nan"}},
      {kArt, "task.art.style_weight", {"0"}, {"-1", "inf"}},
      {kArt, "task.art.variation_weight", {"0"}, {"-1", "nan"}},
      {kTraining, "training.unroll.window", {"1", "100"}, {"-1", "1001"}},
      {kTraining, "training.unroll.horizon", {"20", "100000"}, {"-20"}},
      {kTraining, "training.unroll.horizon", {"80"}, {"90", "100020"}},
      {kTraining, "training.unroll.loss_weights", {"[]"}, {"[1, 1]", "[nan]"}},
      {kTraining, "training.lanes", {"1", "1024"}, {"-1", "1025"}},
      {kTraining, "training.rounds", {"1", "10000000"}, {"0", "10000001"}},
      {kTraining,
       "training.random_scaling",
       {"0", "10"},
       {"-1", "10.5", "nan"}},
      {kStages,
       "training.stages[0].imitation.weight",
       {"0.1"},
       {"0", "-1", "inf"}},
      {kStages,
       "training.stages[0].imitation.rule.adam.learning_rate",
       {"0.1"},
       {"-1", "nan"}},
      {kTraining, "training.outer.clip_norm", {"0", "5"}, {"-1", "inf"}},
      {kTraining, "training.outer.decay_to", {"0", "1"}, {"-0.1", "1.1"}},
      {kTraining,
       "training.validation.every_rounds",
       {"1", "10000000"},
       {"-1", "10000001"}},
      {kTraining, "training.validation.tasks", {"1", "10000"}, {"-1", "10001"}},
      {kTraining,
       "training.validation.steps",
       {"1", "100000"},
       {"-1", "100001"}},
      {kTraining, "training.validation.criterion", {"SUM_OF_LOSSES"}, {"3"}},
      {kTraining, "training.validation.patience", {"0", "3"}, {"-1"}},
      {kTraining, "training.rules[0].rule.lstm.hidden", {"400"}, {"0", "1025"}},
      {kTraining,
       "training.rules[0].rule.lstm.hidden",
       {"[1, 1, 1, 1, 1, 1, 1, 1]"},
       {"[1, 1, 1, 1, 1, 1, 1, 1, 1]"}},
      {kTraining,
       "training.rules[0].rule.lstm.preset",
       {"PAPER", "DM", "IDENTITY"},
       {"4"}},
      {kTraining,
       "training.rules[0].rule.lstm.preprocessing.log_and_sign.p",
       {"0.1", "30"},
       {"-1", "30.1", "nan"}},
      {kTraining,
       "training.rules[0].rule.lstm.preprocessing.moments.beta1",
       {"0", "0.99"},
       {"1", "-0.1", "nan"}},
      {kTraining,
       "training.rules[0].rule.lstm.preprocessing.moments.beta2",
       {"0", "0.99"},
       {"1", "-0.1", "nan"}},
      {kTraining,
       "training.rules[0].rule.lstm.output_scale",
       {"-1", "0.1"},
       {"0", "inf"}},
      {kTraining,
       "training.rules[0].rule.lstm.initialization",
       {"ZEROS"},
       {"3"}},
      {kTraining,
       "training.rules[0].rule.lstm.forget_bias",
       {"0", "-1"},
       {"nan"}},
      {kTraining,
       "training.rules[0].rule.gru.hidden",
       {"400", "[1, 1, 1, 1, 1, 1, 1, 1]"},
       {"0", "1025", "[1, 1, 1, 1, 1, 1, 1, 1, 1]"}},
      {kTraining,
       "training.rules[0].rule.gru.output_scale",
       {"-1", "0.1"},
       {"0", "inf"}},
      {kTraining,
       "training.rules[0].rule.lmu.memory_order",
       {"1", "64"},
       {"-1", "65"}},
      {kTraining,
       "training.rules[0].rule.lmu.memory_length",
       {"1", "1e6"},
       {"-1", "0.99", "1000001", "nan"}},
      {kTraining,
       "training.outer.rule.sgd.learning_rate",
       {"0", "1"},
       {"-1", "inf", "nan"}},
      {kTraining,
       "training.outer.rule.momentum.momentum",
       {"0", "0.99"},
       {"1", "-0.1", "nan"}},
      {kTraining, "training.outer.rule.nag.momentum", {"0"}, {"1", "nan"}},
      {kTraining, "training.outer.rule.rmsprop.alpha", {"0"}, {"1", "-1"}},
      {kTraining, "training.outer.rule.rmsprop.epsilon", {"1"}, {"0", "inf"}},
      {kTraining, "training.outer.rule.adam.beta1", {"0"}, {"1"}},
      {kTraining, "training.outer.rule.adam.beta2", {"0"}, {"1"}},
      {kTraining, "training.outer.rule.adam.epsilon", {"1"}, {"0", "-1"}},
      {kEvaluation, "evaluation.tasks_from", {"TUNING"}, {"3"}},
      {kEvaluation, "evaluation.tasks", {"1", "10000"}, {"-1", "10001"}},
      {kEvaluation, "evaluation.steps", {"1", "100000"}, {"-1", "100001"}},
      {kEvaluation, "evaluation.entries[0].label", {"x"}, {""}},
      {kEvaluation,
       "evaluation.entries[0].label",
       {label128, label128.substr(1) + "\xC3\xA9"},
       {label128 + "L"}},
      {kEvaluation, "evaluation.entries[1].model.name", {name64}, {"", name65}},
      {kEvaluation, "evaluation.entries[1].model.version", {"1"}, {"0", "-1"}},
      {kEvaluation, "evaluation.entries[1].model.label", {"best"}, {"", "X"}},
  };
}

// The default rule has no name until it is resolved; write one to change.
v1::RunSpec SpecFor(const LimitCase& limit) {
  v1::RunSpec spec = Parse(limit.spec);
  if (absl::string_view(limit.path).substr(0, 14) == "training.rules") {
    EXPECT_OK(SetField(spec, "training.rules[0].name", "lstm"));
  }
  return spec;
}

TEST(RunSpecResolveTest, AcceptsWhatIsWithinTheLimits) {
  for (const LimitCase& limit : LimitCases()) {
    for (const std::string& value : limit.good) {
      SCOPED_TRACE(absl::StrCat(limit.path, "=", value));
      v1::RunSpec spec = SpecFor(limit);
      ASSERT_OK(SetField(spec, limit.path, value));
      EXPECT_OK(ResolveRunSpec(spec));
    }
  }
}

TEST(RunSpecResolveTest, NamesTheFieldThatBreaksItsLimit) {
  for (const LimitCase& limit : LimitCases()) {
    for (const std::string& value : limit.bad) {
      SCOPED_TRACE(absl::StrCat(limit.path, "=", value));
      v1::RunSpec spec = SpecFor(limit);
      ASSERT_OK(SetField(spec, limit.path, value));
      EXPECT_THAT(
          ResolveRunSpec(spec),
          StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(limit.path)));
    }
  }
}

TEST(RunSpecResolveTest, EntriesAreLimited) {
  v1::RunSpec spec = Parse(kEvaluation);
  spec.mutable_evaluation()->clear_entries();
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation.entries has 0 elements; must have 1 to "
                       "1000"));
  for (int i = 0; i < 1001; ++i) {
    v1::EvaluationEntry& entry = *spec.mutable_evaluation()->add_entries();
    entry.set_label(absl::StrCat(i));
    entry.mutable_hand_designed()->mutable_sgd();
  }
  EXPECT_THAT(ResolveRunSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("has 1001 elements")));
  spec.mutable_evaluation()->mutable_entries()->RemoveLast();
  EXPECT_OK(ResolveRunSpec(spec));
}

TEST(RunSpecResolveTest, FewerEntriesAreKeptWithTheirThetas) {
  v1::RunSpec spec = Parse(kEvaluation);  // two entries
  spec.mutable_evaluation()->set_keep_theta(true);
  for (int i = 0; i < 7; ++i) {
    v1::EvaluationEntry& entry = *spec.mutable_evaluation()->add_entries();
    entry.set_label(absl::StrCat(i));
    entry.mutable_hand_designed()->mutable_sgd();
  }
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation.entries has 9 elements; must have 1 to 8 "
                       "with keep_theta"));
  spec.mutable_evaluation()->mutable_entries()->RemoveLast();
  EXPECT_OK(ResolveRunSpec(spec));
}

TEST(RunSpecResolveTest, AStyleIsAnImageOrATexture) {
  v1::RunSpec spec = Parse(kArt);
  ASSERT_OK(SetField(spec, "task.art.style", "a.png"));
  ASSERT_OK(SetField(spec, "task.art.texture", "2"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "task.art.texture is 2, and style names an image: leave "
                       "one out"));
}

TEST(RunSpecResolveTest, RuleNamesAreUnique) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0]", "{name: 'a' rule {lstm {}}}"));
  ASSERT_OK(SetField(spec, "training.rules[1]", "{name: 'a' rule {lstm {}}}"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.rules[1].name is \"a\", which an earlier rule "
                       "has"));
}

// One layer of 442 units has 4 * 442 * (2 + 442 + 1) + 442 + 1 = 787,203
// meta-parameters with the two inputs of log-and-sign.
TEST(RunSpecResolveTest, PhiFitsAModelFile) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0]",
                     "{name: 'a' rule {lstm {preset: PAPER hidden: 442}}}"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.rules has 787203 meta-parameters; must have "
                       "at most 786430, what a model file holds"));
  ASSERT_OK(SetField(spec, "training.rules[0].rule.lstm.hidden[0]", "441"));
  EXPECT_OK(ResolveRunSpec(spec));
}

TEST(RunSpecResolveTest, ATrainingFitsAModelFilesHeader) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.unroll", "{horizon: 9000 window: 20}"));
  for (int t = 0; t <= 9000; ++t) {
    spec.mutable_training()->mutable_unroll()->add_loss_weights(1);
  }
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("bytes; must have at most 65536: fewer "
                                 "loss_weights")));
}

// 100 entries that share a label that is too long and have no rule: 100 + 99 +
// 100 problems, of which ten are shown.
TEST(RunSpecResolveTest, ShowsTheFirstProblemsOfMany) {
  v1::RunSpec spec = Parse(kEvaluation);
  spec.mutable_evaluation()->clear_entries();
  for (int i = 0; i < 100; ++i) {
    spec.mutable_evaluation()->add_entries()->set_label(std::string(129, 'x'));
  }
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("entries[0].label has 129 characters"),
                             testing::EndsWith("\nand 289 more"))));
}

TEST(RunSpecResolveTest, LabelsAreUnique) {
  v1::RunSpec spec = Parse(kEvaluation);
  ASSERT_OK(SetField(spec, "evaluation.entries[0].label", "b"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation.entries[1].label is \"b\", which an earlier "
                       "entry has"));
}

TEST(RunSpecResolveTest, ARuleNeedsItsCell) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0].name", "a"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.rules[0].rule.cell is required: one of lstm, "
                       "gru, lmu"));
}

TEST(RunSpecResolveTest, LossWeightsAreOneMoreThanTheHorizon) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.unroll", "{horizon: 2 window: 2}"));
  ASSERT_OK(SetField(spec, "training.unroll.loss_weights", "[0, 0, 1]"));
  EXPECT_OK(ResolveRunSpec(spec));
  ASSERT_OK(SetField(spec, "training.unroll.loss_weights[3]", "1"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.unroll.loss_weights has 4 elements; must have "
                       "none or 3, one more than horizon"));
}

// A stage's horizon and window are the unroll's if it has none; the rounds are
// 3 + 4, and a validation has the longest horizon, 60.
TEST(RunSpecResolveTest, StagesFillTheRestIn) {
  v1::RunSpec spec = Parse(kStages);
  v1::RunSpec expected = spec;
  v1::TrainingSpec& training = *expected.mutable_training();
  training.set_rounds(7);
  training.mutable_stages(1)->set_horizon(40);
  for (v1::StageSpec& stage : *training.mutable_stages()) stage.set_window(20);
  training.mutable_stages(0)->mutable_imitation()->set_weight(1);
  training.mutable_validation()->set_steps(60);
  ASSERT_OK_AND_ASSIGN(expected, ResolveRunSpec(expected));
  ExpectSame(Resolved(kStages), expected);
  EXPECT_EQ(expected.training().validation().steps(), 60);
}

TEST(RunSpecResolveTest, StagesFitTheRestOfTheTraining) {
  struct Wrong {
    const char* path;
    const char* value;
    const char* problem;
  };
  for (const Wrong& wrong : {
           Wrong{"training.rounds", "8",
                 "training.rounds is 8; must be unset or 7, the sum of the "
                 "stages' rounds"},
           Wrong{"training.stages[0].horizon", "50",
                 "training.stages[0].horizon is 50; must be a multiple of "
                 "window, which is 20"},
           Wrong{"training.stages[0].window", "50",
                 "training.stages[0].horizon is 60; must be a multiple of "
                 "window, which is 50"},
           Wrong{"training.stages[1].rounds", "0",
                 "training.stages[1].rounds is required: 1 to 10000000"},
           Wrong{"training.stages[1].rounds", "10000000",
                 "training.rounds is 10000003; must be 1 to 10000000"},
           Wrong{"training.unroll.loss_weights", "[1]",
                 "training.unroll.loss_weights must be empty with stages, "
                 "whose horizons differ"},
           Wrong{"training.stages",
                 "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
                 "training.stages has 17 elements; must have at most 16"},
       }) {
    v1::RunSpec spec = Parse(kStages);
    ASSERT_OK(SetField(spec, wrong.path, wrong.value));
    EXPECT_THAT(
        ResolveRunSpec(spec),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.problem)));
  }
}

TEST(RunSpecResolveTest, ASearchHasBoundsAndRoomForItsTrialsNames) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.search",
                     "{trials: 3 min_learning_rate: 1e-4 max_learning_rate: "
                     "1e-2}"));
  EXPECT_OK(ResolveRunSpec(spec));
  v1::RunSpec wrong = spec;
  ASSERT_OK(SetField(wrong, "training.search.max_learning_rate", "1e-4"));
  EXPECT_THAT(ResolveRunSpec(wrong),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.search.max_learning_rate is 0.0001; must be "
                       "above min_learning_rate, which is 0.0001"));
  wrong = spec;
  wrong.mutable_training()->mutable_search()->clear_trials();
  EXPECT_THAT(ResolveRunSpec(wrong),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.search.trials is required: 1 to 100"));
  // 55 characters and "-trial-99" are 64.
  spec.set_name(std::string(55, 'a'));
  EXPECT_OK(ResolveRunSpec(spec));
  spec.set_name(std::string(56, 'a'));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("name has 56 characters; with "
                                 "training.search it must have at most 55")));
}

TEST(RunSpecResolveTest, ResolvingTwiceChangesNothing) {
  for (const char* text : {kTraining, kMlp, kEvaluation, kStages}) {
    const v1::RunSpec once = Resolved(text);
    ASSERT_OK_AND_ASSIGN(const v1::RunSpec twice, ResolveRunSpec(once));
    ExpectSame(twice, once);
  }
}

TEST(ShippedSpecsTest, ResolveAndStaySo) {
  int count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(METASTEP_SPECS_DIR)) {
    if (file.path().extension() != ".textproto") continue;
    SCOPED_TRACE(file.path());
    ++count;
    ASSERT_OK_AND_ASSIGN(const std::string text,
                         ReadFile(file.path(), 1 << 20));
    ASSERT_OK_AND_ASSIGN(const v1::RunSpec spec, ParseRunSpec(text));
    ASSERT_OK_AND_ASSIGN(const v1::RunSpec once, ResolveRunSpec(spec));
    ASSERT_OK_AND_ASSIGN(const v1::RunSpec twice, ResolveRunSpec(once));
    ExpectSame(twice, once);
  }
  EXPECT_GE(count, 4);
}

TEST(CheckNameTest, SaysWhatIsAllowed) {
  EXPECT_OK(CheckName("run", "a"));
  EXPECT_THAT(CheckName("run", "a b"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "run is \"a b\"; must be 1 to 64 characters out of a to "
                       "z, 0 to 9, '_' and '-'"));
}

TEST(CheckNameTest, ShowsOnlyTheStartOfALongName) {
  EXPECT_LT(CheckName("run", std::string(1 << 20, '!')).message().size(), 200u);
}

}  // namespace
}  // namespace metastep
