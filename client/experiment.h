// Experiments, as specs/reproduce/ describes them.
#ifndef METASTEP_CLIENT_EXPERIMENT_H_
#define METASTEP_CLIENT_EXPERIMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "metastep/v1/experiment.pb.h"

namespace metastep {

// Reads the experiment in a text file, checks it against experiment.proto and
// writes out its defaults, those of tasks too. Errors: InvalidArgument, with
// the path, the part and what is wrong.
absl::StatusOr<v1::Experiment> LoadExperiment(const std::string& path);

}  // namespace metastep

#endif  // METASTEP_CLIENT_EXPERIMENT_H_
