// What a command line offers, as data: the source of completions and of the
// manual page.
#ifndef METASTEP_CLIENT_COMMAND_TREE_H_
#define METASTEP_CLIENT_COMMAND_TREE_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace metastep {

// A flag, or what a positional argument stands for.
struct CommandArgument {
  std::string name;   // "--server"; of a positional, "SPEC" or "model"
  std::string value;  // "HOST:PORT"; empty: it takes none
  std::string help;
};

// The command itself, or one of its verbs.
struct CommandNode {
  std::string path;  // "metastep models list"
  std::string name;  // "list"
  std::string help;
  std::string footer;
  std::vector<CommandArgument> flags;
  std::vector<CommandArgument> positionals;
  std::vector<CommandNode> verbs;
};

// Of an app and all that is below it, in the order they were added.
CommandNode ReadCommandTree(const CLI::App& app);

// The node, its verbs, theirs, ..., each before those below it.
std::vector<const CommandNode*> AllNodes(const CommandNode& root);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMMAND_TREE_H_
