#include "client/canvas.h"

#include <cairo-svg.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

cairo_status_t Append(void* out, const unsigned char* bytes, unsigned length) {
  static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes),
                                         length);
  return CAIRO_STATUS_SUCCESS;
}

absl::Status ToStatus(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("cannot draw an image: ", cairo_status_to_string(status)));
}

absl::Status DrawOn(cairo_surface_t* surface,
                    absl::FunctionRef<void(Canvas&)> draw) {
  Canvas canvas(surface);
  draw(canvas);
  return ToStatus(cairo_status(canvas.get()));
}

}  // namespace

Canvas::Canvas(cairo_surface_t* surface) : context_(cairo_create(surface)) {
  cairo_set_line_join(get(), CAIRO_LINE_JOIN_ROUND);
}

void Canvas::SetColour(const Colour& colour) {
  cairo_set_source_rgb(get(), colour.red, colour.green, colour.blue);
}

void Canvas::SetFont(double size, cairo_font_weight_t weight) {
  cairo_select_font_face(get(), "sans-serif", CAIRO_FONT_SLANT_NORMAL, weight);
  cairo_set_font_size(get(), size);
}

void Canvas::Fill(const Colour& colour) {
  SetColour(colour);
  cairo_paint(get());
}

void Canvas::Line(double x1, double y1, double x2, double y2) {
  cairo_move_to(get(), x1, y1);
  cairo_line_to(get(), x2, y2);
  cairo_stroke(get());
}

void Canvas::Text(double x, double y, Align align, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(get(), text.c_str(), &extents);
  const double before = align == Align::kStart    ? 0
                        : align == Align::kMiddle ? extents.x_advance / 2
                                                  : extents.x_advance;
  cairo_move_to(get(), x - before, y);
  cairo_show_text(get(), text.c_str());
  cairo_new_path(get());
}

absl::StatusOr<std::string> RenderPng(double width, double height,
                                      int pixels_per_unit,
                                      absl::FunctionRef<void(Canvas&)> draw) {
  const Surface surface(cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, static_cast<int>(width * pixels_per_unit),
      static_cast<int>(height * pixels_per_unit)));
  cairo_surface_set_device_scale(surface.get(), pixels_per_unit,
                                 pixels_per_unit);
  METASTEP_RETURN_IF_ERROR(DrawOn(surface.get(), draw));
  std::string bytes;
  METASTEP_RETURN_IF_ERROR(ToStatus(
      cairo_surface_write_to_png_stream(surface.get(), &Append, &bytes)));
  return bytes;
}

absl::StatusOr<std::string> RenderSvg(double width, double height,
                                      absl::FunctionRef<void(Canvas&)> draw) {
  std::string bytes;
  const Surface surface(
      cairo_svg_surface_create_for_stream(&Append, &bytes, width, height));
  METASTEP_RETURN_IF_ERROR(DrawOn(surface.get(), draw));
  cairo_surface_finish(surface.get());
  METASTEP_RETURN_IF_ERROR(ToStatus(cairo_surface_status(surface.get())));
  return bytes;
}

}  // namespace metastep
