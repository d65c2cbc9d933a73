// Labelled images as tensors, of which a classifier draws minibatches.
#ifndef METASTEP_OPTIMIZEE_TORCH_MINIBATCHES_H_
#define METASTEP_OPTIMIZEE_TORCH_MINIBATCHES_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>

#include "absl/status/statusor.h"
#include "base/rng.h"
#include "optimizee/image_dataset.h"

namespace metastep {

struct Minibatch {
  at::Tensor inputs;  // [batch, ...], in [0, 1]
  at::Tensor labels;  // [batch]
};

// Immutable; thread-safe.
class Minibatches {
 public:
  // An image has `shape` among the inputs. Errors: InvalidArgument, with
  // `folder`: fewer than two images; Internal: LibTorch failed.
  static absl::StatusOr<Minibatches> Create(
      ImageDataset data, at::IntArrayRef shape,
      const std::filesystem::path& folder);

  // Step t's minibatch of the task that `key` names: drawn with replacement,
  // for training keys from the first half of the images, else from the second.
  Minibatch Draw(RngKey key, int64_t t, int64_t batch_size) const;

 private:
  Minibatches(at::Tensor pixels, at::Tensor labels);

  at::Tensor pixels_;  // uint8 [images, ...]
  at::Tensor labels_;  // int64 [images]
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_MINIBATCHES_H_
