#ifndef LINNET_RUNTIME_KERNELS_NEON_TILE_TYPES_H_
#define LINNET_RUNTIME_KERNELS_NEON_TILE_TYPES_H_

#include "runtime/kernels/neon/tile_codes.h"

// The weight types with a tile format: how codes are unpacked (tile_codes.h), what is taken from each
// (kOffset; what is unpacked signed needs nothing), their largest magnitude (kLargest), and whether a block
// has mins. Set is the instruction set's,
// in an unnamed namespace: it keeps what is instantiated out of the linker's sight.
namespace linnet::kernels::neon_tiles {

template <typename Set>
struct Q4_0 {
  using Act = ActBlock;
  static constexpr WeightType kType = WeightType::kQ4_0;
  static constexpr int kOffset = 8, kLargest = 15;
  static constexpr bool kMins = false;
  template <int v, int kVectors>
  static void Unpack(const uint8_t*& q, Codes (&codes)[kVectors]) {
    UnpackNibbles<v>(q, codes);
  }
};

template <typename Set>
struct Q4_1 : Q4_0<Set> {
  static constexpr WeightType kType = WeightType::kQ4_1;
  static constexpr int kOffset = 0;
  static constexpr bool kMins = true;
};

template <typename Set>
struct Q5_0 {
  using Act = ActBlock;
  static constexpr WeightType kType = WeightType::kQ5_0;
  static constexpr int kOffset = 0, kLargest = 16;
  static constexpr bool kMins = false;
  template <int v, int kVectors>
  static void Unpack(const uint8_t*& q, Codes (&codes)[kVectors]) {
    UnpackFiveBitsSigned<v>(q, codes);
  }
};

template <typename Set>
struct Q5_1 : Q5_0<Set> {
  static constexpr WeightType kType = WeightType::kQ5_1;
  static constexpr int kOffset = -16;
  static constexpr bool kMins = true;
};

template <typename Set>
struct Q8_0 {
  using Act = ActBlock;
  static constexpr WeightType kType = WeightType::kQ8_0;
  static constexpr int kOffset = 0, kLargest = 128;
  static constexpr bool kMins = false;
  template <int v, int kVectors>
  static void Unpack(const uint8_t*& q, Codes (&codes)[kVectors]) {
    UnpackBytes<v>(q, codes);
  }
};

template <typename Set>
struct IQ4_NL {
  using Act = ActBlock;
  static constexpr WeightType kType = WeightType::kIQ4_NL;
  static constexpr int kOffset = 0, kLargest = 127;
  static constexpr bool kMins = false;
  template <int v, int kVectors>
  static void Unpack(const uint8_t*& q, Codes (&codes)[kVectors]) {
    UnpackTable<v>(q, kIq4Values, codes);
  }
};

// Of blocks of 256 nothing is taken from codes.
template <typename Set>
struct Q4_K : Q4_0<Set> {
  using Act = ActBlock256;
  static constexpr WeightType kType = WeightType::kQ4_K;
  static constexpr int kOffset = 0, kSub = 32;
  static constexpr bool kMins = true;
};

template <typename Set>
struct Q5_K {
  using Act = ActBlock256;
  static constexpr WeightType kType = WeightType::kQ5_K;
  static constexpr int kLargest = 31, kSub = 32;
  static constexpr bool kMins = true;
  template <int v, int kVectors>
  static void Unpack(const uint8_t*& q, Codes (&codes)[kVectors]) {
    UnpackFiveBits<v>(q, codes);
  }
};

template <typename Set>
struct Q6_K {
  using Act = ActBlock256;
  static constexpr WeightType kType = WeightType::kQ6_K;
  static constexpr int kLargest = 32, kSub = 16;
  static constexpr bool kMins = false;
  template <int v, int kVectors>
  static void Unpack(const uint8_t*& q, Codes (&codes)[kVectors]) {
    UnpackSixBitsSigned<v>(q, codes);
  }
};

}  // namespace linnet::kernels::neon_tiles

#endif  // LINNET_RUNTIME_KERNELS_NEON_TILE_TYPES_H_
