#include "runtime/kernels/avx2/rows.h"

// The types of 256-weight blocks. Codes are unsigned, products of pairs at most 2 * 63 * 127: exact in 16
// bits; an integer scale then makes them 32 bits wide.
namespace linnet::kernels::avx2 {
namespace {

template <typename Block>
struct Large {
  using Act = ActBlock256;
  static constexpr size_t kBytes = sizeof(Block);
  static constexpr size_t kValues = kBlock256;
};

template <int kCount>
__m256 Step(BlockOfRows<kCount> block, size_t d_offset, const ActBlock256& x, __m256 exact, __m256 sum) {
  return _mm256_fmadd_ps(exact, _mm256_mul_ps(Halves(block, d_offset), _mm256_set1_ps(x.d)), sum);
}

__m256i Low4(__m256i bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(15)); }
__m256i High4(__m256i bytes) { return Low4(_mm256_srli_epi16(bytes, 4)); }

// Eight scales of six bits, and eight mins, in 12 bytes (types.h); a byte each.
struct ScalesK4 {
  uint64_t scales, mins;
};

ScalesK4 LoadScales(const char* p) {
  uint32_t w[3];
  __builtin_memcpy(w, p, sizeof(w));
  const uint64_t low_scales = w[0] & 0x3f3f3f3f, low_mins = w[1] & 0x3f3f3f3f;
  const uint64_t high_scales = (w[2] & 0x0f0f0f0f) | (w[0] >> 6 & 0x03030303) << 4;
  const uint64_t high_mins = (w[2] >> 4 & 0x0f0f0f0f) | (w[1] >> 6 & 0x03030303) << 4;
  return {low_scales | high_scales << 32, low_mins | high_mins << 32};
}

__m256i ScaleOf(uint64_t scales, int j) {
  return _mm256_set1_epi16(static_cast<int16_t>(scales >> 8 * j & 0xff));
}

// -(sum of the mins times the sums of their 32 activations), in 4 lanes; the rest 0. sums: of 32, 8 x 16
// bits.
__m256i Mins(uint64_t mins, __m128i sums) {
  const __m128i wide = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(static_cast<int64_t>(mins)));
  return _mm256_zextsi128_si256(_mm_sub_epi32(_mm_setzero_si128(), _mm_madd_epi16(wide, sums)));
}

__m128i SumsOf32(const ActBlock256& x) { return _mm_hadd_epi16(Load16(x.sums), Load16(x.sums + 8)); }

// Q4_K, and Q5_K with its high bits. codes(row's block, pair of sub-blocks, half): 32 unsigned bytes.
template <int kCount, typename Codes>
__m256 AddK4(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum, Codes codes) {
  ScalesK4 scales[kRows];
  for (int r = 0; r < kCount; ++r) scales[r] = LoadScales(block[r] + 4);
  const __m256 exact = ExactSums<kCount>([&](int r) {
    __m256i total = _mm256_setzero_si256();
    for (int j = 0; j < 8; ++j) {
      const __m256i pairs = _mm256_maddubs_epi16(codes(block[r], j), Load32(x.q + 32 * j));
      total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, ScaleOf(scales[r].scales, j)));
    }
    return total;
  });
  const __m128i sums = SumsOf32(x);
  const __m256 mins = ExactSums<kCount>([&](int r) { return Mins(scales[r].mins, sums); });
  return Step(block, 2, x, mins, Step(block, 0, x, exact, sum));
}

struct Q4_K : Large<BlockQ4_K> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    return AddK4(block, x, sum, [](const char* b, int j) {
      const __m256i bytes = Load32(b + 16 + j / 2 * 32);
      return j % 2 == 0 ? Low4(bytes) : High4(bytes);
    });
  }
};

struct Q5_K : Large<BlockQ5_K> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    return AddK4(block, x, sum, [](const char* b, int j) {
      const __m256i bytes = Load32(b + 48 + j / 2 * 32);
      const __m256i bit = _mm256_set1_epi8(static_cast<char>(1 << j));
      const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(Load32(b + 16), bit), bit);
      return _mm256_or_si256(j % 2 == 0 ? Low4(bytes) : High4(bytes),
                             _mm256_and_si256(set, _mm256_set1_epi8(16)));
    });
  }
};

// Scales of 16 elements each, an offset of every code. codes(row's block, j): 32 unsigned bytes; scales(row's
// block): 16 x 16 bits.
template <int kCount, typename Codes, typename Scales>
__m256 ExactK16(BlockOfRows<kCount> block, const ActBlock256& x, int offset, Codes codes, Scales scales) {
  const __m256i sums = Load32(x.sums);
  return ExactSums<kCount>([&](int r) {
    const __m256i all = scales(block[r]);
    // The codes' offset, all at once: that times the sums of the activations.
    __m256i total = _mm256_mullo_epi32(_mm256_madd_epi16(all, sums), _mm256_set1_epi32(-offset));
    alignas(32) int16_t scale[16];
    _mm256_store_si256(reinterpret_cast<__m256i*>(scale), all);
    for (int j = 0; j < 8; ++j) {
      const __m256i pairs = _mm256_maddubs_epi16(codes(block[r], j), Load32(x.q + 32 * j));
      const __m256i two = _mm256_set_m128i(_mm_set1_epi16(scale[2 * j + 1]), _mm_set1_epi16(scale[2 * j]));
      total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, two));
    }
    return total;
  });
}

// Bits 2 s, 2 s + 1 of every byte.
template <int kShift>
__m256i TwoBits(__m256i bytes) {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, kShift), _mm256_set1_epi8(3));
}
__m256i TwoBits(__m256i bytes, int s) {
  return s == 0   ? TwoBits<0>(bytes)
         : s == 1 ? TwoBits<2>(bytes)
         : s == 2 ? TwoBits<4>(bytes)
                  : TwoBits<6>(bytes);
}

