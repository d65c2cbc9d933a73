// Neural art's losses with VGG's features, against a network written out here.
// LibTorch stays behind the task: no header of it is needed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "optimizee/procedural_images.h"
#include "optimizee/torch/art.h"
#include "optimizee/torch/threads.h"
#include "optimizer/safetensors.h"
#include "rpc/float_bytes.h"
#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kSize = 16;
constexpr RngKey kKey = {.seed = 3, .stream = RngStream::kTraining, .lane = 1};

// torchvision's numbers of the convolutions up to conv5_1, block by block.
using Blocks = std::vector<std::vector<int>>;
const Blocks kVgg16 = {{0, 2}, {5, 7}, {10, 12, 14}, {17, 19, 21}, {24}};
const Blocks kVgg19 = {
    {0, 2}, {5, 7}, {10, 12, 14, 16}, {19, 21, 23, 25}, {28}};

struct Convolution {
  int filters;
  int inputs;
  std::vector<float> weight;  // [filters, inputs, 3, 3]
  std::vector<float> bias;    // [filters]
};
using Network = std::map<int, Convolution>;  // by number

// Of three to six filters a layer, so that a mix-up of two layers shows.
Network MakeNetwork(const Blocks& blocks) {
  Network network;
  int inputs = 3;
  for (const std::vector<int>& block : blocks) {
    for (const int number : block) {
      const int filters = 3 + number % 4;
      const size_t size = static_cast<size_t>(filters) * inputs * 9;
      network[number] = {filters, inputs,
                         NormalVector(size, .3f, /*seed=*/number + 1),
                         NormalVector(filters, .3f, /*seed=*/number + 100)};
      // Not all below the kink.
      for (float& bias : network[number].bias) bias += .2f;
      inputs = filters;
    }
  }
  return network;
}

// A safetensors file of tensors that are added one by one. Not thread-safe.
class TensorFile {
 public:
  void Add(const std::string& name, std::vector<int64_t> shape,
           const std::vector<float>& values) {
    contents_[name] = {std::move(shape), FloatsToBytes(values)};
  }
  void Remove(const std::string& name) { contents_.erase(name); }

  // Writes it as "vgg" and makes art of it.
  absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeFamily(
      v1::ArtSpec spec) const {
    Safetensors file;
    for (const auto& [name, tensor] : contents_) {
      file.tensors.push_back({name, tensor.first, tensor.second});
    }
    const auto folder = NewTestFolder();
    const absl::Status written =
        WriteFileAtomically(folder / "vgg", WriteSafetensors(file));
    if (!written.ok()) return written;
    spec.set_features("vgg");
    return MakeArtFamily(spec, folder);
  }

 private:
  std::map<std::string, std::pair<std::vector<int64_t>, std::string>> contents_;
};

TensorFile FileOf(const Network& network) {
  TensorFile file;
  for (const auto& [number, layer] : network) {
    file.Add(absl::StrCat("features.", number, ".weight"),
             {layer.filters, layer.inputs, 3, 3}, layer.weight);
    file.Add(absl::StrCat("features.", number, ".bias"), {layer.filters},
             layer.bias);
  }
  return file;
}

// One layer's features, [channels, side, side].
struct Planes {
  int channels;
  int side;
  std::vector<double> values;

  // Zero beyond the border.
  double At(int c, int y, int x) const {
    if (y < 0 || x < 0 || y >= side || x >= side) return 0;
    return values[(c * side + y) * side + x];
  }
};

Planes Convolved(const Planes& in, const Convolution& layer) {
  Planes out = {layer.filters, in.side, {}};
  for (int f = 0; f < layer.filters; ++f) {
    for (int y = 0; y < in.side; ++y) {
      for (int x = 0; x < in.side; ++x) {
        double sum = layer.bias[f];
        for (int c = 0; c < in.channels; ++c) {
          for (int k = 0; k < 9; ++k) {
            sum += layer.weight[(f * in.channels + c) * 9 + k] *
                   in.At(c, y + k / 3 - 1, x + k % 3 - 1);
          }
        }
        out.values.push_back(std::max(sum, 0.0));
      }
    }
  }
  return out;
}

Planes Pooled(const Planes& in) {
  Planes out = {in.channels, in.side / 2, {}};
  for (int c = 0; c < in.channels; ++c) {
    for (int y = 0; y < out.side; ++y) {
      for (int x = 0; x < out.side; ++x) {
        out.values.push_back(
            (in.At(c, 2 * y, 2 * x) + in.At(c, 2 * y, 2 * x + 1) +
             in.At(c, 2 * y + 1, 2 * x) + in.At(c, 2 * y + 1, 2 * x + 1)) /
            4);
      }
    }
  }
  return out;
}

// Normalised as torchvision's documentation says.
Planes InputOf(const std::vector<float>& image) {
  constexpr double kMean[] = {0.485, 0.456, 0.406};
  constexpr double kDeviation[] = {0.229, 0.224, 0.225};
  Planes planes = {3, kSize, {}};
  for (size_t i = 0; i < image.size(); ++i) {
    const size_t c = i / (kSize * kSize);
    planes.values.push_back((image[i] - kMean[c]) / kDeviation[c]);
  }
  return planes;
}

struct Expected {
  std::vector<std::vector<double>> grams;  // of conv1_1, ..., conv5_1
  std::vector<double> content;             // conv4_2
};

std::vector<double> Gram(const Planes& planes) {
  const int pixels = planes.side * planes.side;
  std::vector<double> gram;
  for (int a = 0; a < planes.channels; ++a) {
    for (int b = 0; b < planes.channels; ++b) {
      double sum = 0;
      for (int i = 0; i < pixels; ++i) {
        sum += planes.values[a * pixels + i] * planes.values[b * pixels + i];
      }
      gram.push_back(sum / pixels);
    }
  }
  return gram;
}

