#include "server/step_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/server/fixtures.h"

namespace metastep {
namespace {

// Two rules that take turns over tensors of sizes that fill no block.
std::unique_ptr<const LearnedRule> GroupedTestRule(
    const ParameterLayout& layout) {
  Model model = TestModel(1);
  v1::GroupRuleSpec& second = *model.info.add_rules();
  second = model.info.rules(0);
  second.set_name("second");
  second.set_parameters(0, "b*");
  model.info.mutable_rules(0)->set_parameters(0, "w*");
  model.phi = InitialPhi(model.info.rules(), 3);
  auto rule = MakeLearnedRule(model.info.rules(), layout, model.phi);
  EXPECT_OK(rule);
  return *std::move(rule);
}

TEST(StepPlanTest, TasksInAnyOrderGiveTheWholeRulesUpdate) {
  ASSERT_OK_AND_ASSIGN(const ParameterLayout layout,
                       ParameterLayout::Create({{"w1", {kTaskCoordinates + 5}},
                                                {"b1", {7}},
                                                {"w2", {3}},
                                                {"w3", {40'001}},
                                                {"b2", {1}}}));
  const int64_t n = layout.coordinates();
  const auto rule = GroupedTestRule(layout);
  std::vector<StepTask> tasks = PlanStep(*rule, n);
  EXPECT_GT(tasks.size(), 3u);
  std::reverse(tasks.begin(), tasks.end());
  SessionState state(v1::FLOAT32, rule->StateFloats(n));
  std::vector<float> update(static_cast<size_t>(n));
  for (int64_t step = 1; step <= 2; ++step) {
    const auto gradient = TestGradient(step, n);
    for (const StepTask& task : tasks) {
      EXPECT_LT(task.end() - task.begin(), 2 * kTaskCoordinates);
      for (const StepRange& range : task.ranges) {
        state.Step(
            range, step,
            absl::MakeConstSpan(gradient).subspan(range.begin, range.size),
            absl::MakeSpan(update).subspan(range.begin, range.size));
      }
    }
  }
  EXPECT_EQ(update, UpdatesInProcess(*rule, 2, n)[1]);
}

TEST(StepPlanTest, TasksCoverCoordinatesAndStateWithoutGaps) {
  auto rule = MakeHandDesignedRule(TestAdam());
  ASSERT_OK(rule);
  const int64_t n = 3 * kTaskCoordinates + 1;
  int64_t coordinates = 0, floats = 0;
  for (const StepTask& task : PlanStep(**rule, n)) {
    EXPECT_EQ(task.begin(), coordinates);
    EXPECT_EQ(task.state_begin(), floats);
    coordinates = task.end();
    floats += task.state_size();
  }
  EXPECT_EQ(coordinates, n);
  EXPECT_EQ(floats, (*rule)->StateFloats(n));
}

}  // namespace
}  // namespace metastep
