#include "bench/machine.h"

#include <sched.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizer/vector_targets.h"  // before Highway

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/machine.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// Two units of latency 4 or 5 need 10 chains to stay busy; 12, with the two
// factors, still fit AVX2's 16 registers.
constexpr size_t kChains = 12;

template <size_t... kChain>
HWY_INLINE void Advance(Vector (&chains)[kChains], Vector factor, Vector term,
                        std::index_sequence<kChain...>) {
  ((chains[kChain] = hn::MulAdd(chains[kChain], factor, term)), ...);
}

// Takes every chain `steps` further and returns how many multiply-adds of
// floats that were. `sum` keeps the work from being left out.
double MultiplyAdds(int64_t steps, float& sum) {
  const Tag d;
  // x / 2 + sum / 2 stays near sum: neither infinite nor denormal.
  const Vector factor = hn::Set(d, 0.5f);
  const Vector term = hn::Set(d, 0.5f * sum);
  Vector chains[kChains];
  for (Vector& chain : chains) chain = hn::Set(d, sum);
  for (int64_t i = 0; i < steps; ++i) {
    Advance(chains, factor, term, std::make_index_sequence<kChains>());
  }
  for (const Vector& chain : chains) sum = 0.5f * sum + 0.5f * GetLane(chain);
  return static_cast<double>(steps) * kChains *
         static_cast<double>(hn::Lanes(d));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace metastep {
namespace {

HWY_EXPORT(MultiplyAdds);

// Above the caches of a whole server processor.
constexpr size_t kCopyBytes = size_t{512} << 20;

absl::StatusOr<double> MeasureFmaPeak() {
  constexpr double kSeconds = 0.05;
  constexpr int64_t kSteps = 1 << 20;  // half a millisecond and more
  double seconds = 0;
  double work = 0;
  float sum = 1;
  while (seconds < kSeconds) {
    METASTEP_ASSIGN_OR_RETURN(const double spent, CpuSeconds([&] {
                                work += HWY_DYNAMIC_DISPATCH(MultiplyAdds)(
                                    kSteps, sum);
                                return absl::OkStatus();
                              }));
    seconds += spent;
  }
  return 1e-9 * work / seconds;
}

}  // namespace

Contender FmaPeak() {
  return {"FMA peak of a core", "1e9 MAC/s", MeasureFmaPeak};
}

Contender CopyBandwidth() {
  const auto from = std::make_shared<std::vector<char>>(kCopyBytes);
  const auto to = std::make_shared<std::vector<char>>(kCopyBytes);
  return {"copy bandwidth of a core", "1e9 B/s",
          [from, to]() -> absl::StatusOr<double> {
            METASTEP_ASSIGN_OR_RETURN(const double seconds, CpuSeconds([&] {
                                        std::memcpy(to->data(), from->data(),
                                                    kCopyBytes);
                                        return absl::OkStatus();
                                      }));
            return 1e-9 * 2 * static_cast<double>(kCopyBytes) / seconds;
          }};
}

absl::Status UseCores(int cores) {
  const auto problem = [] {
    return absl::UnavailableError(
        absl::StrCat("cannot stay on some cores: ", std::strerror(errno)));
  };
  cpu_set_t all;
  if (sched_getaffinity(/*pid=*/0, sizeof(all), &all) != 0) return problem();
  cpu_set_t some;
  CPU_ZERO(&some);
  CPU_SET(sched_getcpu(), &some);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&some) < cores; ++core) {
    if (CPU_ISSET(core, &all)) CPU_SET(core, &some);
  }
  if (sched_setaffinity(/*pid=*/0, sizeof(some), &some) != 0) return problem();
  return absl::OkStatus();
}

}  // namespace metastep

#endif  // HWY_ONCE
