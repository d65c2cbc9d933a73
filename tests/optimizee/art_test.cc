#include "optimizee/torch/art.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/file.h"
#include "optimizee/cifar.h"
#include "optimizee/procedural_images.h"
#include "optimizee/torch/threads.h"
#include "tests/optimizee/image_writing.h"
#include "tests/optimizee/testing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr RngKey kKey = {
    .seed = 3, .stream = RngStream::kTraining, .lane = 1, .unroll = 4};

// What the means over an image are multiplied by: (size / 64)^2.
constexpr double SumScale(int size) { return size * size / 4096.; }
constexpr double kSumScale = SumScale(16);

v1::ArtSpec Spec(double content, double style, double variation,
                 int size = 16) {
  v1::ArtSpec spec;
  spec.set_size(size);
  spec.set_content_weight(content);
  spec.set_style_weight(style);
  spec.set_variation_weight(variation);
  return spec;
}

class ArtTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { UseOneTorchThread(); }

  static std::unique_ptr<Task> Make(const v1::ArtSpec& spec,
                                    const RngKey& key = kKey) {
    return MakeArtFamily(spec, ".").value()->Make(key);
  }
};

// The scene that the task draws: at its key's step 1.
std::vector<float> Scene(RngKey key, int size) {
  key.step = 1;
  return DrawScene(key, size);
}

TEST_F(ArtTest, ThetaIsANoisyGreyImage) {
  const auto task = Make(Spec(1, 1, 1));
  ASSERT_EQ(task->layout().tensors().size(), 1);
  EXPECT_EQ(task->layout().tensors()[0].name, "image");
  EXPECT_THAT(task->layout().tensors()[0].shape, ElementsAre(3, 16, 16));
  const auto theta = Theta0(*task);
  const double mean = std::accumulate(theta.begin(), theta.end(), 0.) / 768;
  // 768 draws of deviation 0.1 have a mean of deviation 0.0036.
  EXPECT_NEAR(mean, 0.5, 5 * 0.0036);
  const std::vector<float> grey(768, 0.5f);
  // The deviation is known to 1 / sqrt(2 * 768) = 2.6 %.
  EXPECT_NEAR(Norm(Moved(theta, -1, grey)) / std::sqrt(768), 0.1, 0.013);
}

// Each term is zero where it should be, and 1 by its definition, over the whole
// image, where the network sees nothing: at mid-grey.
TEST_F(ArtTest, TermsVanishAtTheirTargets) {
  const std::vector<float> grey(768, 0.5f);
  const auto content = Make(Spec(1, 0, 0));
  EXPECT_NEAR(LossAt(*content, 0, Scene(kKey, 16)), 0, 1e-9 * kSumScale);
  EXPECT_NEAR(LossAt(*content, 0, grey), kSumScale, 1e-6 * kSumScale);

  auto spec = Spec(0, 1, 0);
  spec.set_texture(2);
  const auto style = Make(spec);
  EXPECT_NEAR(LossAt(*style, 0, DrawTexture(2, 16)), 0, 1e-9 * kSumScale);
  EXPECT_GT(LossAt(*style, 0, DrawTexture(3, 16)), 0.01 * kSumScale);
  EXPECT_NEAR(LossAt(*style, 0, grey), kSumScale, 1e-6 * kSumScale);

  EXPECT_EQ(LossAt(*Make(Spec(0, 0, 1)), 0, grey), 0);
}

// Columns alternate between 0 and 0.5: every difference along a row is 0.5,
// along a column 0. The mean square is 0.25, its weight 2.
TEST_F(ArtTest, VariationIsTheMeanSquareOfDifferences) {
  std::vector<float> stripes(768);
  for (size_t i = 0; i < stripes.size(); ++i) stripes[i] = i % 2 == 0 ? 0 : .5f;
  EXPECT_NEAR(LossAt(*Make(Spec(0, 0, 2)), 0, stripes), 0.5 * kSumScale,
              1e-6 * kSumScale);
}

