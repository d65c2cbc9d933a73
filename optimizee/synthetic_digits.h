// A data set of drawn digits in MNIST's format, for tests and for people
// without MNIST.
#ifndef METASTEP_OPTIMIZEE_SYNTHETIC_DIGITS_H_
#define METASTEP_OPTIMIZEE_SYNTHETIC_DIGITS_H_

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"
#include "optimizee/image_dataset.h"

namespace metastep {

struct SyntheticDigitsOptions {
  int32_t training_images = 60000;
  int32_t test_images = 10000;
  uint64_t seed = 0;
};

// Draws `images` digits of 28 x 28 pixels: strokes under a random affine map,
// of random thickness and ink, with noise. Image i is a function of (seed,
// split, i) alone.
ImageDataset MakeSyntheticDigits(uint64_t seed, uint32_t split, int32_t images);

// Writes the four files of MNIST into `folder`, which is made if need be.
// Errors: Unavailable.
absl::Status WriteSyntheticDigits(const std::filesystem::path& folder,
                                  const SyntheticDigitsOptions& options);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_SYNTHETIC_DIGITS_H_
