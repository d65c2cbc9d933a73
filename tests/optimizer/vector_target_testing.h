// Runs vector kernels on an instruction set of the test's choice.
#ifndef METASTEP_TESTS_OPTIMIZER_VECTOR_TARGET_TESTING_H_
#define METASTEP_TESTS_OPTIMIZER_VECTOR_TARGET_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "optimizer/vector_targets.h"  // before Highway
// After it:
#include "hwy/targets.h"

namespace metastep {

// While it lives, kernels are dispatched to `target`. Not thread-safe.
class ScopedVectorTarget {
 public:
  explicit ScopedVectorTarget(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
  }
  ~ScopedVectorTarget() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ScopedVectorTarget(const ScopedVectorTarget&) = delete;
  ScopedVectorTarget& operator=(const ScopedVectorTarget&) = delete;
};

// A test for each instruction set that this CPU has and the kernels are
// compiled for.
class VectorTargetTest : public testing::TestWithParam<int64_t> {
 private:
  const ScopedVectorTarget target_{GetParam()};
};

inline std::string VectorTargetName(
    const testing::TestParamInfo<int64_t>& info) {
  return hwy::TargetName(info.param);
}

#define METASTEP_INSTANTIATE_FOR_VECTOR_TARGETS(suite)                 \
  INSTANTIATE_TEST_SUITE_P(                                            \
      , suite, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
      VectorTargetName)

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZER_VECTOR_TARGET_TESTING_H_
