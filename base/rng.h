// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). There is no global generator: every
// draw is a function of a key, so that any worker can repeat it.
#ifndef METASTEP_BASE_RNG_H_
#define METASTEP_BASE_RNG_H_

#include <array>
#include <cstdint>

namespace metastep {

// What a key's numbers are for. The values are part of what makes a run
// reproducible; do not change them.
enum class RngStream : uint32_t {
  kPhi = 0,         // initial meta-parameters
  kTraining = 1,    // tasks of lanes
  kValidation = 2,  // tasks that choose phi
  kTuning = 3,      // tasks that choose learning rates
  kTest = 4,        // tasks that no choice has seen
  kDataset = 5,     // synthetic data sets
  kScaling = 6,     // factors on the coordinates of training tasks
  kSearch = 7,      // learning rates of a search's trials
};

// Names one sequence of numbers.
struct RngKey {
  uint64_t seed = 0;
  RngStream stream = RngStream::kPhi;
  uint32_t lane = 0;    // or the task's index
  uint64_t unroll = 0;  // or the rule's index
  uint64_t step = 0;    // 0 is the initial draw; step t of an unroll is t + 1
};

// Draws the numbers of one key in order. Not thread-safe.
class Rng {
 public:
  explicit Rng(const RngKey& key);

  uint32_t Bits();
  // Uniform over [0, n), without bias. REQUIRES: n > 0.
  uint32_t Below(uint32_t n);
  // Uniform over [0, 1), a multiple of 2^-24.
  float Uniform();
  // N(0, 1), by Box and Muller's transform.
  float Normal();
  // N(0, 1) conditioned on |x| <= 2, by rejection.
  float TruncatedNormal();

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_;
  int used_ = 4;     // words of block_ that are spent
  float spare_ = 0;  // second number of the last transform
  bool has_spare_ = false;
};

// One Philox4x32-10 block; exposed for its published test vectors.
std::array<uint32_t, 4> PhiloxBlock(std::array<uint32_t, 4> counter,
                                    std::array<uint32_t, 2> key);

}  // namespace metastep

#endif  // METASTEP_BASE_RNG_H_
