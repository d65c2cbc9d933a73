// A data set of drawn pictures in CIFAR-10's binary files, for tests and for
// people without CIFAR-10.
#ifndef METASTEP_OPTIMIZEE_SYNTHETIC_PICTURES_H_
#define METASTEP_OPTIMIZEE_SYNTHETIC_PICTURES_H_

#include <cstdint>

#include "optimizee/image_dataset.h"

namespace metastep {

// Draws `images` pictures of 3 x 32 x 32 pixels: stripes of two random colours
// with noise, at an angle and a width that their class sets, up to what classes
// overlap by. Image i is a function of (seed, i) alone.
ImageDataset MakeSyntheticPictures(uint64_t seed, int32_t images);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_SYNTHETIC_PICTURES_H_
