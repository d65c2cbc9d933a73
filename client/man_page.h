// The command's manual page.
#ifndef METASTEP_CLIENT_MAN_PAGE_H_
#define METASTEP_CLIENT_MAN_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "client/command_tree.h"

namespace metastep {

// The page in roff's man macros, section 1: what --help of the command and of
// each of its verbs says.
std::string ManPage(const CommandNode& root, absl::string_view version);

}  // namespace metastep

#endif  // METASTEP_CLIENT_MAN_PAGE_H_
