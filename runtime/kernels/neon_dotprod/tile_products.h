#ifndef LINNET_RUNTIME_KERNELS_NEON_DOTPROD_TILE_PRODUCTS_H_
#define LINNET_RUNTIME_KERNELS_NEON_DOTPROD_TILE_PRODUCTS_H_

#include "runtime/kernels/neon/tile_codes.h"

// The Products of tile_steps.h by the dot product extension: four products of a row in one instruction, the
// factor a lane. Always inlined, so that no other set gets them from the linker.
namespace linnet::kernels::neon_tiles {

struct DotProducts {
  int32x4_t sums;

  [[gnu::always_inline]] void Start(int32x4_t init) { sums = init; }
  template <int lane>
  [[gnu::always_inline]] void Add(int8x16_t w, int8x16_t a) {
    sums = vdotq_laneq_s32(sums, w, a, lane);
  }
  template <int lane>
  [[gnu::always_inline]] void AddTwo(Codes codes, int8x16_t a_low, int8x16_t a_high) {
    Add<lane>(codes.low, a_low);
    Add<lane>(codes.high, a_high);
  }
  [[gnu::always_inline]] int32x4_t Total(int32x4_t) const { return sums; }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_DOTPROD_TILE_PRODUCTS_H_
