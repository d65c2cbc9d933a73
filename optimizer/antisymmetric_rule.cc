#include "optimizer/antisymmetric_rule.h"

#include <algorithm>
#include <vector>

namespace metastep {
namespace {

using Rows = absl::Span<const absl::Span<const float>>;

// Coordinates that are mirrored at a time, which bounds the memory for it.
constexpr int64_t kChunk = 256 * UpdateRule::kBlock;

// Of n coordinates and their images: whole blocks, the last filled with zeros.
constexpr int64_t MirroredSize(int64_t n) {
  return UpdateRule::BlockedFloats(/*variables=*/2, n);
}

// Where coordinate i is in the mirrored ones; its image is a block further.
constexpr int64_t MirroredIndex(int64_t i) {
  return i + i / UpdateRule::kBlock * UpdateRule::kBlock;
}

// scale * values and, block by block, -scale * values.
std::vector<float> Mirrored(absl::Span<const float> values, float scale) {
  const auto n = static_cast<int64_t>(values.size());
  std::vector<float> mirrored(MirroredSize(n));
  for (int64_t i = 0; i < n; ++i) {
    mirrored[MirroredIndex(i)] = scale * values[i];
    mirrored[MirroredIndex(i) + UpdateRule::kBlock] = -scale * values[i];
  }
  return mirrored;
}

// scale * (value - its image's)
void Fold(absl::Span<const float> mirrored, float scale,
          absl::Span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const float* value = &mirrored[MirroredIndex(static_cast<int64_t>(i))];
    values[i] = scale * (value[0] - value[UpdateRule::kBlock]);
  }
}

// Rows of mirrored coordinates, and how the rule takes them.
struct MirroredRows {
  MirroredRows(Rows values, int64_t begin, int64_t size, float scale) {
    for (const absl::Span<const float> row : values) {
      rows.push_back(Mirrored(row.subspan(begin, size), scale));
    }
    spans.assign(rows.begin(), rows.end());
  }

  std::vector<std::vector<float>> rows;
  std::vector<absl::Span<const float>> spans;
};

// Calls visit(first coordinate, their number) for chunk after chunk.
template <typename Visit>
void ForEachChunk(int64_t n, const Visit& visit) {
  for (int64_t i = 0; i < n; i += kChunk) visit(i, std::min(kChunk, n - i));
}

}  // namespace

int64_t AntisymmetricRule::StateFloats(int64_t n) const {
  return rule_->StateFloats(MirroredSize(n));
}

void AntisymmetricRule::Step(int64_t step, absl::Span<const float> gradient,
                             absl::Span<float> state,
                             absl::Span<float> update) const {
  const auto n = static_cast<int64_t>(gradient.size());
  ForEachChunk(n, [&](int64_t begin, int64_t size) {
    std::vector<float> mirrored(MirroredSize(size));
    rule_->Step(step, Mirrored(gradient.subspan(begin, size), /*scale=*/1),
                state.subspan(StateFloats(begin), StateFloats(size)),
                absl::MakeSpan(mirrored));
    Fold(mirrored, /*scale=*/0.5, update.subspan(begin, size));
  });
}

void AntisymmetricRule::StepBackward(int64_t step,
                                     absl::Span<const float> gradient,
                                     absl::Span<const float> state,
                                     const StepAdjoint& adjoint) const {
  const auto n = static_cast<int64_t>(gradient.size());
  ForEachChunk(n, [&](int64_t begin, int64_t size) {
    const int64_t states = StateFloats(begin);
    const int64_t chunk_states = StateFloats(size);
    const bool wanted = !adjoint.gradient.empty();
    std::vector<float> of_gradient(wanted ? MirroredSize(size) : 0);
    rule_->StepBackward(
        step, Mirrored(gradient.subspan(begin, size), /*scale=*/1),
        state.subspan(states, chunk_states),
        {.update = Mirrored(adjoint.update.subspan(begin, size), 0.5f),
         .state = adjoint.state.subspan(states, chunk_states),
         .gradient = absl::MakeSpan(of_gradient),
         .phi = adjoint.phi});
    if (!wanted) return;
    Fold(of_gradient, /*scale=*/1, adjoint.gradient.subspan(begin, size));
  });
}

// With half the weights a mirrored gradient stands for dL/du of m's update and
// of its image's, too: the image's is (-1/2) * g = (1/2) * (-g).
void AntisymmetricRule::WindowBackward(const Window& window,
                                       absl::Span<double> phi_adjoint) const {
  const auto n = static_cast<int64_t>(window.gradients.front().size());
  std::vector<float> weights;
  for (const float weight : window.weights) weights.push_back(weight / 2);
  ForEachChunk(n, [&](int64_t begin, int64_t size) {
    const MirroredRows gradients(window.gradients, begin, size, /*scale=*/1);
    const MirroredRows own(window.update_adjoints, begin, size, /*scale=*/0.5);
    rule_->WindowBackward(
        {.gradients = gradients.spans,
         .weights = weights,
         .state = window.state.subspan(StateFloats(begin), StateFloats(size)),
         .first_step = window.first_step,
         .update_adjoints = own.spans},
        phi_adjoint);
  });
}

}  // namespace metastep
