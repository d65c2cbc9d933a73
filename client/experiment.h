// Experiments, as specs/reproduce/ describes them.
#ifndef METASTEP_CLIENT_EXPERIMENT_H_
#define METASTEP_CLIENT_EXPERIMENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "metastep/v1/experiment.pb.h"

namespace metastep {

// Reads the experiment in a text file, checks it against experiment.proto and
// writes out its defaults, those of tasks too. Errors: InvalidArgument, with
// the path, the part and what is wrong.
absl::StatusOr<v1::Experiment> LoadExperiment(const std::string& path);

// Keeps the parts of these names, in the experiment's order; without names all
// of them. InvalidArgument: one has no part; the message lists those there are.
absl::Status KeepParts(const std::vector<std::string>& names,
                       v1::Experiment& experiment);

}  // namespace metastep

#endif  // METASTEP_CLIENT_EXPERIMENT_H_
