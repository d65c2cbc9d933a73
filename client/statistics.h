// Means and how far to trust them.
#ifndef METASTEP_CLIENT_STATISTICS_H_
#define METASTEP_CLIENT_STATISTICS_H_

#include <cstddef>

#include "absl/types/span.h"

namespace metastep {

double Mean(absl::Span<const double> values);

// Half the width of the 95% confidence interval of the mean, by Student's t;
// infinite for fewer than two values.
double HalfWidth95(absl::Span<const double> values);

// Likewise, of `count` values with this sample standard deviation.
double HalfWidth95(double deviation, size_t count);

}  // namespace metastep

#endif  // METASTEP_CLIENT_STATISTICS_H_
