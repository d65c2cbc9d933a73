#include "client/man_page.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace metastep {
namespace {

// Text that roff neither takes for a request nor breaks at dashes.
std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!escaped.empty()) escaped += '\n';
    if (!line.empty() && (line[0] == '.' || line[0] == '\'')) escaped += "\\&";
    escaped += absl::StrReplaceAll(line, {{"\\", "\\e"}, {"-", "\\-"}});
  }
  return escaped;
}

// A paragraph whose lines stay as they are.
void AppendVerbatim(absl::string_view text, std::string& page) {
  if (text.empty()) return;
  absl::StrAppend(&page, ".PP\n.nf\n", Escaped(text), "\n.fi\n");
}

void AppendArguments(const std::vector<CommandArgument>& arguments,
                     std::string& page) {
  for (const CommandArgument& argument : arguments) {
    absl::StrAppend(&page, ".TP\n\\fB", Escaped(argument.name), "\\fR");
    if (!argument.value.empty() && argument.value != argument.name) {
      absl::StrAppend(&page, " \\fI", Escaped(argument.value), "\\fR");
    }
    absl::StrAppend(&page, "\n", Escaped(argument.help), "\n");
  }
}

}  // namespace

std::string ManPage(const CommandNode& root, absl::string_view version) {
  std::string page = absl::StrCat(
      ".TH ", absl::AsciiStrToUpper(root.name), " 1 \"\" \"", root.name, " ",
      version, "\"\n.SH NAME\n", root.name, " \\- ", Escaped(root.help),
      "\n.SH SYNOPSIS\n\\fB", root.name,
      "\\fR \\fIverb\\fR [\\fIargument\\fR ...]\n.SH OPTIONS\n");
  AppendArguments(root.flags, page);
  page += ".SH VERBS\n";
  for (const CommandNode* node : AllNodes(root)) {
    if (node == &root) continue;
    absl::StrAppend(&page, ".SS ", Escaped(node->path), "\n",
                    Escaped(node->help), "\n");
    AppendArguments(node->positionals, page);
    AppendArguments(node->flags, page);
    AppendVerbatim(node->footer, page);
  }
  page += ".SH NOTES\n";
  AppendVerbatim(root.footer, page);
  return page;
}

}  // namespace metastep
