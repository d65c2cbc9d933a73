#include "optimizee/torch/art.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizee/cifar.h"
#include "optimizee/image_file.h"
#include "optimizee/image_folder.h"
#include "optimizee/image_scale.h"
#include "optimizee/procedural_images.h"
#include "optimizee/shared_family.h"
#include "optimizee/torch/feature_network.h"
#include "optimizee/torch/minibatches.h"
#include "optimizee/torch/tensors.h"
#include "optimizee/torch/vgg.h"

namespace metastep {
namespace {

// f sums over the pixels, counted in images of this size.
constexpr double kUnitSize = 64;

// Of an image that the network does not see at all; keeps quotients finite.
constexpr double kLeastSquare = 1e-6;

// What all tasks of a family share. Immutable.
struct Shared {
  v1::ArtSpec spec;
  ParameterLayout layout;
  FeatureNetwork network;
  Tensors style;                        // Gram matrix of each style layer
  std::optional<Minibatches> contents;  // [3, side, side] each; or scenes
};

at::Tensor ToImage(std::vector<float> pixels, int64_t side) {
  return at::from_blob(pixels.data(), {1, kColors, side, side}, at::kFloat)
      .clone();
}

// [filters, filters], of features [1, filters, side, side].
at::Tensor Gram(const at::Tensor& features) {
  const at::Tensor rows = features.flatten(/*start_dim=*/2).squeeze(0);
  return rows.mm(rows.t()) / rows.size(1);
}

Tensors Grams(const Tensors& features) {
  Tensors grams;
  for (const at::Tensor& layer : features) grams.push_back(Gram(layer));
  return grams;
}

// |x - target|^2 / |target|^2
at::Tensor RelativeSquare(const at::Tensor& x, const at::Tensor& target) {
  return (x - target).square().sum() /
         target.square().sum().clamp_min(kLeastSquare);
}

// The mean square of the differences along one dimension.
at::Tensor Variation(const at::Tensor& image, int64_t dimension) {
  return image.diff(/*n=*/1, dimension).square().mean();
}

class ArtTask final : public Task {
 public:
  ArtTask(std::shared_ptr<const Shared> shared, const RngKey& key)
      : shared_(std::move(shared)), key_(key) {}

  const ParameterLayout& layout() const override { return shared_->layout; }
  int64_t bytes() const override {
    return content_.defined() ? static_cast<int64_t>(content_.nbytes()) : 0;
  }

  void InitialTheta(absl::Span<float> theta) const override {
    Rng rng(key_);
    for (float& x : theta) x = .5f + .1f * rng.Normal();
  }

  absl::StatusOr<double> Evaluate(int64_t /*t*/, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    double value = 0;
    METASTEP_RETURN_IF_ERROR(CatchTorch([&] {
      const Tensors variables = VariablesOf(layout(), theta);
      const at::Tensor loss = Loss(variables[0].unsqueeze(0));
      CopyInto(torch::autograd::grad({loss}, variables), layout(), gradient);
      value = loss.item<double>();
    }));
    return value;
  }

  absl::Status HessianVectorProduct(int64_t /*t*/,
                                    absl::Span<const float> theta,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    return CatchTorch([&] {
      const Tensors variables = VariablesOf(layout(), theta);
      DoubleBackward(Loss(variables[0].unsqueeze(0)), variables, layout(),
                     vector, product);
    });
  }

 private:
  // [1, 3, size, size]. Drawn by other numbers than theta_0.
  at::Tensor Content() const {
    const int64_t size = shared_->spec.size();
    if (shared_->contents.has_value()) {
      const Minibatch image = shared_->contents->Draw(key_, /*t=*/0, 1);
      return at::upsample_bilinear2d(image.inputs, {size, size},
                                     /*align_corners=*/false);
    }
    RngKey key = key_;
    key.step = 1;
    return ToImage(DrawScene(key, size), size);
  }

