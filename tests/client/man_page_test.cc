#include "client/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metastep {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ManPageTest, SaysWhatHelpSays) {
  CommandNode verb;
  verb.name = "list";
  verb.path = "tool list";
  verb.help = "List all";
  verb.flags = {{"--server", "HOST:PORT", "Where it is"}, {"--all", "", "All"}};
  verb.positionals = {{"SPEC", "SPEC", "The spec"}};
  verb.footer = "Example:\n  tool list";
  CommandNode root;
  root.name = root.path = "tool";
  root.help = "A tool.";
  root.footer = ".hidden\n'quoted' \\";
  root.verbs = {verb};
  const std::string page = ManPage(root, "1.2");
  EXPECT_THAT(page, StartsWith(".TH TOOL 1 \"\" \"tool 1.2\"\n.SH NAME\n"
                               "tool \\- A tool.\n"));
  EXPECT_THAT(page, HasSubstr(".SS tool list\nList all\n"
                              ".TP\n\\fBSPEC\\fR\nThe spec\n"
                              ".TP\n\\fB\\-\\-server\\fR \\fIHOST:PORT\\fR\n"
                              "Where it is\n"
                              ".TP\n\\fB\\-\\-all\\fR\nAll\n"
                              ".PP\n.nf\nExample:\n  tool list\n.fi\n"));
  // No line may be taken for a request.
  EXPECT_THAT(page, HasSubstr(".nf\n\\&.hidden\n\\&'quoted' \\e\n.fi\n"));
}

}  // namespace
}  // namespace metastep
