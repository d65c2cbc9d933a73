// Architectures, meta-parameters and numbers for tests of learned rules.
#ifndef METASTEP_TESTS_OPTIMIZER_RECURRENT_TESTING_H_
#define METASTEP_TESTS_OPTIMIZER_RECURRENT_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "optimizer/recurrent_architecture.h"
#include "optimizer/run_spec.h"
#include "optimizer/update_rule.h"

namespace metastep {

inline v1::Preprocessing Identity() {
  v1::Preprocessing spec;
  spec.mutable_identity();
  return spec;
}
inline v1::Preprocessing LogAndSign(double p) {
  v1::Preprocessing spec;
  spec.mutable_log_and_sign()->set_p(p);
  return spec;
}
inline v1::Preprocessing Moments(double beta1 = 0.95, double beta2 = 0.9) {
  v1::Preprocessing spec;
  spec.mutable_moments()->set_beta1(beta1);
  spec.mutable_moments()->set_beta2(beta2);
  return spec;
}

using Cell = v1::LearnedRuleSpec::CellCase;
constexpr Cell kLstm = v1::LearnedRuleSpec::kLstm;
constexpr Cell kGru = v1::LearnedRuleSpec::kGru;
constexpr Cell kLmu = v1::LearnedRuleSpec::kLmu;
inline constexpr Cell kCells[] = {kLstm, kGru, kLmu};

struct ArchitectureOptions {
  Cell cell = kLstm;
  std::vector<int> hidden = {20, 20};
  v1::Preprocessing preprocessing = LogAndSign(10);
  double output_scale = 0.1;
  int memory_order = 16;  // of an LMU
};

inline RecurrentArchitecture TestArchitecture(
    const ArchitectureOptions& options) {
  v1::LearnedRuleSpec spec;
  const auto set = [&options](auto* cell) {
    cell->mutable_hidden()->Add(options.hidden.begin(), options.hidden.end());
    *cell->mutable_preprocessing() = options.preprocessing;
    cell->set_output_scale(options.output_scale);
  };
  if (options.cell == kGru) {
    set(spec.mutable_gru());
  } else if (options.cell == kLmu) {
    set(spec.mutable_lmu());
    spec.mutable_lmu()->set_memory_order(options.memory_order);
    spec.mutable_lmu()->set_memory_length(10);
  } else {
    set(spec.mutable_lstm());
  }
  return MakeRecurrentArchitecture(ResolveLearnedRule(spec).value());
}

// Of a parametrised test.
inline std::string CellName(Cell cell) {
  return v1::LearnedRuleSpec::descriptor()->FindFieldByNumber(cell)->name();
}

// phi as a run would draw it, but with an output bias that is not 0.
inline std::vector<float> TestPhi(const RecurrentArchitecture& architecture) {
  Rng rng(RngKey{.seed = 7});
  std::vector<float> phi = InitialPhi(architecture, rng);
  phi.back() = 0.25f;
  return phi;
}

// Numbers ~ N(0, stddev^2); a different sequence for each `seed`.
inline std::vector<float> Normals(size_t count, uint64_t seed,
                                  float stddev = 1) {
  Rng rng(RngKey{.seed = seed, .stream = RngStream::kTest});
  std::vector<float> numbers(count);
  for (float& number : numbers) number = stddev * rng.Normal();
  return numbers;
}

// State of n coordinates ~ N(0, 1), but for the running mean squares of
// Moments: at least 1, so that nothing that is divided by their roots is large.
inline std::vector<float> TestState(const RecurrentArchitecture& architecture,
                                    int64_t n, uint64_t seed) {
  constexpr int64_t kBlock = UpdateRule::kBlock;
  const auto variables =
      static_cast<int64_t>(architecture.stack.state_variables);
  std::vector<float> state =
      Normals(UpdateRule::BlockedFloats(variables, n), seed);
  if (!architecture.stack.preprocessing.has_moments()) return state;
  for (size_t block = 0; block < state.size(); block += variables * kBlock) {
    for (int64_t lane = 0; lane < kBlock; ++lane) {
      float& v = state[block + kBlock + lane];
      v = 1 + v * v;
    }
  }
  return state;
}

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZER_RECURRENT_TESTING_H_