Expected FeaturesOf(const std::vector<float>& image, const Blocks& blocks,
                    const Network& network) {
  Expected expected;
  Planes planes = InputOf(image);
  for (size_t block = 0; block < blocks.size(); ++block) {
    if (block > 0) planes = Pooled(planes);
    for (size_t i = 0; i < blocks[block].size(); ++i) {
      planes = Convolved(planes, network.at(blocks[block][i]));
      if (i == 0) expected.grams.push_back(Gram(planes));
      if (block == 3 && i == 1) expected.content = planes.values;
    }
  }
  return expected;
}

// (kSize / 64)^2 |x - target|^2 / |target|^2
double SummedLoss(const std::vector<double>& x,
                  const std::vector<double>& target) {
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += (x[i] - target[i]) * (x[i] - target[i]);
    size += target[i] * target[i];
  }
  return difference / size * (kSize * kSize / 4096.);
}

v1::ArtSpec Spec(double content, double style) {
  v1::ArtSpec spec;
  spec.set_size(kSize);
  spec.set_content_weight(content);
  spec.set_style_weight(style);
  spec.set_variation_weight(0);
  return spec;
}

class VggTest : public testing::TestWithParam<Blocks> {
 protected:
  static void SetUpTestSuite() { UseOneTorchThread(); }
};

// The tolerance is for a dozen layers' rounding to 6e-8 of sums of up to 54.
TEST_P(VggTest, LossesAreThoseOfTheNetworkWrittenOut) {
  const Network network = MakeNetwork(GetParam());
  TensorFile file = FileOf(network);
  // What comes after conv5_1 is not looked at.
  file.Add("classifier.0.weight", {2, 1}, {1, 2});
  const std::vector<float> image = DrawTexture(3, kSize);
  RngKey content_key = kKey;
  content_key.step = 1;
  const Expected x = FeaturesOf(image, GetParam(), network);
  const Expected style = FeaturesOf(DrawTexture(0, kSize), GetParam(), network);
  const Expected content =
      FeaturesOf(DrawScene(content_key, kSize), GetParam(), network);

  const double expected_content = SummedLoss(x.content, content.content);
  double expected_style = 0;
  for (int l = 0; l < 5; ++l) {
    expected_style += SummedLoss(x.grams[l], style.grams[l]) / 5;
  }
  ASSERT_GT(expected_content, 1e-4);
  ASSERT_GT(expected_style, 1e-4);

  ASSERT_OK_AND_ASSIGN(const auto contents, file.MakeFamily(Spec(1, 0)));
  EXPECT_NEAR(LossAt(*contents->Make(kKey), 0, image), expected_content,
              1e-4 * expected_content);
  ASSERT_OK_AND_ASSIGN(const auto styles, file.MakeFamily(Spec(0, 1)));
  EXPECT_NEAR(LossAt(*styles->Make(kKey), 0, image), expected_style,
              1e-4 * expected_style);
}

INSTANTIATE_TEST_SUITE_P(Networks, VggTest, testing::Values(kVgg16, kVgg19));

void ExpectRefused(const TensorFile& file, const std::string& what,
                   const std::string& why) {
  EXPECT_THAT(
      file.MakeFamily(Spec(1, 1)),
      StatusIs(StatusCode::kInvalidArgument,
               AllOf(HasSubstr("/vgg: "), HasSubstr(what), HasSubstr(why))));
}

TEST(VggFileTest, EveryTensorIsThere) {
  TensorFile file = FileOf(MakeNetwork(kVgg19));
  file.Remove("features.28.bias");
  ExpectRefused(file, "no tensor features.28.bias", "VGG-16 or VGG-19");
  // As VGG-16 it lacks features.17.
  file.Remove("features.16.weight");
  ExpectRefused(file, "no tensor features.17.weight", "VGG-16 or VGG-19");
}

// Layer 0 has 3 filters, so layer 2 has 3 inputs; it has 5 filters.
TEST(VggFileTest, EveryShapeFitsTheOneBefore) {
  const TensorFile good = FileOf(MakeNetwork(kVgg16));
  const auto zeros = [](size_t size) { return std::vector<float>(size); };
  TensorFile file = good;
  file.Add("features.2.weight", {5, 4, 3, 3}, zeros(180));
  ExpectRefused(file, "features.2.weight is [5, 4, 3, 3]",
                "expected [512, 3, 3, 3] or fewer filters");
  file = good;
  file.Add("features.2.weight", {5, 3, 3}, zeros(45));
  ExpectRefused(file, "features.2.weight is [5, 3, 3]", "[512, 3, 3, 3]");
  file = good;
  file.Add("features.2.weight", {}, zeros(1));
  ExpectRefused(file, "features.2.weight is []", "[512, 3, 3, 3]");
  file = good;
  file.Add("features.2.bias", {4}, zeros(4));
  ExpectRefused(file, "features.2.bias is [4]", "expected [5]");
  file = good;
  file.Add("features.0.weight", {513, 3, 3, 3}, zeros(513 * 27));
  ExpectRefused(file, "features.0.weight is [513, 3, 3, 3]", "[512, 3, 3, 3]");
}

TEST(VggFileTest, AMissingFileIsNamed) {
  v1::ArtSpec spec = Spec(1, 1);
  spec.set_features("nothing");
  EXPECT_THAT(MakeArtFamily(spec, NewTestFolder()),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nothing")));
}

}  // namespace
}  // namespace metastep
