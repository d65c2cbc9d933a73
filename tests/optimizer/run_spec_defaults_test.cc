#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "optimizer/run_spec.h"
#include "tests/optimizer/run_spec_examples.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

void ExpectSame(const google::protobuf::Message& actual,
                const google::protobuf::Message& expected) {
  EXPECT_TRUE(
      google::protobuf::util::MessageDifferencer::Equals(actual, expected))
      << actual.DebugString() << "expected:\n"
      << expected.DebugString();
}

// Every default of spec.proto, as its comments have them.
TEST(RunSpecDefaultsTest, WritesOutEveryDefaultOfATraining) {
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

TEST(RunSpecDefaultsTest, WritesOutEveryDefaultOfAnEvaluation) {
  v1::RunSpec expected = Parse(kEvaluation);
  expected.mutable_evaluation()->set_tasks_from(v1::EvaluationSpec::TEST);
  expected.mutable_evaluation()->set_tasks(10);
  expected.mutable_evaluation()->set_steps(100);
  ExpectSame(Resolved(kEvaluation), expected);
}

TEST(RunSpecDefaultsTest, WritesOutEveryDefaultOfAnMlp) {
  v1::MlpSpec expected;
  expected.add_hidden(20);
  expected.set_activation(v1::MlpSpec::SIGMOID);
  expected.set_dataset("mnist");
  expected.set_batch_size(128);
  expected.set_initial_stddev(0.01);
  ExpectSame(Resolved(kMlp).task().mlp(), expected);
}

TEST(RunSpecDefaultsTest, WritesOutEveryDefaultOfAConvNet) {
  v1::ConvNetSpec expected;
  expected.set_dataset("cifar10");
  for (int label = 0; label < 10; ++label) expected.add_labels(label);
  expected.set_batch_size(128);
  for (int block = 0; block < 3; ++block) expected.add_channels(16);
  expected.set_hidden(32);
  expected.set_initial_stddev(0.01);
  ExpectSame(Resolved(kConvNet).task().convnet(), expected);
}

TEST(RunSpecDefaultsTest, WritesOutEveryDefaultOfArt) {
  v1::ArtSpec expected;
  expected.set_size(64);
  expected.set_content_weight(1);
  expected.set_style_weight(1);
  expected.set_variation_weight(25);
  ExpectSame(Resolved(kArt).task().art(), expected);
}

TEST(RunSpecDefaultsTest, UniformQuadraticsStartAwayFromZero) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.distribution", "UNIFORM"));
  ASSERT_OK_AND_ASSIGN(spec, ResolveRunSpec(spec));
  EXPECT_EQ(spec.task().quadratic().initial_stddev(), 0.01);
}

TEST(RunSpecDefaultsTest, ExplicitZerosStay) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.distribution", "UNIFORM"));
  ASSERT_OK(SetField(spec, "task.quadratic.initial_stddev", "0"));
  ASSERT_OK(SetField(spec, "training.outer.rule.adam",
                     "{learning_rate: 0 beta1: 0}"));
  ASSERT_OK_AND_ASSIGN(spec, ResolveRunSpec(spec));
  EXPECT_EQ(spec.task().quadratic().initial_stddev(), 0);
  EXPECT_EQ(spec.training().outer().rule().adam().learning_rate(), 0);
  EXPECT_EQ(spec.training().outer().rule().adam().beta1(), 0);
}

TEST(RunSpecDefaultsTest, DefaultsFollowOtherFields) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.unroll.horizon", "40"));
  ASSERT_OK_AND_ASSIGN(spec, ResolveRunSpec(spec));
  EXPECT_EQ(spec.training().validation().steps(), 40);
}

// A stage's horizon and window are the unroll's if it has none; the rounds are
// 3 + 4, and a validation has the longest horizon, 60.
TEST(RunSpecDefaultsTest, StagesFillTheRestIn) {
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

TEST(RunSpecDefaultsTest, ResolvingTwiceChangesNothing) {
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

}  // namespace
}  // namespace metastep
