#include "optimizee/cifar.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

constexpr int kFiles = 5;
constexpr int64_t kPixels = kCifarChannels * kCifarSide * kCifarSide;
constexpr int64_t kRecord = 1 + kPixels;

fs::path FilePath(const fs::path& folder, int file) {
  return folder / absl::StrFormat("data_batch_%d.bin", file + 1);
}

// Adds a file's images to `dataset`.
absl::Status AppendFile(const fs::path& path, ImageDataset& dataset) {
  METASTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kCifarFileImages * kRecord));
  const auto size = static_cast<int64_t>(bytes.size());
  if (size == 0 || size % kRecord != 0) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: expected records of %d bytes, a label and 3 x 32 x 32 pixels; "
        "found %d bytes, which is %s",
        path.string(), kRecord, size,
        size == 0 ? "none" : "no multiple of it: the file is truncated"));
  }
  for (int64_t at = 0; at < size; at += kRecord) {
    const auto label = static_cast<uint8_t>(bytes[at]);
    if (label >= kImageClasses) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: expected labels below %d, found %d as label %d",
                          path.string(), kImageClasses, label, at / kRecord));
    }
    dataset.labels.push_back(label);
    dataset.pixels.insert(dataset.pixels.end(), bytes.begin() + at + 1,
                          bytes.begin() + at + kRecord);
  }
  dataset.images = static_cast<int64_t>(dataset.labels.size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageDataset> ReadCifar(const fs::path& folder) {
  ImageDataset dataset;
  dataset.rows = kCifarSide;
  dataset.columns = kCifarSide;
  std::error_code ignored;
  for (int file = 0; file < kFiles; ++file) {
    const fs::path path = FilePath(folder, file);
    if (!fs::exists(path, ignored)) continue;
    METASTEP_RETURN_IF_ERROR(AppendFile(path, dataset));
  }
  if (dataset.images == 0) {
    return absl::NotFoundError(
        absl::StrCat(FilePath(folder, 0).string(), ": expected this file or ",
                     FilePath(folder, 1).filename().string(), " to ",
                     FilePath(folder, kFiles - 1).filename().string(),
                     ", found none of them"));
  }
  return dataset;
}

absl::Status WriteCifar(const fs::path& folder, const ImageDataset& dataset) {
  int file = 0;
  for (int64_t begin = 0; begin < dataset.images;
       begin += kCifarFileImages, ++file) {
    std::string bytes;
    const int64_t end = std::min(begin + kCifarFileImages, dataset.images);
    for (int64_t image = begin; image < end; ++image) {
      bytes.push_back(static_cast<char>(dataset.labels[image]));
      const auto pixels = dataset.pixels.begin() + image * kPixels;
      bytes.append(pixels, pixels + kPixels);
    }
    METASTEP_RETURN_IF_ERROR(
        WriteFileAtomically(FilePath(folder, file), bytes));
  }
  // ReadCifar would take those of a larger set before this one for its own.
  for (; file < kFiles; ++file) {
    const fs::path path = FilePath(folder, file);
    std::error_code error;
    fs::remove(path, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot remove ", path.string(), ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace metastep
