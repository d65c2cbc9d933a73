// Run specs from files, with the overrides of the command line.
#ifndef METASTEP_CLIENT_SPEC_FILE_H_
#define METASTEP_CLIENT_SPEC_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Reads the run spec at `path`, applies overrides ("training.rounds=100") in
// order, checks it and writes out every default. Errors: InvalidArgument, as
// "path:line:column: message" where the text is at fault.
absl::StatusOr<v1::RunSpec> LoadRunSpec(
    const std::string& path, const std::vector<std::string>& overrides);

// The spec in protobuf text format.
std::string FormatRunSpec(const v1::RunSpec& spec);

}  // namespace metastep

#endif  // METASTEP_CLIENT_SPEC_FILE_H_
