// What `local`, `train` and `watch` print of a run that has ended.
#ifndef METASTEP_CLIENT_RUN_REPORT_H_
#define METASTEP_CLIENT_RUN_REPORT_H_

#include <string>

#include "metastep/v1/run_service.pb.h"

namespace metastep {

// Training: the model and the SHA-256 of its phi, and a search's trials.
// Evaluation: a table.
std::string FormatRunResult(const v1::Run& run);

// One line for each trial of a search; empty for any other run.
std::string FormatTrials(const v1::Run& run);

// {"run_id", "state", "rounds"}; with a model "model", "sha256" and
// "validation"; of an evaluation "rules": {LABEL: {"sum", "final", "curve"}};
// of a search "trials": [{"run_id", "learning_rate", "state", "rounds"}], each
// with "validation", its best, and "error" where there is one.
std::string RunResultJson(const v1::Run& run);

}  // namespace metastep

#endif  // METASTEP_CLIENT_RUN_REPORT_H_
