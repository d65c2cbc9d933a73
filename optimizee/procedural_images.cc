#include "optimizee/procedural_images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace metastep {
namespace {

constexpr int kChannels = 3;
using Color = std::array<float, kChannels>;

float Between(Rng& rng, float low, float high) {
  return low + (high - low) * rng.Uniform();
}

Color DrawColor(Rng& rng) {
  Color color;
  for (float& x : color) x = rng.Uniform();
  return color;
}

Color Mix(const Color& a, const Color& b, float share_of_b) {
  Color mixed;
  for (int i = 0; i < kChannels; ++i)
    mixed[i] = a[i] + share_of_b * (b[i] - a[i]);
  return mixed;
}

// An image of color_at(x, y), with x and y the centers of pixels, in pixels.
template <typename ColorAt>
std::vector<float> Paint(int64_t side, const ColorAt& color_at) {
  const auto plane = static_cast<size_t>(side * side);
  std::vector<float> image(kChannels * plane);
  for (size_t i = 0; i < plane; ++i) {
    const auto row = static_cast<int64_t>(i) / side;
    const auto column = static_cast<int64_t>(i) % side;
    const Color color = color_at(static_cast<float>(column) + .5f,
                                 static_cast<float>(row) + .5f);
    for (size_t channel = 0; channel < kChannels; ++channel) {
      image[channel * plane + i] = std::clamp(color[channel], 0.f, 1.f);
    }
  }
  return image;
}

// In units of the image's side.
struct Disc {
  float x;
  float y;
  float radius;
  Color color;
};

struct Wave {
  float kx;  // radians a pixel
  float ky;
  float phase;
  Color amplitude;
};

}  // namespace

std::vector<float> DrawScene(const RngKey& key, int64_t side) {
  constexpr int kDiscs = 5;
  constexpr float kEdge = .02f;  // over which a disc fades out
  Rng rng(key);
  const Color top = DrawColor(rng);
  const Color bottom = DrawColor(rng);
  std::array<Disc, kDiscs> discs;
  for (Disc& disc : discs) {
    disc.x = rng.Uniform();
    disc.y = rng.Uniform();
    disc.radius = Between(rng, .08f, .3f);
    disc.color = DrawColor(rng);
  }
  const float unit = 1 / static_cast<float>(side);
  return Paint(side, [&](float x, float y) {
    Color color = Mix(top, bottom, y * unit);
    for (const Disc& disc : discs) {
      const float distance = std::hypot(x * unit - disc.x, y * unit - disc.y);
      const float inside = (disc.radius - distance) / kEdge + .5f;
      color = Mix(color, disc.color, std::clamp(inside, 0.f, 1.f));
    }
    return color;
  });
}

std::vector<float> DrawTexture(uint32_t index, int64_t side) {
  constexpr int kWaves = 4;
  constexpr float kTwoPi = 6.2831853f;
  Rng rng({.stream = RngStream::kDataset, .lane = index});
  const Color ground = DrawColor(rng);
  std::array<Wave, kWaves> waves;
  for (Wave& wave : waves) {
    const float frequency = kTwoPi / Between(rng, 4, 16);
    const float angle = Between(rng, 0, kTwoPi);
    wave.kx = frequency * std::cos(angle);
    wave.ky = frequency * std::sin(angle);
    wave.phase = Between(rng, 0, kTwoPi);
    for (float& x : wave.amplitude) x = Between(rng, -.25f, .25f);
  }
  return Paint(side, [&](float x, float y) {
    Color color = ground;
    for (const Wave& wave : waves) {
      const float height = std::sin(wave.kx * x + wave.ky * y + wave.phase);
      for (int i = 0; i < kChannels; ++i)
        color[i] += height * wave.amplitude[i];
    }
    return color;
  });
}

}  // namespace metastep
