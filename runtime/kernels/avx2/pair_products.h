#ifndef LINNET_RUNTIME_KERNELS_AVX2_PAIR_PRODUCTS_H_
#define LINNET_RUNTIME_KERNELS_AVX2_PAIR_PRODUCTS_H_

#include "runtime/kernels/avx2/ymm.h"

namespace linnet::kernels::x86_tiles {
namespace {

// AVX2 multiplies unsigned bytes with signed ones and adds pairs to 16 bits, saturating: what is added up
// there must stay below 32,768. Activations are at most 127, and each step adds two products.
struct Avx2 : Ymm {
  static constexpr bool kSignedBytes = true;

  // How many steps fit: eight of nibbles (30,480), four of five bits (31,496), two of six (32,004).
  static constexpr bool kWholeSums = false;
  template <int kMax>
  static constexpr int kSteps = kMax == 255  ? 1
                                : kMax == 63 ? 2
                                : kMax == 31 ? 4
                                             : 8;
  static_assert(15 * 127 * 2 * 8 < 32768 && 31 * 127 * 2 * 4 < 32768 && 63 * 127 * 2 * 2 < 32768);

  // The same value, not later: g++ would multiply all of a block first, and add afterwards what lies on the
  // stack meanwhile.
  static inline Int Now(Int value) {
    asm("" : "+x"(value));
    return value;
  }

  // Two products a lane of 16 bits more. Signed weights (kMax 255) give their sign to the activations: their
  // magnitude is at most 128, a step at most 32,512.
  template <int kMax>
  static inline Int Step(Int sum, Int w, const int8_t* a) {
    const Int pairs = kMax == 255 ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(Four(a), w))
                                  : _mm256_maddubs_epi16(w, Four(a));
    return Now(_mm256_add_epi16(sum, pairs));
  }
  // sum + scale * steps.
  static inline Int AddScaled(Int sum, Int steps, Int scales) {
    return Now(_mm256_add_epi32(sum, _mm256_madd_epi16(steps, scales)));
  }
  // Signed weights for several tokens: taking the sign costs a multiplier's turn for each. With `negative`
  // all ones where w is below 0, |w| times the activation with its bits turned around is w a - |w|, so |w| is
  // missing there, of all tokens alike. A pair of products is between -32,768 and 32,512.
  static inline Int Magnitude(Int w) { return _mm256_abs_epi8(w); }
  static inline Int Negative(Int w) { return _mm256_cmpgt_epi8(Zero(), w); }
  // sum + the products of four columns.
  static inline Int AddTurned(Int sum, Int magnitude, Int negative, const int8_t* a) {
    const Int pairs = _mm256_maddubs_epi16(magnitude, _mm256_xor_si256(Four(a), negative));
    return AddScaled(sum, pairs, _mm256_set1_epi16(1));
  }
  // sum + what is missing, in 16 bits: of eight vectors at most 2,048.
  static inline Int AddMissing(Int sum, Int magnitude, Int negative) {
    return Now(_mm256_add_epi16(sum, _mm256_maddubs_epi16(And(magnitude, negative), Bytes(1))));
  }

  // As AddScaled takes them: twice in a lane.
  static inline Int Scales(Int scales) { return Pairs(scales, scales); }
  // sum + the products of pairs of 16 bits.
  static inline Int AddPairs(Int sum, Int a, Int b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX2_PAIR_PRODUCTS_H_
