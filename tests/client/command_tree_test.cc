#include "client/command_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace metastep {
namespace {

using testing::ElementsAre;

std::vector<std::string> Names(const std::vector<CommandArgument>& arguments) {
  std::vector<std::string> names;
  for (const CommandArgument& argument : arguments) {
    names.push_back(argument.name);
  }
  return names;
}

TEST(CommandTreeTest, ReadsVerbsFlagsAndPositionals) {
  CLI::App app("All of it", "tool");
  CLI::App* models = app.add_subcommand("models", "Manage models");
  CLI::App* list = models->add_subcommand("list", "List models");
  std::string text;
  bool flag = false;
  list->add_option("file", text, "The file")->type_name("FILE");
  list->add_option("-s,--server", text, "Where")->type_name("HOST:PORT");
  list->add_flag("--json", flag, "As JSON");
  list->footer("Example");
  app.add_subcommand("last", "Last");

  const CommandNode root = ReadCommandTree(app);
  EXPECT_EQ(root.path, "tool");
  EXPECT_EQ(root.help, "All of it");
  std::vector<std::string> paths;
  for (const CommandNode* node : AllNodes(root)) paths.push_back(node->path);
  EXPECT_THAT(paths, ElementsAre("tool", "tool models", "tool models list",
                                 "tool last"));

  const CommandNode& leaf = root.verbs[0].verbs[0];
  EXPECT_EQ(leaf.footer, "Example");
  EXPECT_THAT(Names(leaf.flags), ElementsAre("--help", "--server", "--json"));
  EXPECT_EQ(leaf.flags[1].value, "HOST:PORT");
  EXPECT_EQ(leaf.flags[2].value, "");
  EXPECT_THAT(Names(leaf.positionals), ElementsAre("file"));
  EXPECT_EQ(leaf.positionals[0].value, "FILE");
}

}  // namespace
}  // namespace metastep
