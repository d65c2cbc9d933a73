#include "client/completion.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace metastep {
namespace {

// Within single quotes.
std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// The patterns of a case for all verbs: 'metastep local'|'metastep models'.
std::string VerbPatterns(const CommandNode& root) {
  std::vector<std::string> patterns;
  for (const CommandNode* node : AllNodes(root)) {
    if (node != &root) patterns.push_back(Quoted(node->path));
  }
  return absl::StrJoin(patterns, "|");
}

template <typename Entry>
std::string BashWords(const std::vector<Entry>& entries) {
  return absl::StrJoin(entries, " ", [](std::string* out, const Entry& entry) {
    absl::StrAppend(out, entry.name);
  });
}

// What _describe takes: 'name:help' 'name:help'.
template <typename Entry>
std::string ZshWords(const std::vector<Entry>& entries) {
  return absl::StrJoin(entries, " ", [](std::string* out, const Entry& entry) {
    absl::StrAppend(out, Quoted(absl::StrCat(entry.name, ":", entry.help)));
  });
}

}  // namespace

std::string BashCompletion(const CommandNode& root) {
  std::string script = absl::StrCat(
      "# Completion for bash; made by `", root.name, " completion bash`.\n_",
      root.name, "() {\n  local at=", root.name, R"( word verbs='' flags=''
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      )",
      VerbPatterns(root), R"() at="$at $word" ;;
    esac
  done
  case "$at" in
)");
  for (const CommandNode* node : AllNodes(root)) {
    absl::StrAppend(&script, "    ", Quoted(node->path), ") verbs='",
                    BashWords(node->verbs), "' flags='", BashWords(node->flags),
                    "' ;;\n");
  }
  absl::StrAppend(&script, R"(  esac
  local current=${COMP_WORDS[COMP_CWORD]}
  if [[ $current == -* ]]; then verbs=$flags; fi
  COMPREPLY=($(compgen -W "$verbs" -- "$current"))
}
complete -o default -F _)",
                  root.name, " ", root.name, "\n");
  return script;
}

std::string ZshCompletion(const CommandNode& root) {
  std::string script =
      absl::StrCat("#compdef ", root.name, "\n# Made by `", root.name,
                   " completion zsh`.\n_", root.name,
                   "() {\n  local at=", root.name, R"( word
  local -a verbs flags
  for word in ${words[2,CURRENT-1]}; do
    case "$at $word" in
      )",
                   VerbPatterns(root), R"() at="$at $word" ;;
    esac
  done
  case "$at" in
)");
  for (const CommandNode* node : AllNodes(root)) {
    absl::StrAppend(&script, "    ", Quoted(node->path), ")\n      verbs=(",
                    ZshWords(node->verbs), ")\n      flags=(",
                    ZshWords(node->flags), ") ;;\n");
  }
  absl::StrAppend(&script, R"(  esac
  if [[ ${words[CURRENT]} == -* ]]; then
    _describe -o flag flags
  elif (( $#verbs )); then
    _describe verb verbs
  else
    _files
  fi
}
if [[ $funcstack[1] == _)",
                  root.name, " ]]; then _", root.name,
                  " \"$@\"; else compdef _", root.name, " ", root.name,
                  "; fi\n");
  return script;
}

}  // namespace metastep
