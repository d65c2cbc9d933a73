#include "optimizee/synthetic_pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "absl/types/span.h"
#include "base/rng.h"
#include "optimizee/cifar.h"

namespace metastep {
namespace {

constexpr int kSide = kCifarSide;
constexpr int kPlane = kSide * kSide;
constexpr float kPi = std::numbers::pi_v<float>;
constexpr float kNoise = .1f;  // standard deviation, of full brightness

using Color = std::array<float, kCifarChannels>;

// How the stripes of one picture lie: waves across the plane.
struct Stripes {
  // In one of five directions.
  Stripes(uint32_t direction, bool narrow, Rng& rng)
      : angle((static_cast<float>(direction) + .3f * rng.Normal()) * kPi / 5),
        waves((narrow ? 5.f : 2.5f) * (1 + .15f * rng.Normal())),
        phase(2 * kPi * rng.Uniform()) {}

  // In [0, 1].
  float At(int row, int column) const {
    const float along = (static_cast<float>(column) * std::cos(angle) +
                         static_cast<float>(row) * std::sin(angle)) /
                        kSide;
    return .5f + .5f * std::sin(2 * kPi * waves * along + phase);
  }

  float angle;  // radians
  float waves;  // in the picture's width
  float phase;  // radians
};

Color DrawColor(Rng& rng) {
  return {rng.Uniform(), rng.Uniform(), rng.Uniform()};
}

// Draws a picture into `pixels` [3, kSide, kSide].
void DrawPicture(uint32_t label, Rng& rng, absl::Span<uint8_t> pixels) {
  const uint32_t direction = label / 2;
  const Stripes stripes(direction, /*narrow=*/label % 2 == 1, rng);
  const Color light = DrawColor(rng);
  const Color dark = DrawColor(rng);
  for (int i = 0; i < kPlane; ++i) {
    const float share = stripes.At(i / kSide, i % kSide);
    for (size_t c = 0; c < light.size(); ++c) {
      const float value = share * light[c] + (1 - share) * dark[c];
      pixels[c * kPlane + i] = static_cast<uint8_t>(
          255 * std::clamp(value + kNoise * rng.Normal(), 0.f, 1.f));
    }
  }
}

}  // namespace

ImageDataset MakeSyntheticPictures(uint64_t seed, int32_t images) {
  constexpr size_t kPixels = kCifarChannels * kPlane;
  const auto count = static_cast<size_t>(images);
  ImageDataset dataset{.images = images,
                       .rows = kSide,
                       .columns = kSide,
                       .pixels = std::vector<uint8_t>(count * kPixels),
                       .labels = std::vector<uint8_t>(count)};
  for (size_t i = 0; i < count; ++i) {
    // Beside the synthetic digits' splits, 0 and 1.
    Rng rng(
        {.seed = seed, .stream = RngStream::kDataset, .lane = 2, .unroll = i});
    const uint32_t label = rng.Below(kImageClasses);
    dataset.labels[i] = static_cast<uint8_t>(label);
    DrawPicture(label, rng,
                absl::MakeSpan(dataset.pixels).subspan(i * kPixels, kPixels));
  }
  return dataset;
}

}  // namespace metastep
