// An inner step allocates nothing: neither the loop, the rule nor the tape.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learner/learner.h"
#include "optimizee/closed_form.h"
#include "optimizer/rule_factory.h"
#include "tests/learner/specs.h"

namespace {

std::atomic<int64_t> allocations = 0;

}  // namespace

// Not inlined: GCC would see memory of its own operator new that goes to free.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t line) {
  ++allocations;
  const auto alignment = static_cast<std::size_t>(line);
  void* const memory = std::aligned_alloc(
      alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory,
                                       std::size_t /*size*/) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory,
                                       std::align_val_t /*line*/) noexcept {
  std::free(memory);
}

namespace metastep {
namespace {

// Those of the second window of K steps.
int64_t AllocationsOfWindow(int window, bool exact) {
  const auto spec = ResolvedTraining(absl::StrCat(
      "rules { name: 'lstm' rule { lstm { preset: PAPER } } } "
      "unroll { window: ",
      window, " horizon: ", 2 * window,
      " second_derivatives: ", exact ? "true" : "false",
      " } stages { rounds: 1 imitation { rule { sgd { learning_rate: 1 } } } }",
      " random_scaling: 1"));
  const auto learner = MakeTruncatedBptt(
      spec, MakeClosedFormFamily(
                ResolvedTask("quadratic { distribution: GAUSSIAN dimensions: 4 "
                             "problems: 3 }")));
  const std::vector<float> phi = InitialPhi(spec.rules(), /*seed=*/1);
  const auto lane = learner->Start(TrainingKey()).value();
  EXPECT_TRUE(learner->RunWindow(phi, *lane).ok());
  const int64_t before = allocations;
  EXPECT_TRUE(learner->RunWindow(phi, *lane).ok());
  return allocations - before;
}

TEST(LearnerAllocationTest, WindowsAllocateNoMoreForMoreSteps) {
  for (const bool exact : {false, true}) {
    SCOPED_TRACE(exact);
    const int64_t of_few = AllocationsOfWindow(4, exact);
    EXPECT_GT(of_few, 0);  // the tape and the outcome
    EXPECT_EQ(AllocationsOfWindow(40, exact), of_few);
  }
}

}  // namespace
}  // namespace metastep
