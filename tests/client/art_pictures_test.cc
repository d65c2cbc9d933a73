#include "client/art_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "rpc/float_bytes.h"
#include "tests/client/fake_evaluator.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

v1::TaskSpec Art(int size) {
  v1::TaskSpec task;
  task.mutable_art()->set_size(size);
  return task;
}

v1::LossCurve CurveOf(const std::string& label,
                      const std::vector<float>& theta) {
  v1::LossCurve curve;
  curve.set_label(label);
  curve.set_final_theta(FloatsToBytes(theta));
  return curve;
}

// 3 * 147^2 is 64,827; 3 * 148^2 is 65,712.
TEST(ArtPicturesTest, TasksOfArtAreKeptUpToASize) {
  EXPECT_OK(CheckKeepsPictures(Art(147)));
  EXPECT_THAT(CheckKeepsPictures(Art(148)),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("side 148 has 65712 coordinates")));
  v1::TaskSpec mlp;
  mlp.mutable_mlp();
  EXPECT_THAT(CheckKeepsPictures(mlp),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("mlp")));
}

TEST(ArtPicturesTest, AThetaIsAPicture) {
  std::vector<float> theta(3 * 16 * 16);
  theta[5] = 0.25f;
  ASSERT_OK_AND_ASSIGN(const Picture picture,
                       PictureOf(CurveOf("adam", theta), Art(16)));
  EXPECT_EQ(picture.label, "adam");
  EXPECT_EQ(picture.side, 16);
  EXPECT_EQ(picture.pixels, theta);
  theta.pop_back();
  EXPECT_THAT(PictureOf(CurveOf("adam", theta), Art(16)),
              StatusIs(StatusCode::kInternal, HasSubstr("3068 bytes")));
}

ComparedRule Rule(const std::string& name, std::optional<double> rate,
                  double final_loss) {
  v1::LossCurve curve;
  curve.add_final_losses(final_loss);
  return {name, {rate, curve}, {rate, curve}};
}

// Adam is the best of those by hand, though not of all; SGD diverged.
TEST(ArtPicturesTest, ShowsTheStartTheBestBaselineAndTheModels) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry&) {
    return FakeEvaluator::Losses{1, 1};
  });
  evaluator.theta = std::string(3 * 16 * 16 * sizeof(float), 0);
  v1::ModelInfo model;
  model.set_name("m");
  model.set_version(7);
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Picture> pictures,
      BeforeAndAfter(evaluator, Art(16), {model},
                     {Rule("learned", std::nullopt, 1), Rule("adam", 0.05, 2),
                      Rule("sgd", 0.1, std::nan("")), Rule("nag", 0.1, 3)},
                     /*steps=*/9));
  std::vector<std::string> labels;
  for (const Picture& picture : pictures) labels.push_back(picture.label);
  EXPECT_THAT(labels,
              ElementsAre("at the start", "adam, rate 0.05", "learned"));

  ASSERT_EQ(evaluator.asked.size(), 1u);
  const v1::EvaluationSpec& asked = evaluator.asked[0];
  EXPECT_TRUE(asked.keep_theta());
  EXPECT_EQ(asked.tasks_from(), v1::EvaluationSpec::TEST);
  EXPECT_EQ(asked.tasks(), 1);
  EXPECT_EQ(asked.steps(), 9);
  EXPECT_EQ(asked.entries(0).hand_designed().sgd().learning_rate(), 0);
  EXPECT_EQ(asked.entries(1).hand_designed().adam().learning_rate(), 0.05);
  EXPECT_EQ(asked.entries(2).model().version(), 7);
}

TEST(ArtPicturesTest, NoBaselineIsShownIfAllDiverged) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry&) {
    return FakeEvaluator::Losses{1, 1};
  });
  evaluator.theta = std::string(3 * 16 * 16 * sizeof(float), 0);
  ASSERT_OK_AND_ASSIGN(
      const std::vector<Picture> pictures,
      BeforeAndAfter(evaluator, Art(16), {}, {Rule("sgd", 0.1, HUGE_VAL)}, 1));
  EXPECT_EQ(pictures.size(), 1u);
}

}  // namespace
}  // namespace metastep
