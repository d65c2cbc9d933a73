// Colour images that are drawn by a formula: contents and styles for neural art
// without image files.
#ifndef METASTEP_OPTIMIZEE_PROCEDURAL_IMAGES_H_
#define METASTEP_OPTIMIZEE_PROCEDURAL_IMAGES_H_

#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace metastep {

// A scene of a shaded ground and some discs: [3, side, side], in [0, 1]. A
// function of the key; another side gives the same scene, larger or smaller.
// REQUIRES: side > 0.
std::vector<float> DrawScene(const RngKey& key, int64_t side);

// Texture `index`: waves of a few directions and colours, [3, side, side], in
// [0, 1]. Their lengths are in pixels, so a larger side gives more of the same
// texture. REQUIRES: side > 0.
std::vector<float> DrawTexture(uint32_t index, int64_t side);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_PROCEDURAL_IMAGES_H_
