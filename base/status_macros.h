// METASTEP_RETURN_IF_ERROR and METASTEP_ASSIGN_OR_RETURN, which the packaged
// Abseil lacks.
#ifndef METASTEP_BASE_STATUS_MACROS_H_
#define METASTEP_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Evaluates an absl::Status and returns it unless it is OK.
#define METASTEP_RETURN_IF_ERROR(expr)                                    \
  do {                                                                    \
    if (::absl::Status metastep_status = (expr); !metastep_status.ok()) { \
      return metastep_status;                                             \
    }                                                                     \
  } while (false)

#define METASTEP_STATUS_CONCAT_INNER(a, b) a##b
#define METASTEP_STATUS_CONCAT(a, b) METASTEP_STATUS_CONCAT_INNER(a, b)

// Evaluates an absl::StatusOr; assigns its value to `lhs` (which may declare a
// variable), or returns its status.
#define METASTEP_ASSIGN_OR_RETURN(lhs, expr) \
  METASTEP_ASSIGN_OR_RETURN_IMPL(            \
      METASTEP_STATUS_CONCAT(metastep_status_or_, __LINE__), lhs, expr)
#define METASTEP_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                   \
  if (!result.ok()) return std::move(result).status();    \
  lhs = std::move(result).value()

#endif  // METASTEP_BASE_STATUS_MACROS_H_
