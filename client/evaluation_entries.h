// What an evaluation measures, entry by entry.
#ifndef METASTEP_CLIENT_EVALUATION_ENTRIES_H_
#define METASTEP_CLIENT_EVALUATION_ENTRIES_H_

#include <string>

#include "metastep/v1/model.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Exactly this version.
void AddEntry(const std::string& label, const v1::ModelInfo& model,
              v1::EvaluationSpec& what);

void AddEntry(const std::string& label, v1::HandDesignedSpec rule,
              v1::EvaluationSpec& what);

}  // namespace metastep

#endif  // METASTEP_CLIENT_EVALUATION_ENTRIES_H_
