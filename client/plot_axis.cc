#include "client/plot_axis.h"

#include <algorithm>
#include <cmath>

namespace metastep {

double LogSeries(int index) {
  constexpr double kMantissas[] = {1, 2, 5};
  const int exponent = static_cast<int>(std::floor(index / 3.0));
  return kMantissas[index - 3 * exponent] * std::pow(10.0, exponent);
}

LogRange EnclosingLogRange(double low, double high) {
  LogRange range = {3 * static_cast<int>(std::floor(std::log10(low))), 0};
  while (LogSeries(range.low + 1) <= low) ++range.low;
  range.high = range.low + 1;
  while (LogSeries(range.high) < high) ++range.high;
  return range;
}

std::vector<double> LogTicks(const LogRange& range) {
  std::vector<double> ticks;
  const int length = range.high - range.low;
  if (length <= 8) {
    for (int i = range.low; i <= range.high; ++i) {
      ticks.push_back(LogSeries(i));
    }
    return ticks;
  }
  // The first power of 10 in the range, and as many decades between two labels
  // as leave at most nine.
  const int stride = 3 * (1 + length / 3 / 9);
  for (int i = 3 * static_cast<int>(std::ceil(range.low / 3.0));
       i <= range.high; i += stride) {
    ticks.push_back(LogSeries(i));
  }
  return ticks;
}

std::vector<double> LinearTicks(double high) {
  const double power = std::pow(10.0, std::floor(std::log10(high / 10)));
  double step = power;
  for (double multiple : {1.0, 2.0, 5.0, 10.0}) {
    step = multiple * power;
    if (high / step <= 10) break;
  }
  std::vector<double> ticks;
  for (int i = 0; i * step <= high; ++i) ticks.push_back(i * step);
  return ticks;
}

}  // namespace metastep
