#include "optimizer/curriculum.h"

#include <algorithm>
#include <utility>

namespace metastep {

Curriculum::Curriculum(const v1::TrainingSpec& training) {
  std::vector<v1::StageSpec> specs(training.stages().begin(),
                                   training.stages().end());
  if (specs.empty()) {
    v1::StageSpec& only = specs.emplace_back();
    only.set_rounds(training.rounds());
    only.set_horizon(training.unroll().horizon());
    only.set_window(training.unroll().window());
  }
  if (training.unroll().second_derivatives()) {
    for (v1::StageSpec& spec : specs) spec.set_second_derivatives(true);
  }
  int64_t round = 0;
  int64_t unroll = 0;
  for (v1::StageSpec& spec : specs) {
    const int windows = spec.horizon() / spec.window();
    const int64_t rounds = spec.rounds();
    stages_.push_back({std::move(spec), windows, round, unroll});
    round += rounds;
    unroll += (rounds + windows - 1) / windows;
  }
}

RoundPlace Curriculum::PlaceOf(int64_t round) const {
  const auto after = std::upper_bound(
      stages_.begin(), stages_.end(), round,
      [](int64_t r, const Stage& stage) { return r < stage.first_round; });
  const Stage& stage = *std::prev(after);
  const int64_t passed = round - stage.first_round;
  return {.unroll = stage.first_unroll + passed / stage.windows,
          .window = static_cast<int>(passed % stage.windows)};
}

const Curriculum::Stage& Curriculum::FindUnroll(int64_t unroll) const {
  const auto after = std::upper_bound(
      stages_.begin(), stages_.end(), unroll,
      [](int64_t u, const Stage& stage) { return u < stage.first_unroll; });
  return *std::prev(after);
}

const v1::StageSpec& Curriculum::StageOf(int64_t unroll) const {
  return FindUnroll(unroll).spec;
}

int Curriculum::WindowsOf(int64_t unroll) const {
  return FindUnroll(unroll).windows;
}

}  // namespace metastep
