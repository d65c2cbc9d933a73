// Ours against its peers: who takes part, and the keys that come of it.
#ifndef METASTEP_BENCH_RIVALS_H_
#define METASTEP_BENCH_RIVALS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bench/bench_main.h"
#include "bench/harness.h"
#include "bench/python_peer.h"
#include "bench/report.h"

namespace metastep {

// Peers that one key of the RESULT line compares with: our rate over that of
// the fastest. Without any, the key is left out.
struct Rivals {
  std::string key;
  std::vector<Contender> contenders;
};

// Adds a script to the rivals; if its libraries are not installed, a note to
// the report. Errors: Internal, as PythonContender.
absl::Status AddPython(const BenchOptions& options,
                       const std::filesystem::path& script,
                       const PeerProblem& problem, Report& report,
                       Rivals& rivals);

// Measures ours, `beside` it (limits, other work of ours) and all rivals in one
// interleaved run, and reports them. Returns the samples of ours, then of
// `beside`. Errors: those of the contenders.
absl::StatusOr<std::vector<Samples>> Compete(const Contender& ours,
                                             absl::Span<const Contender> beside,
                                             absl::Span<const Rivals> rivals,
                                             int repetitions, Report& report);

}  // namespace metastep

#endif  // METASTEP_BENCH_RIVALS_H_
