// Where the axes of a plot begin and end, and what they are labelled with.
#ifndef METASTEP_CLIENT_PLOT_AXIS_H_
#define METASTEP_CLIENT_PLOT_AXIS_H_

#include <vector>

namespace metastep {

// A stretch of the series ..., 0.5, 1, 2, 5, 10, 20, ..., whose element 0 is 1.
struct LogRange {
  int low;
  int high;  // > low
};
double LogSeries(int index);

// The shortest one that encloses [low, high].
// REQUIRES: 0 < low <= high, finite.
LogRange EnclosingLogRange(double low, double high);

// Where the axis has labels: every element of a short range, powers of 10 of a
// longer one; at most nine.
std::vector<double> LogTicks(const LogRange& range);

// Multiples of 1, 2 or 5 times a power of 10 in [0, high], at most eleven.
// REQUIRES: high > 0.
std::vector<double> LinearTicks(double high);

}  // namespace metastep

#endif  // METASTEP_CLIENT_PLOT_AXIS_H_
