// Labelled colour images in CIFAR-10's binary files: records of a label and
// 3 x 32 x 32 bytes, the planes red, green and blue one after another
// (https://www.cs.toronto.edu/~kriz/cifar.html).
#ifndef METASTEP_OPTIMIZEE_CIFAR_H_
#define METASTEP_OPTIMIZEE_CIFAR_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "optimizee/image_dataset.h"

namespace metastep {

inline constexpr int64_t kCifarChannels = 3;
inline constexpr int64_t kCifarSide = 32;
// Of a file, as there are in CIFAR-10's.
inline constexpr int64_t kCifarFileImages = 10000;

// Reads the training files <folder>/data_batch_1.bin to data_batch_5.bin, as
// many of them as there are, in this order. Pixels are [images, 3, 32, 32].
// Errors, each with path, expected and found: NotFound: none is there;
// InvalidArgument: a size that is no multiple of a record or is above
// kCifarFileImages records, a label that is no class; Unavailable.
absl::StatusOr<ImageDataset> ReadCifar(const std::filesystem::path& folder);

// Writes the images into as many of these files as they need, and removes the
// others. Errors: Unavailable. REQUIRES: at most 5 * kCifarFileImages images.
absl::Status WriteCifar(const std::filesystem::path& folder,
                        const ImageDataset& dataset);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_CIFAR_H_
