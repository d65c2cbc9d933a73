// Labelled images of ten classes, and their form in MNIST's files.
#ifndef METASTEP_OPTIMIZEE_IMAGE_DATASET_H_
#define METASTEP_OPTIMIZEE_IMAGE_DATASET_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace metastep {

inline constexpr int kImageClasses = 10;

struct ImageDataset {
  int64_t images = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<uint8_t> pixels;  // [images, rows, columns], 255 is ink; colour
                                // images: [images, 3, rows, columns]
  std::vector<uint8_t> labels;  // [images], below kImageClasses
};

// The images with these labels alone, in their order; a label becomes its index
// among `labels`.
ImageDataset OfLabels(const ImageDataset& dataset,
                      absl::Span<const int> labels);

// Splits as MNIST's file names call them.
inline constexpr absl::string_view kTrainingSplit = "train";
inline constexpr absl::string_view kTestSplit = "t10k";

// Reads <folder>/<split>-images-idx3-ubyte and <split>-labels-idx1-ubyte, plain
// or with ".gz". Errors, each with path, expected and found: those of ReadIdx;
// InvalidArgument: no pixels, unequal numbers of images and labels, a label
// that is no class.
absl::StatusOr<ImageDataset> ReadImageDataset(
    const std::filesystem::path& folder, absl::string_view split);

// Writes these two files, plain. Errors: Unavailable.
absl::Status WriteImageDataset(const std::filesystem::path& folder,
                               absl::string_view split,
                               const ImageDataset& dataset);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_IMAGE_DATASET_H_
