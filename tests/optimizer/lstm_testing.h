// Architectures, meta-parameters and numbers for tests of the LSTM.
#ifndef METASTEP_TESTS_OPTIMIZER_LSTM_TESTING_H_
#define METASTEP_TESTS_OPTIMIZER_LSTM_TESTING_H_

#include <optional>
#include <vector>

#include "base/rng.h"
#include "optimizer/lstm_architecture.h"

namespace metastep {

struct ArchitectureOptions {
  std::vector<int> hidden = {20, 20};
  std::optional<double> log_and_sign_p = 10.0;
  double output_scale = 0.1;
};

inline LstmArchitecture TestArchitecture(const ArchitectureOptions& options) {
  v1::LstmSpec spec;
  spec.mutable_hidden()->Add(options.hidden.begin(), options.hidden.end());
  if (options.log_and_sign_p.has_value()) {
    spec.mutable_preprocessing()->mutable_log_and_sign()->set_p(
        *options.log_and_sign_p);
  } else {
    spec.mutable_preprocessing()->mutable_identity();
  }
  spec.set_output_scale(options.output_scale);
  spec.set_forget_bias(1);
  return MakeLstmArchitecture(spec);
}

// phi as a run would draw it, but with an output bias that is not 0.
inline std::vector<float> TestPhi(const LstmArchitecture& architecture) {
  Rng rng(RngKey{.seed = 7});
  std::vector<float> phi =
      InitialLstmPhi(architecture, v1::LstmSpec::TRUNCATED_NORMAL, rng);
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

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZER_LSTM_TESTING_H_