// At the sizes that one optimizer is used on, with the default weights.
TEST_F(ArtTest, TermsMatterAboutEquallyAtTheStart) {
  for (const int size : {64, 128}) {
    for (const auto& spec :
         {Spec(1, 0, 0, size), Spec(0, 1, 0, size), Spec(0, 0, 25, size)}) {
      const auto task = Make(spec);
      const double mean = LossAt(*task, 0, Theta0(*task)) / SumScale(size);
      EXPECT_GT(mean, 0.4) << spec.DebugString();
      EXPECT_LT(mean, 2.5) << spec.DebugString();
    }
  }
}

// So that one optimizer serves several sizes. With means in place of sums it
// would be a quarter.
TEST_F(ArtTest, APixelsGradientDoesNotShrinkAsTheImageGrows) {
  std::vector<double> deviations;
  for (const int size : {64, 128}) {
    const auto task = Make(Spec(1, 1, 25, size));
    const auto gradient = GradientAt(*task, 0, Theta0(*task));
    deviations.push_back(Norm(gradient) / size);
  }
  EXPECT_GT(deviations[1], 0.7 * deviations[0]);
  EXPECT_LT(deviations[1], 1.4 * deviations[0]);
}

TEST_F(ArtTest, GradientIsTheLossesSlope) {
  const auto task = Make(Spec(1, 1, 25));
  ExpectGradientIsTheSlope(*task, Theta0(*task), /*step=*/0.02,
                           /*tolerance=*/1e-2);
}

// The second derivatives of CELU jump, so the difference's error is of first
// order in a pixel's step: the more pixels share the vector, the smaller.
TEST_F(ArtTest, HessianVectorProductIsTheGradientsSlope) {
  const auto task = Make(Spec(1, 1, 25, /*size=*/64));
  const auto theta = Theta0(*task);
  ExpectProductIsTheGradientsSlope(*task, theta,
                                   NormalVector(theta.size(), 1, /*seed=*/2));
}

// Contents are compared in the second layer: 32 filters at half the size.
TEST_F(ArtTest, CountsTheFeaturesOfItsContent) {
  const auto task = Make(Spec(1, 1, 1));
  LossAt(*task, 0, Theta0(*task));
  EXPECT_EQ(task->bytes(), 32 * 8 * 8 * 4);
}

TEST_F(ArtTest, IsAFunctionOfTheKeyAlone) {
  const auto spec = Spec(1, 1, 25);
  const auto theta = Theta0(*Make(spec));
  EXPECT_EQ(theta, Theta0(*Make(spec)));
  EXPECT_EQ(GradientAt(*Make(spec), 0, theta),
            GradientAt(*Make(spec), 7, theta));
  RngKey other = kKey;
  other.lane += 1;
  EXPECT_NE(Theta0(*Make(spec, other)), theta);
  EXPECT_NE(LossAt(*Make(spec, other), 0, theta),
            LossAt(*Make(spec), 0, theta));
}

// The first image of two is black, the second white; scaled up they stay so.
TEST_F(ArtTest, ContentsOfAFolderAreSplitInHalves) {
  const auto folder = NewTestFolder();
  constexpr size_t kPixels = 3 * 32 * 32;
  ImageDataset images{.images = 2,
                      .rows = 32,
                      .columns = 32,
                      .pixels = std::vector<uint8_t>(2 * kPixels, 255),
                      .labels = {0, 0}};
  std::fill_n(images.pixels.begin(), kPixels, uint8_t{0});
  std::filesystem::create_directory(folder / "pictures");
  ASSERT_OK(WriteCifar(folder / "pictures", images));
  auto spec = Spec(1, 0, 0, /*size=*/48);
  spec.set_content("pictures");
  ASSERT_OK_AND_ASSIGN(const auto family, MakeArtFamily(spec, folder));
  const std::vector<float> black(3 * 48 * 48);
  const std::vector<float> white(3 * 48 * 48, 1.f);
  for (const auto stream : {RngStream::kTraining, RngStream::kValidation,
                            RngStream::kTuning, RngStream::kTest}) {
    const auto task = family->Make({.stream = stream});
    const bool training = stream == RngStream::kTraining;
    EXPECT_NEAR(LossAt(*task, 0, training ? black : white), 0,
                1e-9 * SumScale(48));
    EXPECT_GT(LossAt(*task, 0, training ? white : black), 0.5 * SumScale(48));
  }
}

