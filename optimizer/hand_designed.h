// Hand-designed update rules: SGD, momentum, NAG, RMSprop and Adam, by the
// formulas written at HandDesignedSpec in spec.proto.
#ifndef METASTEP_OPTIMIZER_HAND_DESIGNED_H_
#define METASTEP_OPTIMIZER_HAND_DESIGNED_H_

#include <memory>

#include "metastep/v1/spec.pb.h"
#include "optimizer/update_rule.h"

namespace metastep {

// The rule of a resolved spec (run_spec.h): every field is taken as written.
std::unique_ptr<const UpdateRule> HandDesignedRule(
    const v1::HandDesignedSpec& spec);

// Sets the learning rate of the rule that is set. REQUIRES: one is.
void SetLearningRate(double learning_rate, v1::HandDesignedSpec& spec);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_HAND_DESIGNED_H_
