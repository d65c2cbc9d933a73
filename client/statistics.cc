#include "client/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace metastep {
namespace {

// 97.5% quantiles of Student's t for 1 to 30 degrees of freedom.
constexpr double kStudent[] = {
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};

// Beyond the table: its series in 1/n, which is right to 0.0001 there.
double StudentQuantile(size_t degrees) {
  if (degrees <= std::size(kStudent)) return kStudent[degrees - 1];
  constexpr double z = 1.959964;
  constexpr double z3 = z * z * z;
  constexpr double z5 = z3 * z * z;
  const auto n = static_cast<double>(degrees);
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n);
}

}  // namespace

double Mean(absl::Span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

std::vector<double> TrailingMeans(absl::Span<const double> values,
                                  size_t count) {
  std::vector<double> means;
  for (size_t end = 1; end <= values.size(); ++end) {
    const size_t begin = end - std::min(end, count);
    means.push_back(Mean(values.subspan(begin, end - begin)));
  }
  return means;
}

double HalfWidth95(absl::Span<const double> values) {
  const double mean = Mean(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  const double degrees = static_cast<double>(values.size()) - 1;
  return HalfWidth95(std::sqrt(squares / degrees), values.size());
}

double HalfWidth95(double deviation, size_t count) {
  if (count < 2) return std::numeric_limits<double>::infinity();
  return StudentQuantile(count - 1) * deviation /
         std::sqrt(static_cast<double>(count));
}

}  // namespace metastep
