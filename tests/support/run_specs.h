// Run specs from text, for tests in which they are known to be good.
#ifndef METASTEP_TESTS_SUPPORT_RUN_SPECS_H_
#define METASTEP_TESTS_SUPPORT_RUN_SPECS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {

inline v1::RunSpec Parse(absl::string_view text) {
  absl::StatusOr<v1::RunSpec> spec = ParseRunSpec(text);
  EXPECT_OK(spec);
  return spec.ok() ? *spec : v1::RunSpec();
}

inline v1::RunSpec Resolved(absl::string_view text) {
  absl::StatusOr<v1::RunSpec> spec = ResolveRunSpec(Parse(text));
  EXPECT_OK(spec);
  return spec.ok() ? *spec : v1::RunSpec();
}

}  // namespace metastep

#endif  // METASTEP_TESTS_SUPPORT_RUN_SPECS_H_
