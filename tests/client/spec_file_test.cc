#include "client/spec_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string FileWith(const std::string& text) {
  const std::string path = testing::TempDir() + "/spec_file_test.textproto";
  std::ofstream(path) << text;
  return path;
}

constexpr char kSpec[] =
    "name: 'a'\ntask { square {} }\ntraining { rounds: 5 }\n";

TEST(SpecFileTest, AppliesOverridesAndWritesOutDefaults) {
  ASSERT_OK_AND_ASSIGN(
      const v1::RunSpec spec,
      LoadRunSpec(FileWith(kSpec),
                  {"training.rounds=7", "training.unroll.horizon=40"}));
  EXPECT_EQ(spec.training().rounds(), 7);
  EXPECT_EQ(spec.training().unroll().horizon(), 40);
  EXPECT_EQ(spec.training().unroll().window(), 20);
  EXPECT_THAT(FormatRunSpec(spec), HasSubstr("rounds: 7"));
}

TEST(SpecFileTest, ErrorsNameFileLineAndColumn) {
  const std::string path = FileWith("name: 'a'\n  tsak { square {} }\n");
  EXPECT_THAT(
      LoadRunSpec(path, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(path + ":2:")));
}

TEST(SpecFileTest, ValuesOutOfRangeNameTheFile) {
  const std::string path = FileWith(kSpec);
  EXPECT_THAT(LoadRunSpec(path, {"training.lanes=5000"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::AllOf(StartsWith(path), HasSubstr("5000"))));
}

TEST(SpecFileTest, AnOverrideIsNamedInItsError) {
  EXPECT_THAT(LoadRunSpec(FileWith(kSpec), {"training.rounds"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected field=value")));
  EXPECT_THAT(LoadRunSpec(FileWith(kSpec), {"training.ruonds=7"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("--set training.ruonds=7: ")));
}

TEST(SpecFileTest, AMissingFileIsAUsageError) {
  EXPECT_THAT(LoadRunSpec("/no/such/spec", {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/no/such/spec does not exist")));
}

}  // namespace
}  // namespace metastep
