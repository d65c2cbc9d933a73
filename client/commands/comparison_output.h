// How `compare` and `minimize` find their models and show what came out.
#ifndef METASTEP_CLIENT_COMMANDS_COMPARISON_OUTPUT_H_
#define METASTEP_CLIENT_COMMANDS_COMPARISON_OUTPUT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/commands/flags.h"
#include "client/comparison.h"
#include "client/service_clients.h"

namespace metastep {

// Adds a model. Errors: InvalidArgument, with the flag: its version is there
// already, and a run's entries need labels that differ.
absl::Status AddModel(const std::string& flag, v1::ModelInfo model,
                      std::vector<v1::ModelInfo>& models);

// Looks up --model. Errors: InvalidArgument: a REF is malformed, or two name
// the same version; NotFound.
absl::StatusOr<std::vector<v1::ModelInfo>> FindModels(
    const std::vector<std::string>& refs, ModelClient& models);

// Prints the table or the JSON document, writes the plot and, if wanted, ends
// with the result line of the first model. Errors: InvalidArgument: the plot
// cannot be written.
absl::Status ShowComparison(const std::vector<ComparedRule>& rules,
                            const std::vector<v1::ModelInfo>& models,
                            const v1::RunSpec& spec,
                            const ComparisonFlags& flags, bool json);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMMANDS_COMPARISON_OUTPUT_H_
