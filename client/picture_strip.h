// Pictures side by side, as a PNG.
#ifndef METASTEP_CLIENT_PICTURE_STRIP_H_
#define METASTEP_CLIENT_PICTURE_STRIP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metastep {

struct Picture {
  std::string label;
  int side = 0;               // in pixels, at least 1
  std::vector<float> pixels;  // [3, side, side]: reds, greens and blues; 0 is
                              // black, 1 is white
};

// The bytes of a PNG: squares of one size, in this order, each above its label.
// Values are cut off at 0 and 1; a NaN is drawn as 0. Errors: Internal: cairo
// failed (memory).
absl::StatusOr<std::string> RenderPictureStrip(
    const std::vector<Picture>& pictures);

// Writes it to a file. Errors: also WriteUserFile's.
absl::Status WritePictureStrip(const std::string& path,
                               const std::vector<Picture>& pictures);

}  // namespace metastep

#endif  // METASTEP_CLIENT_PICTURE_STRIP_H_
