// Line plots with a logarithmic y axis, as PNG or SVG.
#ifndef METASTEP_CLIENT_PLOT_H_
#define METASTEP_CLIENT_PLOT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

enum class PlotFormat { kPng, kSvg };

// What a file's name asks for: ".png" or ".svg".
// Errors: InvalidArgument: it ends otherwise.
absl::StatusOr<PlotFormat> PlotFormatOf(absl::string_view path);

struct PlotSeries {
  std::string label;
  std::vector<double> values;  // at x = 0, 1, 2, ...
  // A band is drawn from values - half_widths to values + half_widths; empty:
  // none.
  std::vector<double> half_widths;
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotSeries> series;
};

// The bytes of a whole image: 860 x 520 units, of which a PNG has two pixels
// each. A curve has a gap where its value is not finite or not positive.
// Errors: Internal: cairo failed (memory).
absl::StatusOr<std::string> RenderPlot(const Plot& plot, PlotFormat format);

}  // namespace metastep

#endif  // METASTEP_CLIENT_PLOT_H_
