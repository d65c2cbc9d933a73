// GoogleMock matchers for absl::Status and absl::StatusOr, which the packaged
// Abseil lacks.
#ifndef METASTEP_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define METASTEP_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metastep {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P2(StatusIs, code, message_matcher, "") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         testing::ExplainMatchResult(
             message_matcher, std::string(status.message()), result_listener);
}

MATCHER_P(IsOkAndHolds, value_matcher, "") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

}  // namespace metastep

#define ASSERT_OK(expr) ASSERT_THAT((expr), ::metastep::IsOk())
#define EXPECT_OK(expr) EXPECT_THAT((expr), ::metastep::IsOk())

// Assigns the value of an absl::StatusOr, or fails the test.
#define METASTEP_TEST_CONCAT_INNER(a, b) a##b
#define METASTEP_TEST_CONCAT(a, b) METASTEP_TEST_CONCAT_INNER(a, b)
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_IMPL(METASTEP_TEST_CONCAT(or_, __LINE__), lhs, expr)
#define ASSERT_OK_AND_ASSIGN_IMPL(result, lhs, expr) \
  auto result = (expr);                              \
  ASSERT_OK(result);                                 \
  lhs = std::move(result).value()

#endif  // METASTEP_TESTS_SUPPORT_STATUS_MATCHERS_H_
