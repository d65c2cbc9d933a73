#include "server/session_state.h"

#include <algorithm>
#include <cstring>

#include "base/bfloat16_array.h"
#include "rpc/float_format.h"

namespace metastep {
namespace {

// Coordinates whose state is widened at once: for the 2x20 LSTM 80 KB, which
// stay in a core's second-level cache between the three passes.
constexpr int64_t kWidened = 16 * UpdateRule::kBlock;

void StepHalves(const StepRange& range, int64_t step,
                absl::Span<const float> gradient, absl::Span<uint16_t> state,
                absl::Span<float> update) {
  const UpdateRule& rule = *range.rule;
  StateVector<float> wide(
      static_cast<size_t>(rule.StateFloats(std::min(kWidened, range.size))));
  for (int64_t begin = 0; begin < range.size; begin += kWidened) {
    const int64_t n = std::min(kWidened, range.size - begin);
    const auto halves =
        state.subspan(rule.StateFloats(begin), rule.StateFloats(n));
    const auto floats = absl::MakeSpan(wide).first(halves.size());
    WidenBFloat16(halves.data(), halves.size(), floats.data());
    rule.Step(step, gradient.subspan(begin, n), floats,
              update.subspan(begin, n));
    RoundToBFloat16(floats.data(), floats.size(), halves.data());
  }
}

}  // namespace

SessionState::SessionState(v1::FloatFormat format, int64_t floats) {
  const auto size = static_cast<size_t>(floats);
  if (format == v1::BFLOAT16) {
    values_ = StateVector<uint16_t>(size);
  } else {
    values_ = StateVector<float>(size);
  }
}

SessionState::SessionState(v1::FloatFormat format, absl::string_view bytes)
    : SessionState(format,
                   static_cast<int64_t>(bytes.size()) / BytesPerFloat(format)) {
  SetBytes(0, bytes);
}

v1::FloatFormat SessionState::format() const {
  return values_.index() == 0 ? v1::FLOAT32 : v1::BFLOAT16;
}

int64_t SessionState::floats() const {
  return std::visit([](const auto& v) { return std::ssize(v); }, values_);
}

void SessionState::Step(const StepRange& range, int64_t step,
                        absl::Span<const float> gradient,
                        absl::Span<float> update) {
  if (auto* floats = std::get_if<StateVector<float>>(&values_)) {
    range.rule->Step(
        step, gradient,
        absl::MakeSpan(*floats).subspan(range.state_begin, range.state_size),
        update);
    return;
  }
  auto& halves = std::get<StateVector<uint16_t>>(values_);
  StepHalves(
      range, step, gradient,
      absl::MakeSpan(halves).subspan(range.state_begin, range.state_size),
      update);
}

absl::string_view SessionState::bytes(int64_t begin, int64_t size) const {
  return std::visit(
      [&](const auto& v) {
        return absl::string_view(
            reinterpret_cast<const char*>(v.data() + begin),
            static_cast<size_t>(size) * sizeof(v[0]));
      },
      values_);
}

void SessionState::SetBytes(int64_t begin, absl::string_view bytes) {
  if (bytes.empty()) return;
  std::visit(
      [&](auto& v) {
        std::memcpy(v.data() + begin, bytes.data(), bytes.size());
      },
      values_);
}

}  // namespace metastep
