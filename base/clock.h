// The time, injectable so that tests can move it.
#ifndef METASTEP_BASE_CLOCK_H_
#define METASTEP_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace metastep {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;

  // The system's clock; lives for ever.
  static const Clock& Real();
};

}  // namespace metastep

#endif  // METASTEP_BASE_CLOCK_H_
