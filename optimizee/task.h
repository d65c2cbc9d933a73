// Optimizees: the problems whose optimisation is learned.
#ifndef METASTEP_OPTIMIZEE_TASK_H_
#define METASTEP_OPTIMIZEE_TASK_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/rng.h"
#include "optimizer/parameter_layout.h"

namespace metastep {

// One problem, or a batch of independent problems that are stepped together,
// with parameters theta [N]. A function of its key alone. Not thread-safe.
class Task {
 public:
  virtual ~Task() = default;

  virtual const ParameterLayout& layout() const = 0;

  // P, the independent problems in theta; 1 for most tasks. The loss is the
  // mean over them, and the gradient that of their sum: each problem is stepped
  // with its own gradient, as if it were alone. So dloss/dtheta = gradient / P.
  virtual int64_t problems() const { return 1; }

  // Memory that it holds and that grows with its parameters; the data that a
  // family's tasks share is not counted.
  virtual int64_t bytes() const { return 0; }

  // Writes theta_0. REQUIRES: theta.size() == N.
  virtual void InitialTheta(absl::Span<float> theta) const = 0;

  // Evaluates f_t at theta: step t's minibatch is a function of the key and t.
  // Returns the loss (which may be infinite or NaN: a diverged optimisation is
  // a result, not an error) and writes the gradient [N].
  // Errors: Internal, if the numerics library fails.
  virtual absl::StatusOr<double> Evaluate(int64_t t,
                                          absl::Span<const float> theta,
                                          absl::Span<float> gradient) = 0;

  // Writes the product of the Hessian of the sum of the problems' losses f_t at
  // theta with `vector`. All spans are [N]. Errors: as Evaluate.
  virtual absl::Status HessianVectorProduct(int64_t t,
                                            absl::Span<const float> theta,
                                            absl::Span<const float> vector,
                                            absl::Span<float> product) = 0;
};

// A family of tasks with the data that they share. Thread-safe.
class TaskFamily {
 public:
  virtual ~TaskFamily() = default;

  // The task of this key (its `step` is 0). Training keys draw from one half of
  // a data set, all other streams from the other half.
  virtual std::unique_ptr<Task> Make(const RngKey& key) const = 0;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TASK_H_
