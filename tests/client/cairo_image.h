// Looks into the images that the client writes.
#ifndef METASTEP_TESTS_CLIENT_CAIRO_IMAGE_H_
#define METASTEP_TESTS_CLIENT_CAIRO_IMAGE_H_

#include <cairo.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace metastep {

// A PNG's pixels. Not thread-safe.
class PngImage {
 public:
  explicit PngImage(absl::string_view png)
      : surface_(cairo_image_surface_create_from_png_stream(&Take, &png)) {}
  ~PngImage() { cairo_surface_destroy(surface_); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;

  bool ok() const {
    return cairo_surface_status(surface_) == CAIRO_STATUS_SUCCESS;
  }
  int width() const { return cairo_image_surface_get_width(surface_); }
  int height() const { return cairo_image_surface_get_height(surface_); }

  // 0xRRGGBB.
  uint32_t At(int x, int y) const {
    const unsigned char* row = cairo_image_surface_get_data(surface_) +
                               y * cairo_image_surface_get_stride(surface_);
    uint32_t pixel = 0;
    std::memcpy(&pixel, row + 4 * x, 4);
    return pixel & 0xffffff;
  }

 private:
  static cairo_status_t Take(void* from, unsigned char* bytes,
                             unsigned length) {
    auto& left = *static_cast<absl::string_view*>(from);
    if (left.size() < length) return CAIRO_STATUS_READ_ERROR;
    std::memcpy(bytes, left.data(), length);
    left.remove_prefix(length);
    return CAIRO_STATUS_SUCCESS;
  }

  cairo_surface_t* const surface_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_CLIENT_CAIRO_IMAGE_H_
