#include "client/command_tree.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"

namespace metastep {
namespace {

// The long name of a flag, such as "--server".
std::string FlagName(const CLI::Option& option) {
  if (!option.get_lnames().empty()) {
    return absl::StrCat("--", option.get_lnames().front());
  }
  return absl::StrCat("-", option.get_snames().front());
}

CommandArgument ReadArgument(const CLI::Option& option) {
  CommandArgument argument;
  argument.help = option.get_description();
  if (option.get_items_expected_max() > 0) {
    argument.value = option.get_type_name();
  }
  argument.name = option.get_positional() ? option.get_name(/*positional=*/true)
                                          : FlagName(option);
  return argument;
}

CommandNode ReadNode(const CLI::App& app, const std::string& above) {
  CommandNode node;
  node.name = app.get_name();
  node.path = absl::StrCat(above, node.name);
  node.help = app.get_description();
  node.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? node.positionals : node.flags)
        .push_back(ReadArgument(*option));
  }
  for (const CLI::App* verb : app.get_subcommands({})) {
    node.verbs.push_back(ReadNode(*verb, absl::StrCat(node.path, " ")));
  }
  return node;
}

}  // namespace

CommandNode ReadCommandTree(const CLI::App& app) { return ReadNode(app, ""); }

std::vector<const CommandNode*> AllNodes(const CommandNode& root) {
  std::vector<const CommandNode*> nodes = {&root};
  for (const CommandNode& verb : root.verbs) {
    const auto below = AllNodes(verb);
    nodes.insert(nodes.end(), below.begin(), below.end());
  }
  return nodes;
}

}  // namespace metastep