  at::Tensor Loss(const at::Tensor& image) {
    if (!content_.defined()) {
      content_ = shared_->network.FeaturesOf(Content()).content;
    }
    const v1::ArtSpec& spec = shared_->spec;
    const Features features = shared_->network.FeaturesOf(image);
    at::Tensor style = at::zeros({});
    for (size_t i = 0; i < features.style.size(); ++i) {
      style =
          style + RelativeSquare(Gram(features.style[i]), shared_->style[i]);
    }
    style = style / static_cast<double>(features.style.size());
    const double pixels = std::pow(spec.size() / kUnitSize, 2);
    return pixels *
           (spec.content_weight() * RelativeSquare(features.content, content_) +
            spec.style_weight() * style +
            spec.variation_weight() *
                (Variation(image, 2) + Variation(image, 3)));
  }

  const std::shared_ptr<const Shared> shared_;
  const RngKey key_;
  at::Tensor content_;  // its features; made when first needed
};

// CIFAR-10's images, or those in files of their own, scaled to the size.
absl::StatusOr<ImageDataset> ReadImages(const std::filesystem::path& folder,
                                        int64_t size) {
  absl::StatusOr<ImageDataset> cifar = ReadCifar(folder);
  if (!absl::IsNotFound(cifar.status())) return cifar;
  absl::StatusOr<ImageDataset> images = ReadImageFolder(folder, size);
  if (!absl::IsNotFound(images.status())) return images;
  return absl::NotFoundError(absl::StrCat(images.status().message(), "; or ",
                                          cifar.status().message()));
}

absl::StatusOr<std::optional<Minibatches>> ReadContents(
    const v1::ArtSpec& spec, const std::filesystem::path& data_dir) {
  if (spec.content().empty()) return std::nullopt;
  const std::filesystem::path folder = data_dir / spec.content();
  METASTEP_ASSIGN_OR_RETURN(ImageDataset data, ReadImages(folder, spec.size()));
  const int64_t rows = data.rows, columns = data.columns;
  return Minibatches::Create(std::move(data), {kColors, rows, columns}, folder);
}

// [3, size, size]
absl::StatusOr<std::vector<float>> ReadStyle(
    const v1::ArtSpec& spec, const std::filesystem::path& data_dir) {
  if (spec.style().empty()) {
    return DrawTexture(static_cast<uint32_t>(spec.texture()), spec.size());
  }
  METASTEP_ASSIGN_OR_RETURN(const RgbImage image,
                            ReadImageFile(data_dir / spec.style()));
  return CropAndScale(image, spec.size());
}

absl::StatusOr<FeatureNetwork> MakeNetwork(
    const v1::ArtSpec& spec, const std::filesystem::path& data_dir) {
  if (!spec.features().empty()) return ReadVgg(data_dir / spec.features());
  std::optional<FeatureNetwork> random;
  METASTEP_RETURN_IF_ERROR(
      CatchTorch([&] { random = FeatureNetwork::Random(); }));
  return *std::move(random);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeArtFamily(
    const v1::ArtSpec& spec, const std::filesystem::path& data_dir) {
  METASTEP_ASSIGN_OR_RETURN(std::optional<Minibatches> contents,
                            ReadContents(spec, data_dir));
  METASTEP_ASSIGN_OR_RETURN(const std::vector<float> style_pixels,
                            ReadStyle(spec, data_dir));
  METASTEP_ASSIGN_OR_RETURN(FeatureNetwork network,
                            MakeNetwork(spec, data_dir));
  std::unique_ptr<const TaskFamily> family;
  METASTEP_RETURN_IF_ERROR(CatchTorch([&] {
    const int64_t size = spec.size();
    Tensors style =
        Grams(network.FeaturesOf(ToImage(style_pixels, size)).style);
    family = std::make_unique<const SharedFamily<ArtTask, Shared>>(Shared{
        .spec = spec,
        .layout =
            ParameterLayout::Create({{"image", {kColors, size, size}}}).value(),
        .network = std::move(network),
        .style = std::move(style),
        .contents = std::move(contents)});
  }));
  return family;
}

}  // namespace metastep
