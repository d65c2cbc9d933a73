// Floats on the wire, in the format that a message asks for.
#ifndef METASTEP_RPC_FLOAT_FORMAT_H_
#define METASTEP_RPC_FLOAT_FORMAT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "metastep/v1/step_service.pb.h"

namespace metastep {

// Errors: InvalidArgument: not a format that this build knows. `field` is named
// in it.
absl::Status CheckFloatFormat(absl::string_view field, v1::FloatFormat format);

// Bytes of one float. REQUIRES, as all below: CheckFloatFormat is OK.
int64_t BytesPerFloat(v1::FloatFormat format);

// Replaces what is in `bytes`.
void EncodeFloats(v1::FloatFormat format, absl::Span<const float> floats,
                  std::string& bytes);

// REQUIRES: bytes.size() == floats.size() * BytesPerFloat(format), and aligned
// as a string's begin is.
void DecodeFloats(v1::FloatFormat format, absl::string_view bytes,
                  absl::Span<float> floats);

}  // namespace metastep

#endif  // METASTEP_RPC_FLOAT_FORMAT_H_
