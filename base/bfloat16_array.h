// Arrays to and from bfloat16, vector by vector, as half_floats.h does number
// by number.
#ifndef METASTEP_BASE_BFLOAT16_ARRAY_H_
#define METASTEP_BASE_BFLOAT16_ARRAY_H_

#include <cstddef>
#include <cstdint>

namespace metastep {

void RoundToBFloat16(const float* floats, size_t n, uint16_t* halves);
void WidenBFloat16(const uint16_t* halves, size_t n, float* floats);

}  // namespace metastep

#endif  // METASTEP_BASE_BFLOAT16_ARRAY_H_
