#include "client/picture_strip.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/status_macros.h"
#include "client/canvas.h"
#include "client/user_file.h"

namespace metastep {
namespace {

// In units of the image, of which it has two pixels each: a picture of 64
// pixels is drawn six times as large, one of 128 three times.
constexpr double kSide = 192;
constexpr double kGap = 12;
constexpr double kLabelHeight = 22;
constexpr double kFontSize = 13;
constexpr int kPixelsPerUnit = 2;

uint32_t Byte(float value) {
  return value > 0
             ? static_cast<uint32_t>(std::lround(255 * std::fmin(value, 1.0f)))
             : 0;  // a NaN too
}

// REQUIRES: picture.pixels is [3, side, side].
Surface SurfaceOf(const Picture& picture) {
  const int side = picture.side;
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, side, side));
  unsigned char* data = cairo_image_surface_get_data(surface.get());
  if (data == nullptr) return surface;  // cairo's status says why
  const ptrdiff_t stride = cairo_image_surface_get_stride(surface.get());
  const float* red = picture.pixels.data();
  const ptrdiff_t plane = ptrdiff_t{side} * side;
  for (ptrdiff_t i = 0; i < plane; ++i) {
    const uint32_t pixel = Byte(red[i]) << 16 | Byte(red[plane + i]) << 8 |
                           Byte(red[2 * plane + i]);
    std::memcpy(data + i / side * stride + i % side * 4, &pixel, 4);
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

void DrawPixels(const Picture& picture, double left, Canvas& canvas) {
  const Surface surface = SurfaceOf(picture);
  cairo_save(canvas.get());
  cairo_translate(canvas.get(), left, kGap);
  cairo_scale(canvas.get(), kSide / picture.side, kSide / picture.side);
  cairo_set_source_surface(canvas.get(), surface.get(), 0, 0);
  // Every pixel as it is.
  cairo_pattern_set_filter(cairo_get_source(canvas.get()),
                           CAIRO_FILTER_NEAREST);
  cairo_rectangle(canvas.get(), 0, 0, picture.side, picture.side);
  cairo_fill(canvas.get());
  cairo_restore(canvas.get());
}

// A label that is longer than the picture is wide ends there.
void DrawLabel(const std::string& label, double left, Canvas& canvas) {
  cairo_save(canvas.get());
  cairo_rectangle(canvas.get(), left, kGap + kSide, kSide, kLabelHeight);
  cairo_clip(canvas.get());
  canvas.SetColour(kBlack);
  canvas.Text(left, kGap + kSide + 16, Align::kStart, label);
  cairo_restore(canvas.get());
}

}  // namespace

absl::StatusOr<std::string> RenderPictureStrip(
    const std::vector<Picture>& pictures) {
  const double width = kGap + (kSide + kGap) * pictures.size();
  const double height = kGap + kSide + kLabelHeight;
  return RenderPng(width, height, kPixelsPerUnit, [&](Canvas& canvas) {
    canvas.Fill(kWhite);
    canvas.SetFont(kFontSize, CAIRO_FONT_WEIGHT_NORMAL);
    double left = kGap;
    for (const Picture& picture : pictures) {
      DrawPixels(picture, left, canvas);
      DrawLabel(picture.label, left, canvas);
      left += kSide + kGap;
    }
  });
}

absl::Status WritePictureStrip(const std::string& path,
                               const std::vector<Picture>& pictures) {
  METASTEP_ASSIGN_OR_RETURN(const std::string png,
                            RenderPictureStrip(pictures));
  return WriteUserFile(path, png);
}

}  // namespace metastep
