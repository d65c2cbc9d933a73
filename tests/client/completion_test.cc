#include "client/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/child_process.h"

namespace metastep {
namespace {

using testing::HasSubstr;

CommandNode TestTree() {
  CommandNode list;
  list.name = "list";
  list.path = "tool models list";
  list.help = "List what's there";
  list.flags = {{"--json", "", "As JSON"}};
  CommandNode models;
  models.name = "models";
  models.path = "tool models";
  models.flags = {{"--help", "", "Help"}};
  models.verbs = {list};
  CommandNode root;
  root.name = root.path = "tool";
  root.flags = {{"--version", "", "Version"}, {"--help", "", "Help"}};
  root.verbs = {models};
  return root;
}

// What bash would offer for these words, of which the last is being typed.
std::string Offers(const std::vector<std::string>& words) {
  const auto bash = ChildProcess::Start(
      {"bash", "-c",
       absl::StrCat(BashCompletion(TestTree()), "COMP_WORDS=('",
                    absl::StrJoin(words, "' '"),
                    "')\nCOMP_CWORD=", words.size() - 1,
                    "\n_tool\necho \"offers <${COMPREPLY[*]}>\"\n")});
  const std::string line = bash->WaitForLine("offers");
  EXPECT_EQ(bash->Wait(), 0) << bash->output();
  return line;
}

TEST(CompletionTest, BashOffersVerbsAndAfterADashFlags) {
  EXPECT_THAT(Offers({"tool", ""}), HasSubstr("<models>"));
  EXPECT_THAT(Offers({"tool", "--v"}), HasSubstr("<--version>"));
  EXPECT_THAT(Offers({"tool", "models", "l"}), HasSubstr("<list>"));
  EXPECT_THAT(Offers({"tool", "models", "-"}), HasSubstr("<--help>"));
}

TEST(CompletionTest, BashKnowsTheVerbBehindFlagsAndLeavesFilesToReadline) {
  EXPECT_THAT(Offers({"tool", "--help", "models", "list", "--"}),
              HasSubstr("<--json>"));
  EXPECT_THAT(Offers({"tool", "models", "list", "some"}), HasSubstr("<>"));
}

TEST(CompletionTest, ZshDescribesThem) {
  const std::string script = ZshCompletion(TestTree());
  EXPECT_THAT(script, HasSubstr("#compdef tool\n"));
  EXPECT_THAT(script, HasSubstr(R"('tool models')
      verbs=('list:List what'\''s there')
      flags=('--help:Help') ;;)"));
}

}  // namespace
}  // namespace metastep
