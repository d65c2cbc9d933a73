#include "client/plot.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/canvas.h"
#include "client/plot_axis.h"

namespace metastep {
namespace {

// In units of the picture.
constexpr double kWidth = 860;
constexpr double kHeight = 520;
constexpr double kLeft = 80;
constexpr double kRight = 680;  // the legend stands to the right of it
constexpr double kTop = 50;
constexpr double kBottom = 460;
constexpr double kLegendLine = 22;
constexpr double kFontSize = 13;
constexpr int kPixelsPerUnit = 2;
// More points than pixels only make the file larger.
constexpr size_t kMaxPoints = 1200;

constexpr Colour kFrame = {0.27, 0.27, 0.27};
constexpr Colour kGrid = {0.87, 0.87, 0.87};
// Okabe and Ito's palette, told apart by colour-blind eyes as well; when it is
// used up it starts again with dashes.
constexpr Colour kColours[] = {
    {0, 0, 0},       {0.90, 0.62, 0}, {0.34, 0.71, 0.91},  {0, 0.62, 0.45},
    {0, 0.45, 0.70}, {0.84, 0.37, 0}, {0.80, 0.475, 0.655}};

bool Drawable(double value) { return std::isfinite(value) && value > 0; }

void SetBandPen(size_t series, Canvas& canvas) {
  const Colour& colour = kColours[series % std::size(kColours)];
  cairo_set_source_rgba(canvas.get(), colour.red, colour.green, colour.blue,
                        0.2);
}

void SetSeriesPen(size_t series, Canvas& canvas) {
  constexpr double kDashes[] = {6, 3};
  canvas.SetColour(kColours[series % std::size(kColours)]);
  cairo_set_line_width(canvas.get(), 1.8);
  cairo_set_dash(canvas.get(), kDashes, series < std::size(kColours) ? 0 : 2,
                 0);
}

// From values to the picture's units.
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
  // What is not above the axis' lower end lies there.
  double Y(double value) const {
    value = std::max(value, LogSeries(range_.low));
    return kBottom - (kBottom - kTop) * (std::log10(value) - log_low_) /
                         (log_high_ - log_low_);
  }

  void Draw(const Plot& plot, Canvas& canvas) const {
    cairo_set_line_width(canvas.get(), 1);
    for (double tick : LinearTicks(steps_)) {
      DrawTick(canvas, {X(tick), kTop, X(tick), kBottom}, X(tick), kBottom + 18,
               Align::kMiddle, tick);
    }
    for (double tick : LogTicks(range_)) {
      DrawTick(canvas, {kLeft, Y(tick), kRight, Y(tick)}, kLeft - 8,
               Y(tick) + 4, Align::kEnd, tick);
    }
    canvas.SetColour(kFrame);
    cairo_rectangle(canvas.get(), kLeft, kTop, kRight - kLeft, kBottom - kTop);
    cairo_stroke(canvas.get());
    canvas.SetColour(kBlack);
    canvas.Text((kLeft + kRight) / 2, kBottom + 42, Align::kMiddle,
                plot.x_label);
    cairo_save(canvas.get());
    cairo_rotate(canvas.get(), -std::acos(0.0));
    canvas.Text(-(kTop + kBottom) / 2, 22, Align::kMiddle, plot.y_label);
    cairo_restore(canvas.get());
  }

 private:
  struct Segment {
    double x1, y1, x2, y2;
  };

  // A line of the grid, and the label at its end.
  static void DrawTick(Canvas& canvas, const Segment& line, double x, double y,
                       Align align, double tick) {
    canvas.SetColour(kGrid);
    canvas.Line(line.x1, line.y1, line.x2, line.y2);
    canvas.SetColour(kBlack);
    canvas.Text(x, y, align, absl::StrFormat("%g", tick));
  }

