// Findings as text and as JSON.
#ifndef METASTEP_CLIENT_DOCTOR_REPORT_H_
#define METASTEP_CLIENT_DOCTOR_REPORT_H_

#include <string>
#include <vector>

#include "client/doctor.h"

namespace metastep {

// A line: "ok    storage   ...", "note  ..." or "BAD   ...", in colour if so
// asked.
std::string FormatFinding(const Finding& finding, bool color);

// [{"check", "verdict": "good", "note" or "bad", "detail"}, ...].
std::string FindingsJson(const std::vector<Finding>& findings);

// Whether to colour what goes to standard output: on a terminal, unless
// NO_COLOR is set to anything (https://no-color.org).
bool MayColor(bool is_terminal, const char* no_color);

}  // namespace metastep

#endif  // METASTEP_CLIENT_DOCTOR_REPORT_H_
