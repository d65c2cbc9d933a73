#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "optimizer/run_spec.h"
#include "tests/optimizer/run_spec_examples.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

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
      {kTraining,
       "training.step_margin",
       {"0", "0.5", "100"},
       {"-1", "101", "nan"}},
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
       {"-1", "30.1", "nan", "1e-46"}},
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
       {"-1", "0.1", "1e-40", "3e38"},
       {"0", "inf", "1e-46", "1e39"}},
      {kTraining,
       "training.rules[0].rule.lstm.initialization",
       {"ZEROS"},
       {"3"}},
      {kTraining,
       "training.rules[0].rule.lstm.forget_bias",
       {"0", "-1"},
       {"nan", "-1e39"}},
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
       {"0", "1", "3e38"},
       {"-1", "inf", "nan", "1e39", "-1e-46"}},
      {kTraining,
       "training.outer.rule.momentum.momentum",
       {"0", "0.99"},
       {"1", "-0.1", "nan", "0.99999999"}},
      {kTraining, "training.outer.rule.nag.momentum", {"0"}, {"1", "nan"}},
      {kTraining, "training.outer.rule.rmsprop.alpha", {"0"}, {"1", "-1"}},
      {kTraining, "training.outer.rule.rmsprop.epsilon", {"1"}, {"0", "inf"}},
      {kTraining, "training.outer.rule.adam.beta1", {"0"}, {"1"}},
      {kTraining, "training.outer.rule.adam.beta2", {"0"}, {"1"}},
      {kTraining,
       "training.outer.rule.adam.epsilon",
       {"1", "1e-40"},
       {"0", "-1", "1e-46"}},
      {kEvaluation, "evaluation.tasks_from", {"TUNING"}, {"3"}},
      {kEvaluation, "evaluation.tasks", {"1", "10000"}, {"-1", "10001"}},
      // Curves of two entries over more than 65,000 steps fit in no message.
      {kEvaluation, "evaluation.steps", {"1", "65000"}, {"-1", "100001"}},
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

// With what a field needs beside it: the default rule has no name until it is
// resolved, and no hand-designed one is without a rate.
v1::RunSpec SpecFor(const LimitCase& limit) {
  v1::RunSpec spec = Parse(limit.spec);
  const absl::string_view path = limit.path;
  if (absl::StartsWith(path, "training.rules")) {
    EXPECT_OK(SetField(spec, "training.rules[0].name", "lstm"));
  }
  if (absl::StartsWith(path, "training.outer.rule.")) {
    const absl::string_view rule = path.substr(0, path.rfind('.'));
    EXPECT_OK(SetField(spec, absl::StrCat(rule, ".learning_rate"), "1"));
  }
  return spec;
}

TEST(RunSpecLimitsTest, AcceptsWhatIsWithinTheLimits) {
  for (const LimitCase& limit : LimitCases()) {
    for (const std::string& value : limit.good) {
      SCOPED_TRACE(absl::StrCat(limit.path, "=", value));
      v1::RunSpec spec = SpecFor(limit);
      ASSERT_OK(SetField(spec, limit.path, value));
      EXPECT_OK(ResolveRunSpec(spec));
    }
  }
}

TEST(RunSpecLimitsTest, NamesTheFieldThatBreaksItsLimit) {
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

}  // namespace
}  // namespace metastep
