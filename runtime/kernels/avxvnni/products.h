#ifndef LINNET_RUNTIME_KERNELS_AVXVNNI_PRODUCTS_H_
#define LINNET_RUNTIME_KERNELS_AVXVNNI_PRODUCTS_H_

#include "runtime/kernels/avx2/ymm.h"

namespace linnet::kernels::x86_tiles {
namespace {

// Four products a lane, unsigned with signed, exact.
struct AvxVnni : Ymm {
  static constexpr bool kSignedBytes = false;

  // Four products a lane more: w at most 255, so exact. 32 columns fit a sum at any rate.
  static constexpr bool kWholeSums = true;
  template <int kMax>
  static constexpr int kSteps = 8;
  template <int kMax>
  static inline Int Step(Int sum, Int w, const int8_t* a) {
    return _mm256_dpbusd_avx_epi32(sum, w, Four(a));
  }
  // sum + scale * steps.
  static inline Int AddScaled(Int sum, Int steps, Int scales) {
    return _mm256_add_epi32(sum, _mm256_mullo_epi32(steps, scales));
  }
  // As AddScaled takes them.
  static inline Int Scales(Int scales) { return scales; }
  // sum + the products of pairs of 16 bits.
  static inline Int AddPairs(Int sum, Int a, Int b) { return _mm256_dpwssd_avx_epi32(sum, a, b); }
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVXVNNI_PRODUCTS_H_