  double steps_ = 1;
  LogRange range_ = {-3, 3};
  double log_low_ = 0;
  double log_high_ = 0;
};

// A new line begins after each gap.
void DrawCurve(const Axes& axes, const std::vector<double>& values,
               Canvas& canvas) {
  const size_t stride = 1 + values.size() / kMaxPoints;
  bool gap = true;
  for (size_t i = 0; i < values.size(); i += stride) {
    if (!Drawable(values[i])) {
      gap = true;
      continue;
    }
    const double x = axes.X(static_cast<double>(i));
    const double y = axes.Y(values[i]);
    if (gap) {
      cairo_move_to(canvas.get(), x, y);
    } else {
      cairo_line_to(canvas.get(), x, y);
    }
    gap = false;
  }
  cairo_stroke(canvas.get());
}

bool HasBand(const PlotSeries& series, size_t i) {
  return Drawable(series.values[i]) && std::isfinite(series.half_widths[i]);
}

// A polygon between two gaps: there along the upper edge, and back.
void DrawBand(const Axes& axes, const PlotSeries& series, Canvas& canvas) {
  const size_t size = series.half_widths.size();
  const size_t stride = 1 + size / kMaxPoints;
  for (size_t begin = 0; begin < size; begin += stride) {
    size_t end = begin;
    for (; end < size && HasBand(series, end); end += stride) {
      cairo_line_to(canvas.get(), axes.X(static_cast<double>(end)),
                    axes.Y(series.values[end] + series.half_widths[end]));
    }
    for (size_t i = end; i > begin;) {
      i -= stride;
      cairo_line_to(canvas.get(), axes.X(static_cast<double>(i)),
                    axes.Y(series.values[i] - series.half_widths[i]));
    }
    cairo_close_path(canvas.get());
    cairo_fill(canvas.get());
    begin = end;
  }
}

// Bands may reach beyond the axes.
void DrawBands(const Axes& axes, const Plot& plot, Canvas& canvas) {
  cairo_save(canvas.get());
  cairo_rectangle(canvas.get(), kLeft, kTop, kRight - kLeft, kBottom - kTop);
  cairo_clip(canvas.get());
  for (size_t i = 0; i < plot.series.size(); ++i) {
    SetBandPen(i, canvas);
    DrawBand(axes, plot.series[i], canvas);
  }
  cairo_restore(canvas.get());
}

void DrawLegendEntry(size_t series, const std::string& label, Canvas& canvas) {
  const double y = kTop + 12 + kLegendLine * static_cast<double>(series);
  canvas.Line(kRight + 16, y, kRight + 44, y);
  canvas.SetColour(kBlack);
  canvas.Text(kRight + 52, y + 4, Align::kStart, label);
}

void Draw(const Plot& plot, Canvas& canvas) {
  canvas.Fill(kWhite);
  canvas.SetColour(kBlack);
  canvas.SetFont(16, CAIRO_FONT_WEIGHT_BOLD);
  canvas.Text((kLeft + kRight) / 2, kTop - 18, Align::kMiddle, plot.title);
  canvas.SetFont(kFontSize, CAIRO_FONT_WEIGHT_NORMAL);
  const Axes axes(plot);
  axes.Draw(plot, canvas);
  DrawBands(axes, plot, canvas);
  for (size_t i = 0; i < plot.series.size(); ++i) {
    SetSeriesPen(i, canvas);
    DrawCurve(axes, plot.series[i].values, canvas);
    DrawLegendEntry(i, plot.series[i].label, canvas);
  }
}

}  // namespace

absl::StatusOr<PlotFormat> PlotFormatOf(absl::string_view path) {
  if (absl::EndsWithIgnoreCase(path, ".png")) return PlotFormat::kPng;
  if (absl::EndsWithIgnoreCase(path, ".svg")) return PlotFormat::kSvg;
  return absl::InvalidArgumentError(absl::StrCat(
      "a plot is written as .png or .svg, and ", path, " ends otherwise"));
}

absl::StatusOr<std::string> RenderPlot(const Plot& plot, PlotFormat format) {
  const auto draw = [&](Canvas& canvas) { Draw(plot, canvas); };
  return format == PlotFormat::kSvg
             ? RenderSvg(kWidth, kHeight, draw)
             : RenderPng(kWidth, kHeight, kPixelsPerUnit, draw);
}

}  // namespace metastep
