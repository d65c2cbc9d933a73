#include "optimizee/torch/mlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <future>

#include "optimizee/synthetic_digits.h"
#include "optimizee/torch/threads.h"
#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr RngKey kTrainingKey = {
    .seed = 3, .stream = RngStream::kTraining, .lane = 1, .unroll = 4};

v1::MlpSpec Spec(std::vector<int> hidden,
                 v1::MlpSpec::Activation activation = v1::MlpSpec::SIGMOID) {
  v1::MlpSpec spec;
  spec.mutable_hidden()->Add(hidden.begin(), hidden.end());
  spec.set_activation(activation);
  spec.set_dataset("digits");
  spec.set_batch_size(128);
  spec.set_initial_stddev(0.01);
  return spec;
}

class MlpTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    UseOneTorchThread();
    data_dir_ = NewTestFolder();
    ASSERT_OK(WriteSyntheticDigits(
        data_dir_ / "digits",
        {.training_images = 4000, .test_images = 2, .seed = 1}));
  }

  static std::unique_ptr<Task> Make(const v1::MlpSpec& spec,
                                    const RngKey& key = kTrainingKey) {
    return MakeMlpFamily(spec, data_dir_).value()->Make(key);
  }

  inline static std::filesystem::path data_dir_;
};

// As a worker's slots do. OpenBLAS 0.3.21 without threads gives two threads a
// wrong product now and then; so many layers are as many chances.
TEST_F(MlpTest, EvaluatesTheSameBesideAnotherThread) {
  EXPECT_OK(CheckTorchThreads(2));
  const auto wrong = [](uint32_t lane) {
    UseOneTorchThread();
    const auto task = Make(
        Spec(std::vector<int>(16, 64)),
        {.seed = 3, .stream = RngStream::kTraining, .lane = lane, .unroll = 4});
    const std::vector<float> theta = Theta0(*task);
    const std::vector<float> expected = GradientAt(*task, 0, theta);
    int differ = 0;
    for (int i = 0; i < 300; ++i) {
      if (GradientAt(*task, 0, theta) != expected) ++differ;
    }
    return differ;
  };
  std::future<int> other = std::async(std::launch::async, wrong, 0);
  EXPECT_EQ(wrong(1), 0);
  EXPECT_EQ(other.get(), 0);
}

// 784 * 20 + 20 + 20 * 10 + 10 = 15,910; with 40 units 31,810; with a second
// layer of 20 another 420 (experiments of Andrychowicz et al., section 3.2).
TEST_F(MlpTest, LayoutHasWeightsAndBiasesOfEachLayer) {
  EXPECT_EQ(Make(Spec({20}))->layout().coordinates(), 15910);
  EXPECT_EQ(Make(Spec({40}))->layout().coordinates(), 31810);
  const auto task = Make(Spec({20, 20}));
  EXPECT_EQ(task->layout().coordinates(), 16330);
  const auto& tensors = task->layout().tensors();
  ASSERT_EQ(tensors.size(), 6);
  EXPECT_EQ(tensors[0].name, "layer0.weight");
  EXPECT_THAT(tensors[0].shape, ElementsAre(784, 20));
  EXPECT_EQ(tensors[5].name, "layer2.bias");
  EXPECT_THAT(tensors[5].shape, ElementsAre(10));
}

TEST_F(MlpTest, InitialThetaHasItsStandardDeviation) {
  const auto theta = Theta0(*Make(Spec({20})));
  // The deviation of 15,910 draws is known to 1 / sqrt(2 * 15910) = 0.6 %.
  EXPECT_NEAR(Norm(theta) / std::sqrt(15910), 0.01, 0.01 * 5 * 0.006);
}

// All zero: every class has probability 1/10, nothing flows back through the
// last weights, and these get half of the last biases' gradient, for all hidden
// units are 1/2.
TEST_F(MlpTest, ZeroThetaGivesLog10) {
  const auto task = Make(Spec({20}));
  const std::vector<float> theta(15910);
  EXPECT_NEAR(LossAt(*task, 0, theta), std::log(10), 1e-6);
  const auto gradient = GradientAt(*task, 0, theta);
  const size_t weight = 784 * 20 + 20;  // of the last layer
  EXPECT_EQ(Norm({gradient.begin(), gradient.begin() + weight}), 0);
  EXPECT_NEAR(gradient[weight], gradient[weight + 200] / 2, 1e-7);
  EXPECT_GT(std::abs(gradient[weight + 200]), 1e-4);
}

class MlpDerivativeTest
    : public MlpTest,
      public testing::WithParamInterface<v1::MlpSpec::Activation> {};

TEST_P(MlpDerivativeTest, GradientIsTheLossesSlope) {
  const auto task = Make(Spec({20, 15}, GetParam()));
  const auto theta = NormalVector(
      static_cast<size_t>(task->layout().coordinates()), 0.2f, /*seed=*/1);
  ExpectGradientIsTheSlope(*task, theta, /*step=*/0.01, /*tolerance=*/2e-3);
}

