#include "client/spec_kind.h"

#include <gtest/gtest.h>

namespace metastep {
namespace {

TEST(SpecKindTest, IsTheNameOfTheAlternative) {
  v1::TaskSpec task;
  task.mutable_mlp();
  EXPECT_EQ(TaskKind(task), "mlp");
  v1::HandDesignedSpec rule;
  rule.mutable_rmsprop();
  EXPECT_EQ(RuleKind(rule), "rmsprop");
  v1::ModelInfo model;
  EXPECT_EQ(RuleKind(model), "learned");
  model.add_rules()->mutable_rule()->mutable_lstm();
  EXPECT_EQ(RuleKind(model), "lstm");
}

}  // namespace
}  // namespace metastep
