#include "client/model_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

TEST(ModelNameTest, ANameAloneMeansTheNewestVersion) {
  ASSERT_OK_AND_ASSIGN(const v1::ModelRef ref, ParseModelRef("lstm-2"));
  EXPECT_EQ(ref.name(), "lstm-2");
  EXPECT_EQ(ref.which_case(), v1::ModelRef::WHICH_NOT_SET);
}

TEST(ModelNameTest, DigitsAreAVersionAndAllElseALabel) {
  ASSERT_OK_AND_ASSIGN(const v1::ModelRef version, ParseModelRef("lstm@12"));
  EXPECT_EQ(version.version(), 12);
  ASSERT_OK_AND_ASSIGN(const v1::ModelRef label, ParseModelRef("lstm@v12"));
  EXPECT_EQ(label.label(), "v12");
}

TEST(ModelNameTest, RefusesWhatNamesNothing) {
  for (const char* text : {"", "@1", "lstm@", "LSTM", "a/b", "lstm@a@b"}) {
    EXPECT_THAT(
        ParseModelRef(text),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model")))
        << text;
  }
  for (const char* text : {"lstm@0", "lstm@9223372036854775808"}) {
    EXPECT_THAT(ParseModelRef(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("is not from 1 to")))
        << text;
  }
}

TEST(ModelNameTest, WritesWhatItReads) {
  v1::ModelInfo info;
  info.set_name("lstm");
  info.set_version(3);
  EXPECT_EQ(ModelName(info), "lstm@3");
  EXPECT_EQ(PinnedRef(info).version(), 3);
}

}  // namespace
}  // namespace metastep
