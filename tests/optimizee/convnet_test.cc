#include "optimizee/torch/convnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "optimizee/cifar.h"
#include "optimizee/torch/threads.h"
#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using testing::ElementsAre;

v1::ConvNetSpec Spec(std::vector<int> channels, int hidden,
                     std::vector<int> labels = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
  v1::ConvNetSpec spec;
  spec.set_dataset("cifar10");
  spec.mutable_labels()->Add(labels.begin(), labels.end());
  spec.set_batch_size(16);
  spec.mutable_channels()->Add(channels.begin(), channels.end());
  spec.set_hidden(hidden);
  spec.set_initial_stddev(0.01);
  return spec;
}

class ConvNetTest : public testing::Test {
 protected:
  // Noise, which is all that the shape of a loss needs.
  static void SetUpTestSuite() {
    UseOneTorchThread();
    data_dir_ = NewTestFolder();
    std::filesystem::create_directory(data_dir_ / "cifar10");
    ImageDataset dataset;
    dataset.images = 200;
    dataset.rows = dataset.columns = kCifarSide;
    Rng rng({.seed = 1});
    for (int i = 0; i < 200; ++i) {
      dataset.labels.push_back(static_cast<uint8_t>(i % 10));
      for (int pixel = 0; pixel < 3072; ++pixel) {
        dataset.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
      }
    }
    ASSERT_OK(WriteCifar(data_dir_ / "cifar10", dataset));
  }

  static std::unique_ptr<Task> Make(const v1::ConvNetSpec& spec) {
    return MakeConvNetFamily(spec, data_dir_)
        .value()
        ->Make({.seed = 3, .stream = RngStream::kTraining});
  }
  static std::vector<float> Somewhere(const Task& task) {
    return NormalVector(static_cast<size_t>(task.layout().coordinates()), 0.2f,
                        /*seed=*/1);
  }

  inline static std::filesystem::path data_dir_;
};

// Blocks: 3 * 25 * 16 + 2 * 16 and twice 16 * 25 * 16 + 2 * 16; then 16 * 4 * 4
// inputs to 32 units and their 2 * 32; then 32 * 10 + 10. In all 22,682, the
// reference implementation's.
TEST_F(ConvNetTest, LayoutIsThePapers) {
  const auto task = Make(Spec({16, 16, 16}, 32));
  EXPECT_EQ(task->layout().coordinates(), 22682);
  const auto& tensors = task->layout().tensors();
  ASSERT_EQ(tensors.size(), 14);
  EXPECT_EQ(tensors[3].name, "conv1.weight");
  EXPECT_THAT(tensors[3].shape, ElementsAre(16, 16, 5, 5));
  EXPECT_EQ(tensors[5].name, "conv1.beta");
  EXPECT_EQ(tensors[9].name, "fc0.weight");
  EXPECT_THAT(tensors[9].shape, ElementsAre(256, 32));
  EXPECT_EQ(tensors[13].name, "fc1.bias");
}

// All zero: every class is as likely, and nothing flows back but to the logits'
// biases.
TEST_F(ConvNetTest, ZeroThetaGivesTheLogarithmOfTheClasses) {
  for (const auto& labels : {std::vector{0, 1}, std::vector{4, 2, 7}}) {
    const auto task = Make(Spec({4}, 8, labels));
    const auto classes = labels.size();
    const std::vector<float> theta(task->layout().coordinates());
    EXPECT_NEAR(LossAt(*task, 0, theta), std::log(classes), 1e-6);
    const auto gradient = GradientAt(*task, 0, theta);
    EXPECT_EQ(Norm({gradient.begin(), gradient.end() - classes}), 0);
    EXPECT_GT(Norm({gradient.end() - classes, gradient.end()}), 1e-3);
  }
}

TEST_F(ConvNetTest, GradientIsTheLossesSlope) {
  const auto task = Make(Spec({4, 3}, 8));
  ExpectGradientIsTheSlope(*task, Somewhere(*task), /*step=*/0.003,
                           /*tolerance=*/1e-2);
}

TEST_F(ConvNetTest, HessianVectorProductIsTheGradientsSlope) {
  const auto task = Make(Spec({4, 3}, 8));
  const auto theta = Somewhere(*task);
  auto vector = NormalVector(theta.size(), 1, /*seed=*/2);
  constexpr int kLastLayer = 8 * 10 + 10;
  std::fill(vector.begin(), vector.end() - kLastLayer, 0.f);
  ExpectProductIsTheGradientsSlope(*task, theta, vector);
}

// What is normalized does not notice a shift, and hardly (by epsilon) a scale.
TEST_F(ConvNetTest, NormalizationUndoesBiasAndScale) {
  const auto task = Make(Spec({4}, 8));
  auto theta = Somewhere(*task);
  const double loss = LossAt(*task, 0, theta);
  constexpr int kWeights = 4 * 3 * 25;
  for (int i = 0; i < kWeights + 4; ++i) theta[i] *= 3;
  EXPECT_NEAR(LossAt(*task, 0, theta), loss, 5e-3 * loss);
  for (int i = kWeights; i < kWeights + 4; ++i) theta[i] += 5;
  EXPECT_NEAR(LossAt(*task, 0, theta), loss, 5e-3 * loss);
  theta[kWeights + 4] += 5;  // a beta
  EXPECT_GT(std::abs(LossAt(*task, 0, theta) - loss), 5e-3 * loss);
}

}  // namespace
}  // namespace metastep
