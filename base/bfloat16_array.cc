#include "base/bfloat16_array.h"

#include "base/half_floats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/bfloat16_array.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Bits = hn::RebindToUnsigned<Floats>;
using SignedBits = hn::RebindToSigned<Floats>;
using Halves = hn::Rebind<uint16_t, Floats>;

void Round(const float* floats, size_t n, uint16_t* halves) {
  const Floats df;
  const Bits d;
  size_t i = 0;
  for (; i + hn::Lanes(df) <= n; i += hn::Lanes(df)) {
    const auto value = hn::LoadU(df, floats + i);
    const auto bits = hn::BitCast(d, value);
    const auto upper = hn::ShiftRight<16>(bits);
    const auto odd = hn::And(upper, hn::Set(d, 1));
    const auto rounded =
        hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7fff))));
    const auto nan = hn::Or(upper, hn::Set(d, 0x40));
    const auto half =
        hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(value)), nan, rounded);
    hn::StoreU(hn::DemoteTo(Halves(), hn::BitCast(SignedBits(), half)),
               Halves(), halves + i);
  }
  for (; i < n; ++i) halves[i] = BFloat16FromFloat(floats[i]);
}

void Widen(const uint16_t* halves, size_t n, float* floats) {
  const Floats df;
  const Bits d;
  size_t i = 0;
  for (; i + hn::Lanes(df) <= n; i += hn::Lanes(df)) {
    const auto upper = hn::PromoteTo(d, hn::LoadU(Halves(), halves + i));
    hn::StoreU(hn::BitCast(df, hn::ShiftLeft<16>(upper)), df, floats + i);
  }
  for (; i < n; ++i) floats[i] = FloatFromBFloat16(halves[i]);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace metastep {

HWY_EXPORT(Round);
HWY_EXPORT(Widen);

void RoundToBFloat16(const float* floats, size_t n, uint16_t* halves) {
  HWY_DYNAMIC_DISPATCH(Round)(floats, n, halves);
}

void WidenBFloat16(const uint16_t* halves, size_t n, float* floats) {
  HWY_DYNAMIC_DISPATCH(Widen)(halves, n, floats);
}

}  // namespace metastep
#endif  // HWY_ONCE
