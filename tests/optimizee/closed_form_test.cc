#include "optimizee/closed_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SquareTest, IsXSquaredFromOne) {
  v1::TaskSpec spec;
  spec.mutable_square();
  const auto task = MakeClosedFormFamily(spec)->Make({});
  ASSERT_EQ(task->layout().tensors().size(), 1);
  EXPECT_THAT(task->layout().tensors()[0].shape, IsEmpty());
  EXPECT_EQ(task->problems(), 1);
  EXPECT_THAT(Theta0(*task), ElementsAre(1));
  // f(3) = 9, f'(3) = 6, f'' = 2
  EXPECT_EQ(LossAt(*task, 0, {3}), 9);
  EXPECT_THAT(GradientAt(*task, 0, {3}), ElementsAre(6));
  const std::vector<float> theta = {3};
  const std::vector<float> vector = {5};
  std::vector<float> product(1);
  ASSERT_OK(
      task->HessianVectorProduct(0, theta, vector, absl::MakeSpan(product)));
  EXPECT_THAT(product, ElementsAre(10));
}

TEST(ClosedFormTest, HasNoFamilyForOtherTasks) {
  v1::TaskSpec spec;
  EXPECT_EQ(MakeClosedFormFamily(spec), nullptr);
  spec.mutable_mlp();
  EXPECT_EQ(MakeClosedFormFamily(spec), nullptr);
}

}  // namespace
}  // namespace metastep
