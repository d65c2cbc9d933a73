#include "base/rng.h"

#include <cmath>
#include <initializer_list>
#include <numbers>

namespace metastep {
namespace {

// Multipliers and Weyl constants of Philox4x32 (table 2 of the paper).
constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

// Finaliser of SplitMix64: a bijection that mixes all 64 bits.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint64_t Fold(std::initializer_list<uint64_t> words) {
  uint64_t folded = 0;
  for (uint64_t word : words) folded = Mix(folded ^ word);
  return folded;
}

uint32_t High(uint64_t x) { return static_cast<uint32_t>(x >> 32); }
uint32_t Low(uint64_t x) { return static_cast<uint32_t>(x); }

}  // namespace

std::array<uint32_t, 4> PhiloxBlock(std::array<uint32_t, 4> counter,
                                    std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1),
               High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// The key takes what a run's owner chooses, the counter's upper half the place
// in the run; the lower half counts blocks. Distinct places of one seed and
// stream meet only by a collision of a 64-bit hash.
Rng::Rng(const RngKey& key) {
  const uint64_t owner = Fold({key.seed, static_cast<uint64_t>(key.stream)});
  const uint64_t place = Fold({key.lane, key.unroll, key.step});
  key_ = {Low(owner), High(owner)};
  counter_ = {0, 0, Low(place), High(place)};
}

uint32_t Rng::Bits() {
  if (used_ == 4) {
    block_ = PhiloxBlock(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  return block_[used_++];
}

// Lemire's multiply-and-reject method.
uint32_t Rng::Below(uint32_t n) {
  const uint32_t threshold = -n % n;
  while (true) {
    const uint64_t product = uint64_t{Bits()} * n;
    if (Low(product) >= threshold) return High(product);
  }
}

float Rng::Uniform() { return static_cast<float>(Bits() >> 8) * 0x1p-24f; }

float Rng::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  // 1 - u is in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2 * std::log(1 - double{Uniform()}));
  const double angle = 2 * std::numbers::pi * Uniform();
  spare_ = static_cast<float>(radius * std::sin(angle));
  has_spare_ = true;
  return static_cast<float>(radius * std::cos(angle));
}

float Rng::TruncatedNormal() {
  while (true) {
    const float x = Normal();
    if (std::abs(x) <= 2) return x;
  }
}

}  // namespace metastep
