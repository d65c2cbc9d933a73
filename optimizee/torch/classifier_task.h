// What the image classifiers share: their data, start and minibatches.
#ifndef METASTEP_OPTIMIZEE_TORCH_CLASSIFIER_TASK_H_
#define METASTEP_OPTIMIZEE_TORCH_CLASSIFIER_TASK_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "base/rng.h"
#include "optimizee/task.h"
#include "optimizee/torch/minibatches.h"

namespace metastep {

// What all tasks of a family share. Immutable.
template <typename Spec>
struct Classifier {
  Spec spec;
  ParameterLayout layout;
  Minibatches images;
};

// theta_0 ~ N(0, spec.initial_stddev^2), and a minibatch of spec.batch_size at
// every step.
template <typename Spec>
class ClassifierTask : public Task {
 public:
  ClassifierTask(std::shared_ptr<const Classifier<Spec>> shared,
                 const RngKey& key)
      : shared_(std::move(shared)), key_(key) {}

  const ParameterLayout& layout() const final { return shared_->layout; }

  void InitialTheta(absl::Span<float> theta) const final {
    Rng rng(key_);
    const auto stddev = static_cast<float>(spec().initial_stddev());
    for (float& x : theta) x = stddev * rng.Normal();
  }

 protected:
  const Spec& spec() const { return shared_->spec; }

  Minibatch Draw(int64_t t) const {
    return shared_->images.Draw(key_, t, spec().batch_size());
  }

 private:
  const std::shared_ptr<const Classifier<Spec>> shared_;
  const RngKey key_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_CLASSIFIER_TASK_H_
