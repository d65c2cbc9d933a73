// Means and how far to trust them.
#ifndef METASTEP_CLIENT_STATISTICS_H_
#define METASTEP_CLIENT_STATISTICS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace metastep {

double Mean(absl::Span<const double> values);

// At each value, the mean of the `count` values up to it; of all, where there
// are fewer. REQUIRES: count > 0.
std::vector<double> TrailingMeans(absl::Span<const double> values,
                                  size_t count);

// Half the width of the 95% confidence interval of the mean, by Student's t;
// infinite for fewer than two values.
double HalfWidth95(absl::Span<const double> values);

// Likewise, of `count` values with this sample standard deviation.
double HalfWidth95(double deviation, size_t count);

}  // namespace metastep

#endif  // METASTEP_CLIENT_STATISTICS_H_
