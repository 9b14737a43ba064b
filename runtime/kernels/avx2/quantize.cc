#include <immintrin.h>

#include "runtime/kernels/avx2/math.h"
#include "runtime/kernels/ops.h"

// What is quantized stays in registers, or on the stack, whether it is read or made here.
namespace linnet::kernels::avx2 {
namespace {

struct Divisor {
  float d, inverse;
};

// Of values whose magnitudes are at most those of `magnitudes`' lanes.
Divisor DivisorOf(__m256 magnitudes) {
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(magnitudes), _mm256_extractf128_ps(magnitudes, 1));
  four = _mm_max_ps(four, _mm_movehl_ps(four, four));
  const float d = _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four))) / 127.0f;
  return d < 0x1p-126f ? Divisor{0.0f, 0.0f} : Divisor{d, 1.0f / d};
}

// 32 values.
struct Values {
  __m256 v[4];
};

__m256 Magnitudes(const Values& x) {
  const __m256 low = _mm256_max_ps(Magnitude8(x.v[0]), Magnitude8(x.v[1]));
  return _mm256_max_ps(low, _mm256_max_ps(Magnitude8(x.v[2]), Magnitude8(x.v[3])));
}

// 32 values as bytes.
__m256i Quantize32(const Values& x, __m256 inverse) {
  const __m256i i0 = _mm256_cvtps_epi32(_mm256_mul_ps(x.v[0], inverse));
  const __m256i i1 = _mm256_cvtps_epi32(_mm256_mul_ps(x.v[1], inverse));
  const __m256i i2 = _mm256_cvtps_epi32(_mm256_mul_ps(x.v[2], inverse));
  const __m256i i3 = _mm256_cvtps_epi32(_mm256_mul_ps(x.v[3], inverse));
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(i0, i1), _mm256_packs_epi32(i2, i3));
  // The packs work within halves of the register: put the eight groups of four back in order.
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// The sums of bytes 0 .. 15 and 16 .. 31, in lanes 0 and 2 of 64 bits.
__m256i SumsOf16(__m256i bytes) {
  // Sums of absolute differences are of unsigned bytes: 128 is added to each, and taken off the sums.
  const __m256i eights =
      _mm256_sad_epu8(_mm256_xor_si256(bytes, _mm256_set1_epi8(-128)), _mm256_setzero_si256());
  const __m256i sums = _mm256_add_epi64(eights, _mm256_srli_si256(eights, 8));
  return _mm256_sub_epi32(sums, _mm256_set1_epi32(16 * 128));
}

// of(i): the 8 values from the i-th on.
template <typename Of>
[[gnu::always_inline]] inline Values ValuesOf(Of of, size_t i) {
  return {{of(i), of(i + 8), of(i + 16), of(i + 24)}};
}

// of: of n values.
template <typename Of>
[[gnu::always_inline]] inline void QuantizeEach(Of of, ActBlock* y, size_t n) {
  for (size_t i = 0; i < n; i += kBlock, ++y) {
    const Values values = ValuesOf(of, i);
    const Divisor divisor = DivisorOf(Magnitudes(values));
    const __m256i bytes = Quantize32(values, _mm256_set1_ps(divisor.inverse));
    const __m256i sums = SumsOf16(bytes);
    y->d = divisor.d;
    y->sum = _mm256_extract_epi32(sums, 0) + _mm256_extract_epi32(sums, 4);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y->q), bytes);
  }
}

template <typename Of>
[[gnu::always_inline]] inline void QuantizeEach256(Of of, ActBlock256* y, size_t n) {
  for (size_t i = 0; i < n; i += kBlock256, ++y) {
    Values values[kBlock256 / 32];
    __m256 magnitudes = _mm256_setzero_ps();
    for (size_t j = 0; j < kBlock256 / 32; ++j) {
      values[j] = ValuesOf(of, i + 32 * j);
      magnitudes = _mm256_max_ps(magnitudes, Magnitudes(values[j]));
    }
    const Divisor divisor = DivisorOf(magnitudes);
    y->d = divisor.d;
    for (size_t j = 0; j < kBlock256 / 32; ++j) {
      const __m256i bytes =
          Quantize32(Of::kCheap ? ValuesOf(of, i + 32 * j) : values[j], _mm256_set1_ps(divisor.inverse));
      const __m256i sums = SumsOf16(bytes);
      y->sums[2 * j] = static_cast<int16_t>(_mm256_extract_epi32(sums, 0));
      y->sums[2 * j + 1] = static_cast<int16_t>(_mm256_extract_epi32(sums, 4));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y->q + 32 * j), bytes);
    }
  }
}

struct Read {
  static constexpr bool kCheap = true;  // as cheap as from the stack
  const float* x;
  __m256 operator()(size_t i) const { return _mm256_loadu_ps(x + i); }
};

struct Normalized {
  static constexpr bool kCheap = false;
  const float *x, *weight;
  __m256 factor;
  __m256 operator()(size_t i) const {
    return _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), factor), _mm256_loadu_ps(weight + i));
  }
};

struct Gated {
  static constexpr bool kCheap = false;
  const float *gate, *up;
  __m256 operator()(size_t i) const {
    return _mm256_mul_ps(Silu8(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i));
  }
};

}  // namespace

void Quantize(const float* x, ActBlock* y, size_t blocks) { QuantizeEach(Read{x}, y, blocks * kBlock); }

void Quantize256(const float* x, ActBlock256* y, size_t blocks) {
  QuantizeEach256(Read{x}, y, blocks * kBlock256);
}

void RmsNormQuantize(const float* x, const float* weight, ActBlock* y, size_t n, float epsilon) {
  if (n == 0) return;
  QuantizeEach(Normalized{x, weight, _mm256_set1_ps(RmsFactor(x, n, epsilon))}, y, n);
}

void RmsNormQuantize256(const float* x, const float* weight, ActBlock256* y, size_t n, float epsilon) {
  if (n == 0) return;
  QuantizeEach256(Normalized{x, weight, _mm256_set1_ps(RmsFactor(x, n, epsilon))}, y, n);
}

void SwiGluQuantize(const float* gate, const float* up, ActBlock* y, size_t n) {
  QuantizeEach(Gated{gate, up}, y, n);
}

void SwiGluQuantize256(const float* gate, const float* up, ActBlock256* y, size_t n) {
  QuantizeEach256(Gated{gate, up}, y, n);
}

}  // namespace linnet::kernels::avx2
