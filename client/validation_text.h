// Validations in a line of text.
#ifndef METASTEP_CLIENT_VALIDATION_TEXT_H_
#define METASTEP_CLIENT_VALIDATION_TEXT_H_

#include <string>

#include "metastep/v1/model.pb.h"
#include "metastep/v1/run_service.pb.h"

namespace metastep {

// What the run judges the score by: "0.38", the final loss, or "sum 38.1".
std::string ValidationText(const v1::Run& run,
                           const v1::ValidationScore& score);

}  // namespace metastep

#endif  // METASTEP_CLIENT_VALIDATION_TEXT_H_
