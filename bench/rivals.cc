#include "bench/rivals.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace metastep {

absl::Status AddPython(const BenchOptions& options,
                       const std::filesystem::path& script,
                       const PeerProblem& problem, Report& report,
                       Rivals& rivals) {
  absl::StatusOr<Contender> contender =
      PythonContender(options.python, script, problem);
  if (absl::IsNotFound(contender.status())) {
    report.Note(
        absl::StrCat(script.string(), ": ", contender.status().message()));
    return absl::OkStatus();
  }
  METASTEP_RETURN_IF_ERROR(contender.status());
  rivals.contenders.push_back(*std::move(contender));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Samples>> Compete(const Contender& ours,
                                             absl::Span<const Contender> beside,
                                             absl::Span<const Rivals> rivals,
                                             int repetitions, Report& report) {
  std::vector<Contender> all = {ours};
  all.insert(all.end(), beside.begin(), beside.end());
  for (const Rivals& group : rivals) {
    all.insert(all.end(), group.contenders.begin(), group.contenders.end());
  }
  METASTEP_ASSIGN_OR_RETURN(std::vector<Samples> samples,
                            Interleave(all, repetitions));
  report.Add(samples);
  absl::Span<const Samples> rest = samples;
  rest.remove_prefix(1 + beside.size());
  for (const Rivals& group : rivals) {
    const auto theirs = rest.first(group.contenders.size());
    rest.remove_prefix(theirs.size());
    if (theirs.empty()) continue;
    report.SetKey(group.key, Ratio(samples[0], Fastest(theirs)));
  }
  samples.resize(1 + beside.size());
  return samples;
}

}  // namespace metastep
