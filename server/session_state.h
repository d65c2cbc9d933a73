// The optimizer's state of a session, in float32 or in bfloat16.
#ifndef METASTEP_SERVER_SESSION_STATE_H_
#define METASTEP_SERVER_SESSION_STATE_H_

#include <cstdint>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "metastep/v1/step_service.pb.h"
#include "optimizer/state_vector.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Adjacent coordinates that one rule steps, and where their state is.
struct StepRange {
  const UpdateRule* rule;
  int64_t begin;
  int64_t size;
  int64_t state_begin;
  int64_t state_size;
};

// Not thread-safe; disjoint ranges may be used by several threads.
class SessionState {
 public:
  // All zeros. REQUIRES: the format is FLOAT32 or BFLOAT16.
  SessionState(v1::FloatFormat format, int64_t floats);
  // What bytes() of another gave. REQUIRES: whole floats.
  SessionState(v1::FloatFormat format, absl::string_view bytes);

  v1::FloatFormat format() const;
  int64_t floats() const;

  // Steps the coordinates of `range` as its rule does on float32 state. In
  // bfloat16 the state is widened before and rounded after.
  void Step(const StepRange& range, int64_t step,
            absl::Span<const float> gradient,  // [range.size]
            absl::Span<float> update);         // [range.size]

  // As they are stored, little-endian; of all floats, or of a part.
  absl::string_view bytes() const { return bytes(0, floats()); }
  absl::string_view bytes(int64_t begin, int64_t size) const;
  // Puts back what bytes(begin, ...) gave.
  void SetBytes(int64_t begin, absl::string_view bytes);

 private:
  std::variant<StateVector<float>, StateVector<uint16_t>> values_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_STATE_H_