// The same of files of their own: a wide black picture and a small white one.
TEST_F(ArtTest, ContentsMayBeImageFiles) {
  const auto folder = NewTestFolder();
  std::filesystem::create_directory(folder / "pictures");
  ASSERT_OK(WriteFileAtomically(
      folder / "pictures/a.png",
      RgbPngBytes(40, 20, std::vector<uint8_t>(40 * 20 * 3, 0))));
  ASSERT_OK(WriteFileAtomically(
      folder / "pictures/b.png",
      RgbPngBytes(5, 5, std::vector<uint8_t>(5 * 5 * 3, 255))));
  auto spec = Spec(1, 0, 0);
  spec.set_content("pictures");
  ASSERT_OK_AND_ASSIGN(const auto family, MakeArtFamily(spec, folder));
  const auto training = family->Make({.stream = RngStream::kTraining});
  const auto test = family->Make({.stream = RngStream::kTest});
  const std::vector<float> black(3 * 16 * 16);
  const std::vector<float> white(3 * 16 * 16, 1.f);
  EXPECT_NEAR(LossAt(*training, 0, black), 0, 1e-9 * kSumScale);
  EXPECT_NEAR(LossAt(*test, 0, white), 0, 1e-9 * kSumScale);
  EXPECT_GT(LossAt(*test, 0, black), 0.5 * kSumScale);
}

// A column of 32 x 32 white or black pixels is one of 16 x 16.
TEST_F(ArtTest, TheStyleMayBeAnImageFile) {
  const auto folder = NewTestFolder();
  std::vector<uint8_t> stripes(32 * 32 * 3);
  for (size_t i = 0; i < stripes.size(); ++i) stripes[i] = i / 6 % 2 * 255;
  std::filesystem::create_directory(folder / "art");
  ASSERT_OK(WriteFileAtomically(folder / "art/Stripes.png",
                                RgbPngBytes(32, 32, stripes)));
  auto spec = Spec(0, 1, 0);
  spec.set_style("art/Stripes.png");
  ASSERT_OK_AND_ASSIGN(const auto family, MakeArtFamily(spec, folder));
  std::vector<float> scaled(3 * 16 * 16);
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] = i % 2;
  const auto task = family->Make(kKey);
  EXPECT_NEAR(LossAt(*task, 0, scaled), 0, 1e-9 * kSumScale);
  EXPECT_GT(LossAt(*task, 0, DrawTexture(0, 16)), 0.01 * kSumScale);

  spec.set_style("art/nothing.png");
  EXPECT_THAT(MakeArtFamily(spec, folder),
              StatusIs(StatusCode::kNotFound, HasSubstr("art/nothing.png")));
}

TEST_F(ArtTest, MissingContentsNameTheFile) {
  auto spec = Spec(1, 1, 1);
  spec.set_content("nothing");
  const auto folder = NewTestFolder();
  EXPECT_THAT(
      MakeArtFamily(spec, folder),
      StatusIs(StatusCode::kNotFound,
               AllOf(HasSubstr((folder / "nothing/data_batch_1.bin").string()),
                     HasSubstr(".png"))));
}

// What all of this is for: 30 steps of plain gradient descent.
TEST_F(ArtTest, DescentLowersTheLoss) {
  const auto task = Make(Spec(1, 1, 25));
  auto theta = Theta0(*task);
  const double before = LossAt(*task, 0, theta);
  for (int t = 0; t < 30; ++t) {
    theta = Moved(theta, -1 / kSumScale, GradientAt(*task, t, theta));
  }
  EXPECT_LT(LossAt(*task, 0, theta), 0.8 * before);
}

}  // namespace
}  // namespace metastep
