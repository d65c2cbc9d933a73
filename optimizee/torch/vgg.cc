#include "optimizee/torch/vgg.h"

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "optimizee/image_file.h"
#include "optimizee/torch/tensors.h"
#include "optimizer/safetensors.h"

namespace metastep {
namespace {

constexpr int64_t kKernel = 3;
constexpr int64_t kMaxFilters = 512;
// torchvision's, over ImageNet: what its VGGs were trained on.
constexpr float kMean[] = {0.485f, 0.456f, 0.406f};
constexpr float kDeviation[] = {0.229f, 0.224f, 0.225f};
// Convolutions of each block up to conv5_1; pooling lies between blocks.
constexpr int kVgg16[] = {2, 2, 3, 3, 1};
constexpr int kVgg19[] = {2, 2, 4, 4, 1};
constexpr int kContentBlock = 3;  // of 0 to 4
constexpr int kContentConvolution = 1;

using TensorsByName = std::map<std::string, const SafetensorsTensor*>;
using Shape = std::vector<int64_t>;

std::string ShapeText(const Shape& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// The tensor, if its dimensions are these; the first may be any from 1 to
// kMaxFilters where it is 0.
absl::StatusOr<const SafetensorsTensor*> Find(const TensorsByName& tensors,
                                              const std::string& name,
                                              Shape shape) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no tensor ", name, "; expected torchvision's VGG-16 or VGG-19"));
  }
  const SafetensorsTensor& tensor = *found->second;
  const bool any = shape[0] == 0;
  if (any && !tensor.shape.empty()) shape[0] = tensor.shape[0];
  if (tensor.shape != shape || shape[0] > kMaxFilters) {
    if (any) shape[0] = kMaxFilters;
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", ShapeText(tensor.shape), "; expected ",
                     ShapeText(shape), any ? " or fewer filters" : ""));
  }
  return &tensor;
}

// A convolution as the file has it.
struct Convolution {
  const SafetensorsTensor* weight;
  const SafetensorsTensor* bias;
  bool first_of_block;
  bool content;
};

// Finds all of them, each fitting the one before it.
absl::StatusOr<std::vector<Convolution>> FindConvolutions(
    const TensorsByName& tensors) {
  // Its fourth convolution of the third block, where the other one pools.
  const bool vgg19 = tensors.count("features.16.weight") > 0;
  std::vector<Convolution> convolutions;
  int64_t inputs = kColors;
  int index = 0;  // among torchvision's modules
  for (int block = 0; block < 5; ++block) {
    const int count = (vgg19 ? kVgg19 : kVgg16)[block];
    for (int i = 0; i < count; ++i) {
      const std::string name = absl::StrCat("features.", index);
      Convolution& found = convolutions.emplace_back();
      METASTEP_ASSIGN_OR_RETURN(found.weight,
                                Find(tensors, absl::StrCat(name, ".weight"),
                                     {0, inputs, kKernel, kKernel}));
      inputs = found.weight->shape[0];
      METASTEP_ASSIGN_OR_RETURN(
          found.bias, Find(tensors, absl::StrCat(name, ".bias"), {inputs}));
      found.first_of_block = i == 0;
      found.content = block == kContentBlock && i == kContentConvolution;
      index += 2;  // a ReLU comes after it
    }
    ++index;  // and pooling after the block
  }
  return convolutions;
}

at::Tensor ToTensor(const SafetensorsTensor& from) {
  at::Tensor tensor = at::empty(from.shape, at::kFloat);
  std::memcpy(tensor.data_ptr<float>(), from.data.data(), from.data.size());
  return tensor;
}

at::Tensor OfColors(const float (&values)[kColors]) {
  return at::tensor(at::ArrayRef<float>(values)).view({1, kColors, 1, 1});
}

FeatureNetwork ToNetwork(const std::vector<Convolution>& convolutions) {
  std::vector<FeatureLayer> layers;
  for (const Convolution& convolution : convolutions) {
    layers.push_back(
        {.filters = ToTensor(*convolution.weight),
         .bias = ToTensor(*convolution.bias),
         .pooled_input = convolution.first_of_block && !layers.empty(),
         .style = convolution.first_of_block,
         .content = convolution.content});
  }
  return FeatureNetwork(std::move(layers), OfColors(kMean),
                        OfColors(kDeviation), /*softness=*/0);
}

absl::StatusOr<FeatureNetwork> DecodeVgg(const std::string& bytes) {
  METASTEP_ASSIGN_OR_RETURN(const Safetensors file, ReadSafetensors(bytes));
  TensorsByName tensors;
  for (const SafetensorsTensor& tensor : file.tensors) {
    tensors[tensor.name] = &tensor;
  }
  METASTEP_ASSIGN_OR_RETURN(const std::vector<Convolution> convolutions,
                            FindConvolutions(tensors));
  std::optional<FeatureNetwork> network;
  METASTEP_RETURN_IF_ERROR(
      CatchTorch([&] { network = ToNetwork(convolutions); }));
  return *std::move(network);
}

}  // namespace

absl::StatusOr<FeatureNetwork> ReadVgg(const std::filesystem::path& path) {
  METASTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kMaxVggFileBytes));
  absl::StatusOr<FeatureNetwork> network = DecodeVgg(bytes);
  if (network.ok()) return network;
  return absl::Status(
      network.status().code(),
      absl::StrCat(path.string(), ": ", network.status().message()));
}

}  // namespace metastep
