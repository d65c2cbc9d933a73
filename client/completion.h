// Completion of the command's verbs and flags in shells.
#ifndef METASTEP_CLIENT_COMPLETION_H_
#define METASTEP_CLIENT_COMPLETION_H_

#include <string>

#include "client/command_tree.h"

namespace metastep {

// A script for bash: verbs where one may follow, flags after a dash, and files
// elsewhere.
std::string BashCompletion(const CommandNode& root);

// The same for zsh, with the help texts beside; for a folder of $fpath, or to
// be sourced after compinit.
std::string ZshCompletion(const CommandNode& root);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMPLETION_H_
