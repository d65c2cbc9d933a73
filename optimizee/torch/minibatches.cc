#include "optimizee/torch/minibatches.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "optimizee/torch/tensors.h"

namespace metastep {
namespace {

// A tensor with a copy of the bytes.
at::Tensor ToTensor(std::vector<uint8_t>& bytes, at::IntArrayRef shape) {
  return at::from_blob(bytes.data(), shape, at::kByte).clone();
}

}  // namespace

Minibatches::Minibatches(at::Tensor pixels, at::Tensor labels)
    : pixels_(std::move(pixels)), labels_(std::move(labels)) {}

absl::StatusOr<Minibatches> Minibatches::Create(
    ImageDataset data, at::IntArrayRef shape,
    const std::filesystem::path& folder) {
  if (data.images < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder.string(),
        ": expected at least 2 training images, one for each half of the set, "
        "found ",
        data.images));
  }
  std::vector<int64_t> sizes = {data.images};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  std::optional<Minibatches> made;
  METASTEP_RETURN_IF_ERROR(CatchTorch([&] {
    made = Minibatches(ToTensor(data.pixels, sizes),
                       ToTensor(data.labels, {data.images}).to(at::kLong));
  }));
  return *std::move(made);
}

Minibatch Minibatches::Draw(RngKey key, int64_t t, int64_t batch_size) const {
  const int64_t images = labels_.size(0);
  const bool training = key.stream == RngStream::kTraining;
  const int64_t begin = training ? 0 : images / 2;
  const int64_t end = training ? images / 2 : images;
  key.step = static_cast<uint64_t>(t) + 1;
  Rng rng(key);
  const at::Tensor rows = at::empty({batch_size}, at::kLong);
  for (int64_t& row : absl::MakeSpan(rows.data_ptr<int64_t>(), rows.numel())) {
    row = begin + rng.Below(static_cast<uint32_t>(end - begin));
  }
  return {pixels_.index_select(0, rows).to(at::kFloat).div_(255),
          labels_.index_select(0, rows)};
}

}  // namespace metastep
