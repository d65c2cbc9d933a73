#include "client/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace metastep {
namespace {

// Pixels.
constexpr double kWidth = 860;
constexpr double kHeight = 520;
constexpr double kLeft = 80;
constexpr double kRight = 680;  // the legend stands to the right of it
constexpr double kTop = 50;
constexpr double kBottom = 460;
constexpr double kLegendLine = 22;
// More points than pixels only make the file larger.
constexpr size_t kMaxPoints = 1200;

// Okabe and Ito's palette, told apart by colour-blind eyes as well; when it is
// used up it starts again with dashes.
constexpr const char* kColours[] = {"#000000", "#E69F00", "#56B4E9", "#009E73",
                                    "#0072B2", "#D55E00", "#CC79A7"};

bool Drawable(double value) { return std::isfinite(value) && value > 0; }

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string Stroke(size_t series) {
  const char* dashes =
      series < std::size(kColours) ? "" : " stroke-dasharray=\"6 3\"";
  return absl::StrFormat("stroke=\"%s\" stroke-width=\"1.8\"%s",
                         kColours[series % std::size(kColours)], dashes);
}

std::string Text(double x, double y, const char* anchor,
                 const std::string& text, const char* attributes = "") {
  return absl::StrFormat(
      "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>\n", x, y,
      anchor, attributes, Escape(text));
}

// From values to pixels.
class Axes {
 public:
  explicit Axes(const Plot& plot) {
    double low = std::numeric_limits<double>::infinity();
    double high = 0;
    for (const PlotSeries& series : plot.series) {
      steps_ = std::max(steps_, static_cast<double>(series.values.size()) - 1);
      for (double value : series.values) {
        if (!Drawable(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
    if (high > 0) range_ = EnclosingLogRange(low, high);
    log_low_ = std::log10(LogSeries(range_.low));
    log_high_ = std::log10(LogSeries(range_.high));
  }

  double X(double step) const {
    return kLeft + (kRight - kLeft) * step / steps_;
  }
  double Y(double value) const {
    return kBottom - (kBottom - kTop) * (std::log10(value) - log_low_) /
                         (log_high_ - log_low_);
  }

  std::string Render(const Plot& plot) const {
    std::string svg = absl::StrFormat(
        "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" "
        "fill=\"none\" stroke=\"#444444\"/>\n",
        kLeft, kTop, kRight - kLeft, kBottom - kTop);
    for (double tick : LinearTicks(steps_)) {
      absl::StrAppend(
          &svg, GridLine(X(tick), kTop, X(tick), kBottom),
          Text(X(tick), kBottom + 18, "middle", absl::StrFormat("%g", tick)));
    }
    for (double tick : LogTicks(range_)) {
      absl::StrAppend(
          &svg, GridLine(kLeft, Y(tick), kRight, Y(tick)),
          Text(kLeft - 8, Y(tick) + 4, "end", absl::StrFormat("%g", tick)));
    }
    absl::StrAppend(
        &svg, Text((kLeft + kRight) / 2, kBottom + 42, "middle", plot.x_label),
        Text(-(kTop + kBottom) / 2, 22, "middle", plot.y_label,
             "transform=\"rotate(-90)\""));
    return svg;
  }

 private:
  static std::string GridLine(double x1, double y1, double x2, double y2) {
    return absl::StrFormat(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
        "stroke=\"#dddddd\"/>\n",
        x1, y1, x2, y2);
  }

  double steps_ = 1;
  LogRange range_ = {-3, 3};
  double log_low_ = 0;
  double log_high_ = 0;
};

// One polyline for each stretch without gaps.
std::string Curve(const Axes& axes, const PlotSeries& series,
                  const std::string& stroke) {
  const size_t stride = 1 + series.values.size() / kMaxPoints;
  std::string svg;
  std::string points;
  const auto finish = [&] {
    if (!points.empty()) {
      absl::StrAppend(&svg,
                      "<polyline fill=\"none\" stroke-linejoin=\"round\" ",
                      stroke, " points=\"", points, "\"/>\n");
    }
    points.clear();
  };
  for (size_t i = 0; i < series.values.size(); i += stride) {
    const double value = series.values[i];
    if (!Drawable(value)) {
      finish();
      continue;
    }
    absl::StrAppendFormat(&points, "%.1f,%.1f ", axes.X(static_cast<double>(i)),
                          axes.Y(value));
  }
  finish();
  return svg;
}

std::string LegendEntry(size_t series, const std::string& label) {
  const double y = kTop + 12 + kLegendLine * static_cast<double>(series);
  return absl::StrCat(
      absl::StrFormat(
          "<line x1=\"%.0f\" y1=\"%.1f\" x2=\"%.0f\" y2=\"%.1f\" %s/>\n",
          kRight + 16, y, kRight + 44, y, Stroke(series)),
      Text(kRight + 52, y + 4, "start", label));
}

}  // namespace

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

std::string RenderSvg(const Plot& plot) {
  const Axes axes(plot);
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
      "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
      kWidth, kHeight, kWidth, kHeight);
  absl::StrAppend(&svg,
                  Text((kLeft + kRight) / 2, kTop - 18, "middle", plot.title,
                       "font-size=\"16\" font-weight=\"bold\""),
                  axes.Render(plot));
  for (size_t i = 0; i < plot.series.size(); ++i) {
    absl::StrAppend(&svg, Curve(axes, plot.series[i], Stroke(i)),
                    LegendEntry(i, plot.series[i].label));
  }
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace metastep
