// A folder of PNG and JPEG files as a data set.
#ifndef METASTEP_OPTIMIZEE_IMAGE_FOLDER_H_
#define METASTEP_OPTIMIZEE_IMAGE_FOLDER_H_

#include <cstdint>
#include <filesystem>

#include "absl/status/statusor.h"
#include "optimizee/image_dataset.h"

namespace metastep {

// Of all pictures, once they are scaled.
inline constexpr int64_t kMaxImageFolderBytes = 256 << 20;

// Reads every file of the folder that ends in .png, .jpg or .jpeg (or .PNG and
// so on) as a colour image of side x side pixels, see CropAndScale; in the
// order of their names, so that a set is the same everywhere. All labels are 0.
// Errors: those of ReadImageFile; NotFound: there is none; InvalidArgument:
// together they have more than kMaxImageFolderBytes. REQUIRES: side > 0.
absl::StatusOr<ImageDataset> ReadImageFolder(
    const std::filesystem::path& folder, int64_t side);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_IMAGE_FOLDER_H_
