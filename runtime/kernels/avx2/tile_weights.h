#ifndef LINNET_RUNTIME_KERNELS_AVX2_TILE_WEIGHTS_H_
#define LINNET_RUNTIME_KERNELS_AVX2_TILE_WEIGHTS_H_

#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"

// From the planes of tiles.h to vectors of bytes. Shared by the x86-64 sets: `Isa` (ymm.h, zmm.h) has the
// width of the registers and the instructions. An unnamed namespace in a header on purpose, here and in what
// includes it: each set needs copies of its own, that no linker may give to another.
namespace linnet::kernels::x86_tiles {
namespace {

constexpr size_t kVectorBytes = 64;  // of tiles.h
constexpr int kVectors = 8;          // of four columns each, in 32 columns

template <typename Isa, WeightType type>
struct Weights {
  static constexpr bool kFifthBit =
      type == WeightType::kQ5_0 || type == WeightType::kQ5_1 || type == WeightType::kQ5_K;
  static constexpr bool kSixBits = type == WeightType::kQ6_K;
  static constexpr bool kMin = type == WeightType::kQ4_1 || type == WeightType::kQ5_1 ||
                               type == WeightType::kQ4_K || type == WeightType::kQ5_K;
  static constexpr bool kFullBytes = type == WeightType::kQ8_0 || type == WeightType::kIQ4_NL;
  // The largest integer that Vector gives, and what it gives too much. Full bytes are signed where the set
  // multiplies them so.
  static constexpr int kMax = kFullBytes ? 255 : kFifthBit ? 31 : kSixBits ? 63 : 15;
  static constexpr int kOffset = kFullBytes                  ? (Isa::kSignedBytes ? 0 : 128)
                                 : type == WeightType::kQ4_0 ? 8
                                 : type == WeightType::kQ5_0 ? 16
                                 : type == WeightType::kQ6_K ? 32
                                                             : 0;

  // Columns 4 g .. 4 g + 3 of the rows of one register, a byte each. q: the first of these rows in the
  // vectors of 32 columns.
  template <int g>
  [[gnu::always_inline]] static inline typename Isa::Int Vector(const uint8_t* q) {
    using Int = typename Isa::Int;
    if constexpr (type == WeightType::kQ8_0) {
      const Int bytes = Isa::Load(q + g * kVectorBytes);
      return Isa::kSignedBytes ? bytes : Isa::Xor(bytes, Isa::Bytes(-128));
    } else {
      const Int both = Isa::Load(q + g % 4 * kVectorBytes);
      const Int nibbles = Isa::And(g < 4 ? both : Isa::template Shift<-4>(both), Isa::Bytes(15));
      if constexpr (type == WeightType::kIQ4_NL) return Isa::Lookup(kTable.of, nibbles);
      // The other bits of the byte, moved to bit 4 and on.
      if constexpr (kFifthBit) {
        const Int bits = Isa::template Shift<4 - g>(Isa::Load(q + 4 * kVectorBytes));
        return Isa::OrMasked(nibbles, bits, Isa::Bytes(0x10));
      }
      if constexpr (kSixBits) {
        const Int bits = Isa::template Shift<4 - g % 4 * 2>(Isa::Load(q + (4 + g / 4) * kVectorBytes));
        return Isa::OrMasked(nibbles, bits, Isa::Bytes(0x30));
      }
      return nibbles;
    }
  }

 private:
  // kIq4Values + kOffset.
  struct Table {
    uint8_t of[16];
  };
  static constexpr Table kTable = [] {
    Table table = {};
    for (int i = 0; i < 16; ++i) table.of[i] = static_cast<uint8_t>(kIq4Values[i] + kOffset);
    return table;
  }();
};

}  // namespace
}  // namespace linnet::kernels::x86_tiles

#endif  // LINNET_RUNTIME_KERNELS_AVX2_TILE_WEIGHTS_H_
