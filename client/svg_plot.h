// Line plots with a logarithmic y axis, as SVG.
#ifndef METASTEP_CLIENT_SVG_PLOT_H_
#define METASTEP_CLIENT_SVG_PLOT_H_

#include <string>
#include <vector>

namespace metastep {

struct PlotSeries {
  std::string label;
  std::vector<double> values;  // at x = 0, 1, 2, ...
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotSeries> series;
};

// A whole SVG document. A curve has a gap where its value is not finite or not
// positive.
std::string RenderSvg(const Plot& plot);

// The whole decades that enclose [low, high], at least one of them.
struct Decades {
  int low;   // exponent of 10
  int high;  // > low
};
// REQUIRES: 0 < low <= high, finite.
Decades EnclosingDecades(double low, double high);

// Where the axis has labels: powers of 10, at most nine of them; over at most
// two decades also 2 and 5 times them.
std::vector<double> LogTicks(const Decades& decades);

// Multiples of 1, 2 or 5 times a power of 10 in [0, high], at most eleven.
// REQUIRES: high > 0.
std::vector<double> LinearTicks(double high);

}  // namespace metastep

#endif  // METASTEP_CLIENT_SVG_PLOT_H_
