#include "optimizee/image_folder.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "optimizee/image_file.h"
#include "optimizee/image_scale.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

bool IsImageName(const fs::path& path) {
  const std::string extension =
      absl::AsciiStrToLower(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// In the order of their names. What cannot be listed to its end has none.
std::vector<fs::path> ImageFiles(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; entry != end;
       entry.increment(error)) {
    if (IsImageName(entry->path())) files.push_back(entry->path());
  }
  if (error) files.clear();
  std::sort(files.begin(), files.end());
  return files;
}

void Append(const std::vector<float>& pixels, ImageDataset& dataset) {
  for (const float pixel : pixels) {
    dataset.pixels.push_back(static_cast<uint8_t>(std::lround(255 * pixel)));
  }
  dataset.labels.push_back(0);
  ++dataset.images;
}

}  // namespace

absl::StatusOr<ImageDataset> ReadImageFolder(const fs::path& folder,
                                             int64_t side) {
  const std::vector<fs::path> files = ImageFiles(folder);
  const auto count = static_cast<int64_t>(files.size());
  if (count == 0) {
    return absl::NotFoundError(absl::StrCat(
        folder.string(), ": expected .png, .jpg or .jpeg files, found none"));
  }
  const int64_t bytes = kColors * side * side;
  if (count > kMaxImageFolderBytes / bytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: has %d pictures; of side %d at most %d are read: take some out",
        folder.string(), count, side, kMaxImageFolderBytes / bytes));
  }
  ImageDataset dataset;
  dataset.rows = side;
  dataset.columns = side;
  dataset.pixels.reserve(static_cast<size_t>(count * bytes));
  for (const fs::path& path : files) {
    METASTEP_ASSIGN_OR_RETURN(const RgbImage image, ReadImageFile(path));
    Append(CropAndScale(image, side), dataset);
  }
  return dataset;
}

}  // namespace metastep
