// What bench-meta-gradient computes: the first window of an unroll under the
// paper's rule, for our learner and, as files, for its peers.
#ifndef METASTEP_BENCH_WINDOW_PROBLEM_H_
#define METASTEP_BENCH_WINDOW_PROBLEM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/problem_folder.h"
#include "learner/learner.h"

namespace metastep {

inline constexpr int kWindow = 20;  // K

// Hidden units of the paper's network on MNIST, 15,910 coordinates, and of one
// with 1,000,120.
inline constexpr int kPaperHidden = 20;
inline constexpr int kMillionHidden = 1258;

struct WindowProblem {
  std::shared_ptr<const Learner> learner;
  std::shared_ptr<LaneState> start;  // copied where it is used again
  int64_t coordinates;
  // phi, theta and what the task is made of; see bench/peers/window_torch.py.
  std::shared_ptr<const ProblemFolder> folder;
};

// 128 Gaussian quadratics of 10 dimensions; its peers compute `windows` of them
// in a repetition. Errors: Unavailable.
absl::StatusOr<WindowProblem> MakeQuadraticProblem(int windows);

// The network 784-hidden-10 on synthetic digits, minibatches of 128.
// Errors: Unavailable.
absl::StatusOr<WindowProblem> MakeMnistProblem(int hidden, int windows);

// Moves the lane past its window under PaperPhi and returns the meta-gradient.
// Errors: those of Learner::RunWindow.
absl::StatusOr<std::vector<float>> MetaGradient(const WindowProblem& problem,
                                                LaneState& lane);

}  // namespace metastep

#endif  // METASTEP_BENCH_WINDOW_PROBLEM_H_
