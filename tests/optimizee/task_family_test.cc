#include "optimizee/torch/task_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "optimizee/synthetic_digits.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

TEST(TaskFamilyTest, MakesEveryKindOfTask) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteSyntheticDigits(folder / "digits",
                                 {.training_images = 2, .test_images = 2}));
  v1::TaskSpec square;
  square.mutable_square();
  ASSERT_OK_AND_ASSIGN(const auto square_family,
                       MakeTaskFamily(square, folder));
  EXPECT_EQ(square_family->Make({})->layout().coordinates(), 1);

  v1::TaskSpec mlp;
  mlp.mutable_mlp()->set_dataset("digits");
  mlp.mutable_mlp()->add_hidden(1);
  ASSERT_OK_AND_ASSIGN(const auto mlp_family, MakeTaskFamily(mlp, folder));
  // 784 -> 1 -> 10: 785 + 20
  EXPECT_EQ(mlp_family->Make({})->layout().coordinates(), 805);
}

TEST(TaskFamilyTest, NeedsATask) {
  EXPECT_THAT(
      MakeTaskFamily({}, "."),
      StatusIs(StatusCode::kInvalidArgument,
               HasSubstr("expected square, quadratic, mlp, convnet or art")));
}

TEST(TaskFamilyTest, MissingDataNamesTheFile) {
  const auto folder = NewTestFolder();
  v1::TaskSpec spec;
  spec.mutable_mlp()->set_dataset("nothing");
  EXPECT_THAT(
      MakeTaskFamily(spec, folder),
      StatusIs(
          StatusCode::kNotFound,
          HasSubstr((folder / "nothing/train-images-idx3-ubyte").string())));
}

}  // namespace
}  // namespace metastep
