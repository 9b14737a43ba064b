#include "runtime/kernels/neon/block_tiles.h"
#include "runtime/kernels/neon/k_tiles.h"

// Packed matrices with the instructions of armv8.0: the widening multiply gives 16-bit lanes of one row and
// column each, which take as many products as fit before they are added up to 32 bits.
namespace linnet::kernels::neon {
namespace {

constexpr int kMost16 = 32767, kMostAct = 127;

// All products fit 16 bits.
template <int kLargest, int kCount>
struct NarrowProducts {
  int16x8_t low, high;  // rows 0 and 1, rows 2 and 3

  void Start(int32x4_t) { low = high = vdupq_n_s16(0); }
  template <int lane>
  void Add(int8x16_t w, int8x16_t a) {
    const int8x16_t four = vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(a), lane));
    low = vmlal_s8(low, vget_low_s8(w), vget_low_s8(four));
    high = vmlal_high_s8(high, w, four);
  }
  template <int lane>
  void AddTwo(neon_tiles::Codes codes, int8x16_t a_low, int8x16_t a_high) {
    Add<lane>(codes.low, a_low);
    Add<lane>(codes.high, a_high);
  }
  int32x4_t Total(int32x4_t init) const {
    if constexpr (2 * kCount * kLargest * kMostAct <= kMost16) {
      return vpadalq_s16(init, vpaddq_s16(low, high));
    } else {
      return vaddq_s32(init, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
    }
  }
};

// Two products fit.
struct WideProducts {
  int32x4_t low, high;

  void Start(int32x4_t) { low = high = vdupq_n_s32(0); }
  template <int lane>
  void AddTwo(neon_tiles::Codes codes, int8x16_t a_low, int8x16_t a_high) {
    const int8x16_t a = vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(a_low), lane));
    const int8x16_t b = vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(a_high), lane));
    low = vpadalq_s16(low, vmlal_s8(vmull_s8(vget_low_s8(codes.low), vget_low_s8(a)), vget_low_s8(codes.high),
                                    vget_low_s8(b)));
    high = vpadalq_s16(high, vmlal_high_s8(vmull_high_s8(codes.low, a), codes.high, b));
  }
  int32x4_t Total(int32x4_t init) const { return vaddq_s32(init, vpaddq_s32(low, high)); }
};

template <int kLargest, int kCount>
struct ProductsOf {
  using Type = NarrowProducts<kLargest, kCount>;
};
template <int kCount>
struct ProductsOf<127, kCount> {
  using Type = WideProducts;
};
template <int kCount>
struct ProductsOf<128, kCount> {
  using Type = WideProducts;
};

struct Set {
  static constexpr int kMostTokens = 4;
  template <int kLargest, int kCount>
  using Products = typename ProductsOf<kLargest, kCount>::Type;
};

template <template <typename> typename W>
using Small = neon_tiles::SmallKernel<W<Set>, Set>;
template <template <typename> typename W>
using Large = neon_tiles::LargeKernel<W<Set>, Set>;

}  // namespace

void TilesQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Small<neon_tiles::Q4_0>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Small<neon_tiles::Q4_1>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Small<neon_tiles::Q5_0>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Small<neon_tiles::Q5_1>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Small<neon_tiles::Q8_0>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  neon_tiles::MatMulTiles<Small<neon_tiles::IQ4_NL>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Large<neon_tiles::Q4_K>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Large<neon_tiles::Q5_K>>(w, x, y, rows, cols, tokens, y_stride);
}

void TilesQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
               size_t y_stride) {
  neon_tiles::MatMulTiles<Large<neon_tiles::Q6_K>>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::neon
