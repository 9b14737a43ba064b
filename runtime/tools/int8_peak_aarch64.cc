#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "runtime/tools/int8_peak.h"

// Each function is compiled for its own instructions, and the caller asks the system first. Nothing is
// inlined into them but intrinsics.
namespace linnet::tools {
namespace {

// Enough sums in flight for latency 4 on two ports.
constexpr uint32_t kSums = 12;

// Makes `x` a value that the compiler knows nothing of, at no cost: else what does not change would be
// computed once.
#define LINNET_OPAQUE(x) asm("" : "+w"(x))

__attribute__((target("arch=armv8.2-a+i8mm"))) int32_t I8mm(uint64_t rounds) {
  int8x16_t a = vdupq_n_s8(3);
  const int8x16_t b = vdupq_n_s8(5);
  int32x4_t sums[kSums] = {};
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int32x4_t& sum : sums) {
      LINNET_OPAQUE(a);
      sum = vmmlaq_s32(sum, a, b);
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = vaddq_s32(sums[0], sums[i]);
  return vgetq_lane_s32(sums[0], 0);
}

__attribute__((target("arch=armv8.2-a+dotprod"))) int32_t Dotprod(uint64_t rounds) {
  int8x16_t a = vdupq_n_s8(3);
  const int8x16_t b = vdupq_n_s8(5);
  int32x4_t sums[kSums] = {};
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int32x4_t& sum : sums) {
      LINNET_OPAQUE(a);
      sum = vdotq_s32(sum, a, b);
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = vaddq_s32(sums[0], sums[i]);
  return vgetq_lane_s32(sums[0], 0);
}

// armv8.0: two products of 16 bits share an addition into 32.
int32_t Neon(uint64_t rounds) {
  int8x16_t a = vdupq_n_s8(3);
  const int8x16_t b = vdupq_n_s8(5);
  int32x4_t sums[kSums] = {};
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int32x4_t& sum : sums) {
      LINNET_OPAQUE(a);
      const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
      sum = vpadalq_s16(sum, vmlal_s8(low, vget_high_s8(a), vget_high_s8(b)));
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = vaddq_s32(sums[0], sums[i]);
  return vgetq_lane_s32(sums[0], 0);
}

#undef LINNET_OPAQUE

}  // namespace

std::vector<Int8Loop> Int8Loops() {
  std::vector<Int8Loop> loops;
  if ((getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0) loops.push_back({"neon_i8mm", 2 * 32 * kSums, I8mm});
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) loops.push_back({"neon_dotprod", 2 * 16 * kSums, Dotprod});
  loops.push_back({"neon", 2 * 16 * kSums, Neon});
  return loops;
}

}  // namespace linnet::tools
