// What a spec's alternatives are called, for people and keys of JSON.
#ifndef METASTEP_CLIENT_SPEC_KIND_H_
#define METASTEP_CLIENT_SPEC_KIND_H_

#include <string>

#include "metastep/v1/model.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// "quadratic". REQUIRES: a resolved spec.
std::string TaskKind(const v1::TaskSpec& task);

// "lstm": the cell of the model's first rule; "learned" if it has none.
std::string RuleKind(const v1::ModelInfo& model);
// "adam".
std::string RuleKind(const v1::HandDesignedSpec& rule);

}  // namespace metastep

#endif  // METASTEP_CLIENT_SPEC_KIND_H_