// The gradients of a net of ReLUs do not jump while only its last layer moves.
TEST_P(MlpDerivativeTest, HessianVectorProductIsTheGradientsSlope) {
  const auto task = Make(Spec({20, 15}, GetParam()));
  const auto theta = NormalVector(
      static_cast<size_t>(task->layout().coordinates()), 0.2f, /*seed=*/1);
  auto vector = NormalVector(theta.size(), 1, /*seed=*/2);
  constexpr int kLastLayer = 15 * 10 + 10;
  if (GetParam() == v1::MlpSpec::RELU) {
    std::fill(vector.begin(), vector.end() - kLastLayer, 0.f);
  }
  ExpectProductIsTheGradientsSlope(*task, theta, vector);
}

INSTANTIATE_TEST_SUITE_P(Activations, MlpDerivativeTest,
                         testing::Values(v1::MlpSpec::SIGMOID,
                                         v1::MlpSpec::RELU, v1::MlpSpec::TANH));

TEST_F(MlpTest, IsAFunctionOfKeyAndStepAlone) {
  const auto task = Make(Spec({20}));
  const auto again = Make(Spec({20}));
  const auto theta = Theta0(*task);
  EXPECT_EQ(theta, Theta0(*again));
  const auto gradient = GradientAt(*task, 5, theta);
  EXPECT_NE(GradientAt(*task, 6, theta), gradient);
  EXPECT_EQ(GradientAt(*task, 5, theta), gradient);
  EXPECT_EQ(GradientAt(*again, 5, theta), gradient);
  EXPECT_EQ(LossAt(*again, 5, theta), LossAt(*task, 5, theta));

  RngKey other = kTrainingKey;
  other.lane += 1;
  EXPECT_NE(Theta0(*Make(Spec({20}), other)), theta);
  EXPECT_NE(GradientAt(*Make(Spec({20}), other), 5, theta), gradient);
}

// The first half of the images are of class 0, the second of class 1: the bias'
// gradient, softmax minus the labels' share, says which were drawn.
TEST_F(MlpTest, TrainingAndOtherStreamsDrawFromDifferentHalves) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteImageDataset(folder, kTrainingSplit,
                              {.images = 5,
                               .rows = 1,
                               .columns = 1,
                               .pixels = {0, 0, 0, 0, 0},
                               .labels = {0, 0, 1, 1, 1}}));
  auto spec = Spec({1});
  spec.set_dataset(".");
  ASSERT_OK_AND_ASSIGN(const auto family, MakeMlpFamily(spec, folder));
  const std::vector<float> theta(22);  // 1 -> 1 -> 10: 2 + 20
  const size_t bias = 12;              // of class 0
  for (const auto stream : {RngStream::kTraining, RngStream::kValidation,
                            RngStream::kTuning, RngStream::kTest}) {
    const auto gradient =
        GradientAt(*family->Make({.stream = stream}), 0, theta);
    const bool training = stream == RngStream::kTraining;
    EXPECT_NEAR(gradient[bias], training ? -0.9 : 0.1, 1e-6);
    EXPECT_NEAR(gradient[bias + 1], training ? 0.1 : -0.9, 1e-6);
  }
}

TEST_F(MlpTest, ASingleImageHasNoHalves) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteImageDataset(
      folder, kTrainingSplit,
      {.images = 1, .rows = 1, .columns = 1, .pixels = {0}, .labels = {0}}));
  auto spec = Spec({1});
  spec.set_dataset(".");
  EXPECT_THAT(MakeMlpFamily(spec, folder),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("expected at least 2 training images")));
}

// A spec that nobody has checked.
TEST_F(MlpTest, WhatLibTorchThrowsIsInternal) {
  auto spec = Spec({1});
  spec.set_batch_size(-1);
  const auto task = Make(spec);
  std::vector<float> theta(805);
  EXPECT_THAT(task->Evaluate(0, theta, absl::MakeSpan(theta)),
              StatusIs(StatusCode::kInternal, HasSubstr("LibTorch failed")));
}

// From log(10) = 2.30, by plain gradient descent; guessing stays there.
TEST_F(MlpTest, SyntheticDigitsAreLearnable) {
  auto spec = Spec({20});
  spec.set_batch_size(32);
  spec.set_initial_stddev(0.1);
  const auto task = Make(spec);
  auto theta = Theta0(*task);
  double sum_of_last = 0;
  for (int t = 0; t < 250; ++t) {
    std::vector<float> gradient(theta.size());
    ASSERT_OK_AND_ASSIGN(const double loss,
                         task->Evaluate(t, theta, absl::MakeSpan(gradient)));
    theta = Moved(theta, -0.5f, gradient);
    if (t >= 230) sum_of_last += loss;
  }
  EXPECT_LT(sum_of_last / 20, 1);
}

}  // namespace
}  // namespace metastep
