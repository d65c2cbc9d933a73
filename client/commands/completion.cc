// metastep completion, metastep man: what the command line offers, for shells
// and for man.
#include "client/completion.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "base/version.h"
#include "client/command_tree.h"
#include "client/commands/flags.h"
#include "client/man_page.h"

namespace metastep {
namespace {

struct CompletionOptions {
  const CLI::App* app;
  std::string shell;
};

absl::Status RunCompletion(const CompletionOptions& options, Cancellation&) {
  const CommandNode tree = ReadCommandTree(*options.app);
  std::cout << (options.shell == "bash" ? BashCompletion(tree)
                                        : ZshCompletion(tree));
  return absl::OkStatus();
}

absl::Status RunMan(const CompletionOptions& options, Cancellation&) {
  std::cout << ManPage(ReadCommandTree(*options.app), kVersion);
  return absl::OkStatus();
}

}  // namespace

void AddCompletionCommands(CLI::App& app, Command& command) {
  const auto options = std::make_shared<CompletionOptions>();
  options->app = &app;
  CLI::App* completion = app.add_subcommand(
      "completion", "Print a script that completes in a shell");
  completion->add_option("shell", options->shell, "bash or zsh")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->type_name("SHELL")
      ->required();
  completion->footer(
      "Examples:\n"
      "  source <(metastep completion bash)\n"
      "  metastep completion zsh >\"${fpath[1]}/_metastep\"");
  OnParse(*completion, command, options, &RunCompletion);

  CLI::App* man = app.add_subcommand("man", "Print the manual page");
  man->footer("Example:\n  metastep man | man -l -");
  OnParse(*man, command, options, &RunMan);
}

}  // namespace metastep
