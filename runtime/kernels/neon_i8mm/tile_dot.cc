#include "runtime/kernels/neon/block_tiles.h"
#include "runtime/kernels/neon/k_tiles.h"
#include "runtime/kernels/neon_dotprod/tile_products.h"
#include "runtime/kernels/neon_i8mm/pair_kernels.h"

// Packed matrices with the int8 matrix product; one token alone takes the dot product.
namespace linnet::kernels::neon_i8mm {
namespace {

struct Set {
  static constexpr int kMostTokens = 8;
  template <int kLargest, int kCount>
  using Products = neon_tiles::DotProducts;
};

template <template <typename> typename W>
using Small = neon_tiles::SmallPairKernel<W<Set>, Set>;
template <template <typename> typename W>
using Large = neon_tiles::LargePairKernel<W<Set>, Set>;

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

}  // namespace linnet::kernels::neon_i8mm
