#include "worker/phi_cache.h"

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizer/run_spec.h"
#include "rpc/float_bytes.h"

namespace metastep {
namespace {

absl::StatusOr<std::shared_ptr<const Phi>> Decode(
    const v1::FetchPhiResponse& response) {
  if (response.phi().size() % sizeof(float) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the server sent a phi of ", response.phi().size(),
                     " bytes; not a multiple of 4"));
  }
  auto phi = std::make_shared<Phi>();
  phi->values = FloatsFromBytes(response.phi());
  phi->rules = response.rules();
  for (v1::GroupRuleSpec& group : phi->rules) {
    METASTEP_ASSIGN_OR_RETURN(*group.mutable_rule(),
                              ResolveLearnedRule(group.rule()));
  }
  return phi;
}

}  // namespace

PhiCache::PhiCache(int64_t max_bytes, Fetch fetch)
    : fetch_(std::move(fetch)),
      phis_(std::numeric_limits<size_t>::max(), max_bytes) {}

absl::StatusOr<std::shared_ptr<const Phi>> PhiCache::Get(
    const v1::FetchPhiRequest& source) {
  std::string key = source.SerializeAsString();
  {
    MutexLock lock(mu_);
    if (const auto* phi = phis_.Find(key)) return *phi;
  }
  // Unlocked: another slot may fetch the same phi meanwhile, which is harmless.
  METASTEP_ASSIGN_OR_RETURN(const v1::FetchPhiResponse answer, fetch_(source));
  return Keep(std::move(key), answer);
}

absl::Status PhiCache::Put(const v1::FetchPhiRequest& source,
                           const v1::FetchPhiResponse& answer) {
  return Keep(source.SerializeAsString(), answer).status();
}

absl::StatusOr<std::shared_ptr<const Phi>> PhiCache::Keep(
    std::string key, const v1::FetchPhiResponse& answer) {
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<const Phi> phi, Decode(answer));
  MutexLock lock(mu_);
  phis_.Put(std::move(key), phi, answer.phi().size());
  return phi;
}

}  // namespace metastep
