#include "optimizee/image_dataset.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "optimizee/idx.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

fs::path ImagesPath(const fs::path& folder, absl::string_view split) {
  return folder / absl::StrCat(split, "-images-idx3-ubyte");
}

fs::path LabelsPath(const fs::path& folder, absl::string_view split) {
  return folder / absl::StrCat(split, "-labels-idx1-ubyte");
}

absl::Status CheckImages(const fs::path& path, const IdxArray& images) {
  if (!images.values.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: expected images with pixels, found %d images of %d x %d",
      path.string(), images.shape[0], images.shape[1], images.shape[2]));
}

absl::Status CheckLabels(const fs::path& path, const IdxArray& labels,
                         int64_t images) {
  if (labels.shape[0] != images) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: expected %d labels, one for each image, found %d",
                        path.string(), images, labels.shape[0]));
  }
  const auto& values = labels.values;
  const auto wrong = std::ranges::find_if(
      values, [](uint8_t label) { return label >= kImageClasses; });
  if (wrong != values.end()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: expected labels below %d, found %d as label %d", path.string(),
        kImageClasses, *wrong, wrong - values.begin()));
  }
  return absl::OkStatus();
}

}  // namespace

ImageDataset OfLabels(const ImageDataset& dataset,
                      absl::Span<const int> labels) {
  ImageDataset some;
  some.rows = dataset.rows;
  some.columns = dataset.columns;
  const size_t size = dataset.pixels.size() / dataset.labels.size();
  for (size_t i = 0; i < dataset.labels.size(); ++i) {
    const auto label = std::ranges::find(labels, int{dataset.labels[i]});
    if (label == labels.end()) continue;
    some.labels.push_back(static_cast<uint8_t>(label - labels.begin()));
    const auto pixels = dataset.pixels.begin() + i * size;
    some.pixels.insert(some.pixels.end(), pixels, pixels + size);
  }
  some.images = static_cast<int64_t>(some.labels.size());
  return some;
}

absl::StatusOr<ImageDataset> ReadImageDataset(const fs::path& folder,
                                              absl::string_view split) {
  const fs::path images_path = ImagesPath(folder, split);
  METASTEP_ASSIGN_OR_RETURN(IdxArray images, ReadIdx(images_path, /*rank=*/3));
  METASTEP_RETURN_IF_ERROR(CheckImages(images_path, images));
  const fs::path labels_path = LabelsPath(folder, split);
  METASTEP_ASSIGN_OR_RETURN(IdxArray labels, ReadIdx(labels_path, /*rank=*/1));
  METASTEP_RETURN_IF_ERROR(CheckLabels(labels_path, labels, images.shape[0]));
  return ImageDataset{.images = images.shape[0],
                      .rows = images.shape[1],
                      .columns = images.shape[2],
                      .pixels = std::move(images.values),
                      .labels = std::move(labels.values)};
}

absl::Status WriteImageDataset(const fs::path& folder, absl::string_view split,
                               const ImageDataset& dataset) {
  METASTEP_RETURN_IF_ERROR(
      WriteIdx(ImagesPath(folder, split),
               {.shape = {dataset.images, dataset.rows, dataset.columns},
                .values = dataset.pixels}));
  return WriteIdx(LabelsPath(folder, split),
                  {.shape = {dataset.images}, .values = dataset.labels});
}

}  // namespace metastep
