#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ParseRunSpecTest, ReadsTextFormatWithComments) {
  ASSERT_OK_AND_ASSIGN(const v1::RunSpec spec,
                       ParseRunSpec("# a run\nname: 'r' seed: 7\n"));
  EXPECT_EQ(spec.name(), "r");
  EXPECT_EQ(spec.seed(), 7u);
}

// The unknown field is followed by what the parser stops at: line 3, column 8
// is the ':' after "  speed".
TEST(ParseRunSpecTest, NamesAnUnknownFieldWithLineAndColumn) {
  EXPECT_THAT(ParseRunSpec("name: 'r'\ntask {\n  speed: 3\n}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("3:8: "), HasSubstr("\"speed\""))));
}

TEST(ParseRunSpecTest, NamesABadValueWithLineAndColumn) {
  EXPECT_THAT(ParseRunSpec("name: 'r'\nseed: fast\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("2:7: Expected integer")));
}

TEST(ParseRunSpecTest, RejectsAFieldSetTwice) {
  EXPECT_THAT(ParseRunSpec("name: 'a' name: 'b'"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("specified multiple times")));
}

TEST(ParseRunSpecTest, RejectsTwoMembersOfAOneof) {
  EXPECT_THAT(ParseRunSpec("task { square {} mlp {} }"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("oneof")));
}

TEST(ParseRunSpecTest, RejectsUnfinishedText) {
  EXPECT_THAT(
      ParseRunSpec("task {\n"),
      StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("2:1: ")));
}

TEST(SetFieldTest, MakesTheMessagesOnTheWay) {
  v1::RunSpec spec;
  ASSERT_OK(SetField(spec, "training.unroll.horizon", "40"));
  EXPECT_EQ(spec.training().unroll().horizon(), 40);
}

TEST(SetFieldTest, ReplacesWhatWasThere) {
  v1::RunSpec spec;
  ASSERT_OK(SetField(spec, "seed", "3"));
  ASSERT_OK(SetField(spec, "seed", "0"));
  EXPECT_EQ(spec.seed(), 0u);
  ASSERT_OK(SetField(spec, "task.mlp", "{hidden: [1, 2] batch_size: 4}"));
  ASSERT_OK(SetField(spec, "task.mlp", "{hidden: 3}"));
  EXPECT_THAT(spec.task().mlp().hidden(), ElementsAre(3));
  EXPECT_EQ(spec.task().mlp().batch_size(), 0);
}

TEST(SetFieldTest, NamingAMemberOfAOneofSelectsIt) {
  v1::RunSpec spec;
  ASSERT_OK(SetField(spec, "task.square", "{}"));
  EXPECT_TRUE(spec.task().has_square());
  ASSERT_OK(SetField(spec, "task.quadratic.problems", "32"));
  EXPECT_EQ(spec.task().quadratic().problems(), 32);
  ASSERT_OK(SetField(spec, "task.mlp", "{}"));
  EXPECT_TRUE(spec.task().has_mlp());
}

TEST(SetFieldTest, TakesEnumsByNameAndStringsWithAndWithoutQuotes) {
  v1::RunSpec spec;
  ASSERT_OK(SetField(spec, "task.mlp.activation", "RELU"));
  EXPECT_EQ(spec.task().mlp().activation(), v1::MlpSpec::RELU);
  ASSERT_OK(SetField(spec, "name", "plain"));
  EXPECT_EQ(spec.name(), "plain");
  ASSERT_OK(SetField(spec, "name", "\"quoted\""));
  EXPECT_EQ(spec.name(), "quoted");
}

TEST(SetFieldTest, KeepsPresenceOfAZero) {
  v1::RunSpec spec;
  ASSERT_OK(SetField(spec, "task.mlp.initial_stddev", "0"));
  EXPECT_TRUE(spec.task().mlp().has_initial_stddev());
}

TEST(SetFieldTest, SetsAndAppendsElements) {
  v1::RunSpec spec;
  ASSERT_OK(SetField(spec, "task.mlp.hidden", "[1, 2, 3]"));
  ASSERT_OK(SetField(spec, "task.mlp.hidden[1]", "20"));
  ASSERT_OK(SetField(spec, "task.mlp.hidden[3]", "4"));
  EXPECT_THAT(spec.task().mlp().hidden(), ElementsAre(1, 20, 3, 4));
  ASSERT_OK(SetField(spec, "training.rules[0].parameters[0]", "*.weight"));
  EXPECT_EQ(spec.training().rules(0).parameters(0), "*.weight");
}

TEST(SetFieldTest, SaysWhatIsWrongAndChangesNothing) {
  const struct {
    const char* path;
    const char* value;
    const char* problem;
  } kCases[] = {
      {"sed", "1", "sed=1: \"sed\" is not a field of RunSpec"},
      {"training.unrol.window", "1",
       "\"unrol\" is not a field of TrainingSpec"},
      {"", "1", "\"\" is not a field of RunSpec"},
      {"training.", "1", "\"\" is not a field of TrainingSpec"},
      {"seed.low", "1", "\"seed\" has no fields"},
      {"training.rules.name", "a", "say which, as rules[0]"},
      {"training.rules[1].name", "a", "has 0 elements"},
      {"seed[0]", "1", "\"seed\" has no elements"},
      {"training.rules[", "1", "expected field[0]"},
      {"training.rules[x]", "1", "expected field[0]"},
      {"training.rules[-1]", "1", "expected field[0]"},
      {"training.rules[99999999999]", "1", "expected field[0]"},
      {"seed", "fast", "seed=fast: Expected integer"},
      {"seed", "-1", "seed=-1: "},
      {"seed", "", "seed=: "},
      {"training.lanes", "3000000000", "Integer out of range"},
      {"task.mlp.activation", "GELU", "\"GELU\""},
      {"seed", "1 name: 'x'", "it also sets \"name\""},
      {"seed", "1 seed: 2", "multiple times"},
      {"task.mlp.hidden[0]", "[1, 2]", "expected one element"},
      {"task", "{square {} mlp {}}", "oneof"},
      {"name", "\"open", "name=\"open: "},
  };
  for (const auto& bad : kCases) {
    SCOPED_TRACE(bad.path);
    v1::RunSpec spec;
    EXPECT_THAT(
        SetField(spec, bad.path, bad.value),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.problem)));
    EXPECT_EQ(spec.ByteSizeLong(), 0u) << spec.DebugString();
  }
}

}  // namespace
}  // namespace metastep
