#include <immintrin.h>

#include <cstring>

#include "runtime/tools/int8_peak.h"

// Each function is compiled for its own instructions, and the caller asks the CPU first. Nothing is inlined
// into them but intrinsics.
namespace linnet::tools {
namespace {

// Enough sums in flight for latency 5 on two ports.
constexpr uint32_t kSums = 12;

// Makes `x` a value that the compiler knows nothing of, at no cost: else what does not change would be
// computed once.
#define LINNET_OPAQUE(x) asm("" : "+x"(x))

template <typename Vector>
int32_t First(const Vector* sums) {
  int32_t first = 0;
  std::memcpy(&first, sums, sizeof first);
  return first;
}

__attribute__((target("avx512f,avx512vnni"))) int32_t Avx512Vnni(uint64_t rounds) {
  __m512i a = _mm512_set1_epi8(3), sums[kSums] = {};
  const __m512i b = _mm512_set1_epi8(5);
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (__m512i& sum : sums) {
      asm("" : "+v"(a));
      sum = _mm512_dpbusd_epi32(sum, a, b);
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return First(sums);
}

__attribute__((target("avx2,avxvnni"))) int32_t AvxVnni(uint64_t rounds) {
  __m256i a = _mm256_set1_epi8(3), sums[kSums] = {};
  const __m256i b = _mm256_set1_epi8(5);
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      LINNET_OPAQUE(a);
      sum = _mm256_dpbusd_avx_epi32(sum, a, b);
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return First(sums);
}

__attribute__((target("avx2"))) int32_t Avx2(uint64_t rounds) {
  __m256i a = _mm256_set1_epi8(3), sums[kSums] = {};
  const __m256i b = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      LINNET_OPAQUE(a);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return First(sums);
}

// Every x86-64: the numbers are widened first, which is not counted.
int32_t Sse2(uint64_t rounds) {
  __m128i a = _mm_set1_epi16(3), sums[kSums] = {};
  const __m128i b = _mm_set1_epi16(5);
  for (uint64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (__m128i& sum : sums) {
      LINNET_OPAQUE(a);
      sum = _mm_add_epi32(sum, _mm_madd_epi16(a, b));
    }
  }
  for (uint32_t i = 1; i < kSums; ++i) sums[0] = _mm_add_epi32(sums[0], sums[i]);
  return First(sums);
}

#undef LINNET_OPAQUE

}  // namespace

std::vector<Int8Loop> Int8Loops() {
  __builtin_cpu_init();
  std::vector<Int8Loop> loops;
  if (__builtin_cpu_supports("avx512vnni")) loops.push_back({"avx512vnni", 2 * 64 * kSums, Avx512Vnni});
  if (__builtin_cpu_supports("avxvnni")) loops.push_back({"avxvnni", 2 * 32 * kSums, AvxVnni});
  if (__builtin_cpu_supports("avx2")) loops.push_back({"avx2", 2 * 32 * kSums, Avx2});
  loops.push_back({"sse2", 2 * 8 * kSums, Sse2});
  return loops;
}

}  // namespace linnet::tools
