// Where a round of a meta-training stands in its stages. Server and workers
// derive this from the spec alone, so nothing of it is stored or sent.
#ifndef METASTEP_OPTIMIZER_CURRICULUM_H_
#define METASTEP_OPTIMIZER_CURRICULUM_H_

#include <cstdint>
#include <vector>

#include "metastep/v1/spec.pb.h"

namespace metastep {

// What every lane computes in a round.
struct RoundPlace {
  int64_t unroll;  // counted over the whole run
  int window;      // of the unroll, from 0
};

// The stages of a training, laid end to end. A stage begins with fresh unrolls,
// and its last ones are cut short where its rounds are not a multiple of their
// windows; so an unroll belongs to one stage, and its number says to which.
// Immutable; thread-safe.
class Curriculum {
 public:
  // REQUIRES: `training` is resolved.
  explicit Curriculum(const v1::TrainingSpec& training);

  // Rounds count from 0; the last stage goes on for ever.
  RoundPlace PlaceOf(int64_t round) const;

  // The stage of an unroll (from 0), with its horizon, its window and whether
  // it takes second derivatives.
  const v1::StageSpec& StageOf(int64_t unroll) const;

  // Windows of an unroll that is not cut short.
  int WindowsOf(int64_t unroll) const;

 private:
  struct Stage {
    v1::StageSpec spec;
    int windows;
    int64_t first_round;
    int64_t first_unroll;
  };

  const Stage& FindUnroll(int64_t unroll) const;

  std::vector<Stage> stages_;  // at least one
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_CURRICULUM_H_
