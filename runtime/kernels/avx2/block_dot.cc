#include "runtime/kernels/avx2/rows.h"

// The types of 32-weight blocks.
namespace linnet::kernels::avx2 {
namespace {

__m256i Act(const ActBlock& x) { return Load32(x.q); }

// values(row's block) are signed bytes; d is a half at the start of the block.
template <int kCount, typename Values>
__m256 AddSigned(BlockOfRows<kCount> block, const ActBlock& x, __m256 d, __m256 sum, Values values) {
  const __m256i a = Act(x);
  const __m256 exact = ExactSums<kCount>([&](int r) { return Products(values(block[r]), a); });
  return _mm256_fmadd_ps(exact, _mm256_mul_ps(d, _mm256_set1_ps(x.d)), sum);
}

// values are unsigned bytes of at most 31, from which `offset` is to be taken: pairs are at most 2 * 31 * 127
// before and 2 * 16 * 127 after the subtraction, exact in 16 bits.
template <int kCount, typename Values>
__m256 AddUnsigned(BlockOfRows<kCount> block, const ActBlock& x, char offset, __m256 sum, Values values) {
  const __m256i a = Act(x);
  const __m256i taken = _mm256_maddubs_epi16(_mm256_set1_epi8(offset), a);
  const __m256 exact = ExactSums<kCount>([&](int r) {
    const __m256i pairs = _mm256_sub_epi16(_mm256_maddubs_epi16(values(block[r]), a), taken);
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  });
  return _mm256_fmadd_ps(exact, _mm256_mul_ps(Halves(block, 0), _mm256_set1_ps(x.d)), sum);
}

// The step of the mins: a half at byte 2 of the block.
template <int kCount>
__m256 AddMin(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
  const __m256 m = _mm256_mul_ps(Halves(block, 2), _mm256_set1_ps(x.d));
  return _mm256_fmadd_ps(_mm256_set1_ps(static_cast<float>(x.sum)), m, sum);
}

// Bit i of 4 bytes as 16 in byte i.
__m256i FifthBits(const void* p) {
  int32_t bits;
  __builtin_memcpy(&bits, p, sizeof(bits));
  const __m256i bytes =
      _mm256_shuffle_epi8(_mm256_set1_epi32(bits),
                          _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit), _mm256_set1_epi8(16));
}

__m256i FiveBits(const char* nibbles, const char* high) {
  return _mm256_or_si256(Nibbles(nibbles), FifthBits(high));
}

template <typename Block>
struct Small {
  using Act = ActBlock;
  static constexpr size_t kBytes = sizeof(Block);
  static constexpr size_t kValues = kBlock;
};

struct Q8_0 : Small<BlockQ8_0> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    return AddSigned(block, x, Halves(block, 0), sum, [](const char* b) { return Load32(b + 2); });
  }
};

struct Q4_0 : Small<BlockQ4_0> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    return AddUnsigned(block, x, 8, sum, [](const char* b) { return Nibbles(b + 2); });
  }
};

struct Q5_0 : Small<BlockQ5_0> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    return AddUnsigned(block, x, 16, sum, [](const char* b) { return FiveBits(b + 6, b + 2); });
  }
};

struct Q4_1 : Small<BlockQ4_1> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    return AddMin(block, x, AddUnsigned(block, x, 0, sum, [](const char* b) { return Nibbles(b + 4); }));
  }
};

struct Q5_1 : Small<BlockQ5_1> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    return AddMin(block, x,
                  AddUnsigned(block, x, 0, sum, [](const char* b) { return FiveBits(b + 8, b + 4); }));
  }
};

__m256i Lookup(const int8_t* table, __m256i indices) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(Load16(table)), indices);
}

struct IQ4_NL : Small<BlockIQ4_NL> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    return AddSigned(block, x, Halves(block, 0), sum,
                     [](const char* b) { return Lookup(kIq4Values, Nibbles(b + 2)); });
  }
};

struct MXFP4 : Small<BlockMXFP4> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock& x, __m256 sum) {
    // 2^(e - 128); the two least are denormal.
    alignas(32) int32_t bits[kRows] = {};
    for (int r = 0; r < kCount; ++r) {
      const int32_t e = static_cast<uint8_t>(*block[r]);
      bits[r] = e < 2 ? 0x00200000 << e : (e - 1) << 23;
    }
    const __m256 d = _mm256_load_ps(reinterpret_cast<const float*>(bits));
    return AddSigned(block, x, d, sum, [](const char* b) { return Lookup(kMxfp4Values, Nibbles(b + 1)); });
  }
};

}  // namespace

void MatMulQ8_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q8_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q4_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ4_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q4_1>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q5_0>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_1(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q5_1>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_NL(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  MatMul<IQ4_NL>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulMXFP4(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<MXFP4>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avx2