struct Q6_K : Large<BlockQ6_K> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    const __m256 exact = ExactK16(
        block, x, 32,
        [](const char* b, int j) {
          const int s = j % 4;
          const __m256i low = Load32(b + j / 4 * 64 + s % 2 * 32);
          const __m256i high = TwoBits(Load32(b + 128 + j / 4 * 32), s);
          return _mm256_or_si256(s < 2 ? Low4(low) : High4(low), _mm256_slli_epi16(high, 4));
        },
        [](const char* b) { return _mm256_cvtepi8_epi16(Load16(b + 192)); });
    return Step(block, 208, x, exact, sum);
  }
};

struct Q2_K : Large<BlockQ2_K> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    const __m128i nibble = _mm_set1_epi8(15);
    const __m256 exact = ExactK16(
        block, x, 0, [](const char* b, int j) { return TwoBits(Load32(b + 16 + j / 4 * 32), j % 4); },
        [&](const char* b) { return _mm256_cvtepu8_epi16(_mm_and_si128(Load16(b), nibble)); });
    const __m256i sums = Load32(x.sums);
    const __m256 mins = ExactSums<kCount>([&](int r) {
      const __m128i bytes = _mm_and_si128(_mm_srli_epi16(Load16(block[r]), 4), nibble);
      return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes), sums));
    });
    return Step(block, 82, x, mins, Step(block, 80, x, exact, sum));
  }
};

// Sixteen scales of six bits, less 32, in 12 bytes (types.h).
__m256i ScalesQ3K(const char* p) {
  uint32_t w[3];
  __builtin_memcpy(w, p, sizeof(w));
  constexpr uint32_t kNibbles = 0x0f0f0f0f, kTwo = 0x03030303;
  const uint32_t bytes[4] = {
      (w[0] & kNibbles) | (w[2] & kTwo) << 4, (w[1] & kNibbles) | (w[2] >> 2 & kTwo) << 4,
      (w[0] >> 4 & kNibbles) | (w[2] >> 4 & kTwo) << 4, (w[1] >> 4 & kNibbles) | (w[2] >> 6 & kTwo) << 4};
  return _mm256_cvtepi8_epi16(_mm_sub_epi8(Load16(bytes), _mm_set1_epi8(32)));
}

struct Q3_K : Large<BlockQ3_K> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    const __m256 exact = ExactK16(
        block, x, 4,
        [](const char* b, int j) {
          const __m256i bit = _mm256_set1_epi8(static_cast<char>(1 << j));
          const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(Load32(b), bit), bit);
          return _mm256_or_si256(TwoBits(Load32(b + 32 + j / 4 * 32), j % 4),
                                 _mm256_and_si256(set, _mm256_set1_epi8(4)));
        },
        [](const char* b) { return ScalesQ3K(b + 96); });
    return Step(block, 108, x, exact, sum);
  }
};

struct IQ4_XS : Large<BlockIQ4_XS> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    const __m256i table = _mm256_broadcastsi128_si256(Load16(kIq4Values));
    const __m256 exact = ExactSums<kCount>([&](int r) {
      const char* b = block[r];
      uint16_t high;
      uint32_t low;
      __builtin_memcpy(&high, b + 2, sizeof(high));
      __builtin_memcpy(&low, b + 4, sizeof(low));
      __m256i total = _mm256_setzero_si256();
      for (int j = 0; j < 8; ++j) {
        const int scale = static_cast<int>((low >> 4 * j & 15) | (high >> 2 * j & 3u) << 4) - 32;
        const __m256i values = _mm256_shuffle_epi8(table, Nibbles(b + 8 + 16 * j));
        const __m256i pairs =
            _mm256_maddubs_epi16(_mm256_abs_epi8(values), _mm256_sign_epi8(Load32(x.q + 32 * j), values));
        total =
            _mm256_add_epi32(total, _mm256_madd_epi16(pairs, _mm256_set1_epi16(static_cast<int16_t>(scale))));
      }
      return total;
    });
    return Step(block, 0, x, exact, sum);
  }
};

struct TQ2_0 : Large<BlockTQ2_0> {
  template <int kCount>
  static __m256 Add(BlockOfRows<kCount> block, const ActBlock256& x, __m256 sum) {
    const __m256i one = _mm256_set1_epi16(1);
    const __m256i offset = _mm256_madd_epi16(Load32(x.sums), one);
    const __m256 exact = ExactSums<kCount>([&](int r) {
      __m256i pairs = _mm256_setzero_si256();  // at most 8 * 2 * 3 * 127
      for (int j = 0; j < 8; ++j) {
        const __m256i codes = TwoBits(Load32(block[r] + j / 4 * 32), j % 4);
        pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(codes, Load32(x.q + 32 * j)));
      }
      return _mm256_sub_epi32(_mm256_madd_epi16(pairs, one), offset);
    });
    return Step(block, 64, x, exact, sum);
  }
};

}  // namespace

void MatMulQ4_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q4_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ5_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q5_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ6_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q6_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ2_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q2_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulQ3_K(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                size_t y_stride) {
  MatMul<Q3_K>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulIQ4_XS(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                  size_t y_stride) {
  MatMul<IQ4_XS>(w, x, y, rows, cols, tokens, y_stride);
}

void MatMulTQ2_0(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                 size_t y_stride) {
  MatMul<TQ2_0>(w, x, y, rows, cols, tokens, y_stride);
}

}  // namespace linnet::kernels::avx2
