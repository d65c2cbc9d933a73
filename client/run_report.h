// What `local`, `train` and `watch` print of a run that has ended.
#ifndef METASTEP_CLIENT_RUN_REPORT_H_
#define METASTEP_CLIENT_RUN_REPORT_H_

#include <string>

#include "metastep/v1/run_service.pb.h"

namespace metastep {

// Training: the model and the SHA-256 of its phi. Evaluation: a table.
std::string FormatRunResult(const v1::Run& run);

// {"run_id", "state", "rounds"}; with a model "model", "sha256" and
// "validation"; of an evaluation "rules": {LABEL: {"sum", "final", "curve"}}.
std::string RunResultJson(const v1::Run& run);

}  // namespace metastep

#endif  // METASTEP_CLIENT_RUN_REPORT_H_
