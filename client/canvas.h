// Drawing with cairo: a pen, letters, and the image that comes out.
#ifndef METASTEP_CLIENT_CANVAS_H_
#define METASTEP_CLIENT_CANVAS_H_

#include <cairo.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

namespace metastep {

struct Colour {
  double red, green, blue;  // 0 to 1
};
inline constexpr Colour kBlack = {0, 0, 0};
inline constexpr Colour kWhite = {1, 1, 1};

enum class Align { kStart, kMiddle, kEnd };

struct SurfaceDeleter {
  void operator()(cairo_surface_t* surface) const {
    cairo_surface_destroy(surface);
  }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;

// Pen and letters. Thread-compatible, as cairo's contexts are.
class Canvas {
 public:
  // `surface` must outlive it.
  explicit Canvas(cairo_surface_t* surface);

  cairo_t* get() const { return context_.get(); }

  void SetColour(const Colour& colour);
  void SetFont(double size, cairo_font_weight_t weight);
  void Fill(const Colour& colour);
  void Line(double x1, double y1, double x2, double y2);
  void Text(double x, double y, Align align, const std::string& text);

 private:
  struct ContextDeleter {
    void operator()(cairo_t* context) const { cairo_destroy(context); }
  };
  const std::unique_ptr<cairo_t, ContextDeleter> context_;
};

// The bytes of an image of width x height units that `draw` has drawn; a PNG
// has so many pixels a unit. Errors: Internal: cairo failed (memory).
absl::StatusOr<std::string> RenderPng(double width, double height,
                                      int pixels_per_unit,
                                      absl::FunctionRef<void(Canvas&)> draw);
absl::StatusOr<std::string> RenderSvg(double width, double height,
                                      absl::FunctionRef<void(Canvas&)> draw);

}  // namespace metastep

#endif  // METASTEP_CLIENT_CANVAS_H_
