// Pictures of any shape as squares of one size.
#ifndef METASTEP_OPTIMIZEE_IMAGE_SCALE_H_
#define METASTEP_OPTIMIZEE_IMAGE_SCALE_H_

#include <cstdint>
#include <vector>

#include "optimizee/image_file.h"

namespace metastep {

// The largest square in the picture's middle, [3, side, side] in [0, 1]: scaled
// down, a pixel is the mean over the area that it covers; scaled up, it is
// interpolated between the nearest (bilinear). REQUIRES: side > 0.
std::vector<float> CropAndScale(const RgbImage& image, int64_t side);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_IMAGE_SCALE_H_
