#include "client/doctor_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace metastep {
namespace {

struct VerdictWords {
  const char* line;
  const char* json;
  const char* color;  // of ECMA-48
};

VerdictWords WordsOf(Finding::Verdict verdict) {
  switch (verdict) {
    case Finding::Verdict::kGood:
      return {"ok  ", "good", "\x1b[32m"};
    case Finding::Verdict::kNote:
      return {"note", "note", "\x1b[33m"};
    case Finding::Verdict::kBad:
      break;
  }
  return {"BAD ", "bad", "\x1b[31m"};
}

}  // namespace

std::string FormatFinding(const Finding& finding, bool color) {
  const VerdictWords words = WordsOf(finding.verdict);
  const std::string word =
      color ? absl::StrCat(words.color, words.line, "\x1b[0m") : words.line;
  return absl::StrFormat("%s  %-8s  %s\n", word, finding.check, finding.detail);
}

std::string FindingsJson(const std::vector<Finding>& findings) {
  auto json = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"check", finding.check},
                    {"verdict", WordsOf(finding.verdict).json},
                    {"detail", finding.detail}});
  }
  // Names of files may be no UTF-8.
  return json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false,
                   nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

bool MayColor(bool is_terminal, const char* no_color) {
  return is_terminal && (no_color == nullptr || no_color[0] == '\0');
}

}  // namespace metastep
