// Contenders that are Python programs: the scripts in bench/peers.
//
// A script is started on a folder that holds its problem, writes its result
// there, and then does one repetition whenever its standard input asks for one
// (bench/peers/peer.py is that side). So its repetitions fall between those of
// the other contenders, and its start and its compilation are not timed.
#ifndef METASTEP_BENCH_PYTHON_PEER_H_
#define METASTEP_BENCH_PYTHON_PEER_H_

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "bench/harness.h"

namespace metastep {

// What the scripts of one measurement are given and held to.
struct PeerProblem {
  std::filesystem::path folder;  // what a script needs, and its results
  std::vector<float> expected;   // our result
  double tolerance = 0;          // of RelativeError
  double work = 0;               // units of one repetition
  std::string unit;              // of the rates
};

// |theirs - ours| / |ours|, Euclidean; infinite where the sizes differ.
double RelativeError(absl::Span<const float> theirs,
                     absl::Span<const float> ours);

// Errors: Internal: `result`, the contender's, is further than the tolerance
// from what is expected.
absl::Status CheckResult(absl::string_view contender,
                         absl::Span<const float> result,
                         const PeerProblem& problem);

// A script that has computed its problem; it ends with the last copy of this.
struct PythonPeer {
  std::string name;
  // One measurement. Errors: Internal: the script failed.
  std::function<absl::StatusOr<double>()> measure;
};

// Starts a script. `python` is the interpreter; empty: the first that will do
// of those that --help names. Errors: NotFound: no interpreter has what the
// script needs; Internal: it failed, or computes something else than we do.
absl::StatusOr<PythonPeer> StartPython(const std::string& python,
                                       const std::filesystem::path& script,
                                       const PeerProblem& problem);

// The same as a contender, of a script that measures seconds.
absl::StatusOr<Contender> PythonContender(const std::string& python,
                                          const std::filesystem::path& script,
                                          const PeerProblem& problem);

}  // namespace metastep

#endif  // METASTEP_BENCH_PYTHON_PEER_H_
