#ifndef LINNET_RUNTIME_QUANT_HALF_H_
#define LINNET_RUNTIME_QUANT_HALF_H_

#include <cstdint>

namespace linnet::quant {

// IEEE 754 binary16, by its bits. Exact for every one of the 65,536 (denormals kept; a NaN keeps its payload
// and becomes quiet).
float HalfToFloat(uint16_t half);

// Rounds half to even; denormals kept; beyond 65519.996 becomes infinity; a NaN stays a NaN (quiet, upper
// payload bits kept). HalfToFloat(FloatToHalf(x)) == x for every x that a half can hold.
uint16_t FloatToHalf(float value);

// bfloat16: the upper half of a float's bits. The same rounding; a NaN stays a NaN and becomes quiet.
float Bf16ToFloat(uint16_t bits);
uint16_t FloatToBf16(float value);

}  // namespace linnet::quant

#endif  // LINNET_RUNTIME_QUANT_HALF_H_
