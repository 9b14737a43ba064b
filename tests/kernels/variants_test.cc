#include "tests/kernels/variants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>

#include "runtime/kernels/fetch_ahead.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"

// Products, and what is done to vectors: all sizes around the vectors' borders.
namespace linnet::kernels {
namespace {

const size_t kSizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  12, 15,  16,  17,
                         23, 24, 31, 32, 33, 47, 48, 63, 64, 65, 100, 172, 576};
const size_t kRowCounts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33};
const size_t kTokenCounts[] = {0, 1, 2, 3};

class VariantsTest : public VariantsFixture {
 protected:
  void CompareMatMul(const WeightTypeInfo& info, Values values, size_t rows, size_t cols, size_t tokens) {
    GuardedBuffer<char> w(rows * cols / info.block * info.block_bytes);
    FillWeights(info, values, random_, w.span());
    GuardedBuffer<float> x(info.activation == Activation::kFloats ? tokens * cols : 0);
    GuardedBuffer<ActBlock> blocks(info.activation == Activation::kBlocksOf32 ? tokens * cols / kBlock : 0);
    GuardedBuffer<ActBlock256> blocks256(
        info.activation == Activation::kBlocksOf256 ? tokens * cols / kBlock256 : 0);
    Fill(x, random_, values);
    FillActivations(values, blocks.span(), blocks256.span());
    const void* input = info.activation == Activation::kFloats       ? static_cast<const void*>(x.data())
                        : info.activation == Activation::kBlocksOf32 ? static_cast<const void*>(blocks.data())
                                                                     : blocks256.data();
    const std::string what = "matmul " + std::string(info.name) + " rows " + std::to_string(rows) + " cols " +
                             std::to_string(cols) + " tokens " + std::to_string(tokens);
    const size_t stride = rows + 1;
    Compare(tokens == 0 ? 0 : (tokens - 1) * stride + rows, what, [&](const Ops& ops, float* y) {
      ops.matmul[info.type](w.data(), input, y, rows, cols, tokens, stride);
    });
  }

  void CompareTiles(const TileFormat& format, Values values, size_t rows, size_t cols, size_t tokens) {
    const size_t blocks = cols / format.block;
    // Tiles start at a multiple of 64 and end where a page does.
    GuardedBuffer<char> w(TiledBytes(format, rows, cols));
    for (char& byte : w.span()) {
      byte = static_cast<char>(values == Values::kExtreme ? 0u - random_.Bits() % 2 : random_.Bits());
    }
    const bool min = format.type == WeightType::kQ4_1 || format.type == WeightType::kQ5_1 ||
                     format.type == WeightType::kQ4_K || format.type == WeightType::kQ5_K;
    const bool six_bits = format.type == WeightType::kQ4_K || format.type == WeightType::kQ5_K;
    for (size_t tile = 0; tile < w.size(); tile += TileBytes(format, cols)) {
      for (size_t b = 0; b < blocks; ++b) {
        char* head = &w[tile + b * BlockBytes(format)];
        const size_t halves = kTileRows * (min ? 2 : 1);
        for (size_t i = 0; i < halves; ++i) {
          const uint16_t half = random_.Half(values);
          std::memcpy(head + 2 * i, &half, sizeof(half));
        }
        for (size_t i = 2 * halves; six_bits && i < format.head_bytes; ++i) head[i] = head[i] & 63;
      }
    }
    const bool large = format.block == kBlock256;
    GuardedBuffer<ActBlock> act(large ? 0 : tokens * blocks);
    GuardedBuffer<ActBlock256> act256(large ? tokens * blocks : 0);
    FillActivations(values, act.span(), act256.span());
    const void* input = large ? static_cast<const void*>(act256.data()) : act.data();
    const std::string what = "tiles " + std::string(InfoOf(format.type).name) + " rows " +
                             std::to_string(rows) + " cols " + std::to_string(cols) + " tokens " +
                             std::to_string(tokens);
    const size_t stride = rows + 1;
    for (const FetchAhead ahead : {FetchAhead::kByProcessor, FetchAhead::kByRequest}) {
      SetFetchAhead(ahead);
      if (ahead == FetchAhead::kByProcessor && tokens > 2) continue;  // it is for few
      Compare(tokens == 0 ? 0 : (tokens - 1) * stride + rows, what, [&](const Ops& ops, float* y) {
        ops.tile_matmul[format.type](w.data(), input, y, rows, cols, tokens, stride);
      });
    }
  }

  template <size_t kSize, typename Quantize, typename Normalize, typename Gate>
  void CompareFused(Values values, size_t n, Quantize quantize, Normalize normalize, Gate gate) {
    using Block = std::conditional_t<kSize == kBlock, ActBlock, ActBlock256>;
    GuardedBuffer<float> x(n), w(n), wide(n);
    Fill(x, random_, values);
    Fill(w, random_, values);
    for (float& f : wide.span()) f = random_.Float(Values::kPlain) * 60.0f;  // past both ends of exp's range
    if (n > 2 * kSize) std::fill_n(w.data() + kSize, kSize, 0.0f);           // a block of zeros
    GuardedBuffer<float> made(n);
    GuardedBuffer<Block> expected(n / kSize);
    const auto compare = [&](const std::string& what, const auto& fused) {
      (Oracle().*quantize)(made.data(), expected.data(), n / kSize);
      for (const Variant& variant : Variants()) {
        if (!Supported(variant)) continue;
        GuardedBuffer<Block> found(n / kSize);
        fused(variant.ops, found.data());
        ASSERT_TRUE(found.Intact()) << variant.name << " " << what;
        ASSERT_EQ(std::memcmp(found.data(), expected.data(), n / kSize * sizeof(Block)), 0)
            << variant.name << " " << what << " n " << n;
      }
    };
    Oracle().rms_norm(x.data(), w.data(), made.data(), n, 1e-5f);
    compare("rms_norm", [&](const Ops& o, Block* y) { normalize(o, x.data(), w.data(), y, n); });
    Oracle().swiglu(wide.data(), x.data(), made.data(), n);
    compare("swiglu", [&](const Ops& o, Block* y) { gate(o, wide.data(), x.data(), y, n); });
  }

  void FillActivations(Values values, std::span<ActBlock> blocks, std::span<ActBlock256> blocks256) {
    for (ActBlock& block : blocks) {
      block.d = random_.Float(Values::kPlain);
      FillQuants(values, block.q);
      block.sum = std::accumulate(block.q, block.q + kBlock, 0);
    }
    for (ActBlock256& block : blocks256) {
      block.d = random_.Float(Values::kPlain);
      FillQuants(values, block.q);
      for (size_t j = 0; j < kBlock256 / 16; ++j) {
        block.sums[j] = static_cast<int16_t>(std::accumulate(block.q + 16 * j, block.q + 16 * j + 16, 0));
      }
    }
  }

  // Any bytes, or the extreme ones; scales of moderate or of any finite size.
  static void FillWeights(const WeightTypeInfo& info, Values values, Random& random, std::span<char> bytes) {
    for (char& byte : bytes) {
      byte = static_cast<char>(values == Values::kExtreme ? 0u - random.Bits() % 2 : random.Bits());
    }
    for (size_t at = 0; at < bytes.size(); at += info.block_bytes) {
      if (info.type == WeightType::kF32 || info.type == WeightType::kBF16) {
        const float value = random.Float(values);
        // A BF16 is the upper half of a float.
        const char* from = reinterpret_cast<const char*>(&value) + (sizeof(value) - info.block_bytes);
        std::memcpy(&bytes[at], from, info.block_bytes);
      } else if (info.type == WeightType::kF16) {
        const uint16_t half = random.Half(values);
        std::memcpy(&bytes[at], &half, sizeof(half));
      } else if (info.type == WeightType::kMXFP4) {
        // Up to 2^72: sums stay finite.
        bytes[at] =
            static_cast<char>(values == Values::kExtreme ? random.Bits() % 201 : 124 + random.Bits() % 6);
      }
      for (size_t s = 0; s < info.scales; ++s) {
        const uint16_t half = random.Half(values);
        std::memcpy(&bytes[at + info.scale_offset + 2 * s], &half, sizeof(half));
      }
    }
  }

  void FillQuants(Values values, std::span<int8_t> q) {
    for (int8_t& value : q) value = std::max(int8_t{-127}, random_.Quant(values));
  }

  Random random_{kSeed};
};

TEST_F(VariantsTest, MatMulOfFloatTypesEqualsScalar) {
  for (const WeightTypeInfo& info : kWeightTypes) {
    if (info.block > 1) continue;
    for (const Values values : kValues) {
      for (const size_t rows : {0, 1, 3, 4, 5, 9}) {
        for (const size_t cols : kSizes) {
          for (const size_t tokens : kTokenCounts) {
            CompareMatMul(info, values, rows, cols, tokens);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

// Sets take some rows and some tokens together, and many tokens with rows that they converted before.
TEST_F(VariantsTest, LargeMatMulOfFloatTypesEqualsScalar) {
  struct Shape {
    size_t rows, cols, tokens;
  };
  constexpr Shape kShapes[] = {{8, 36, 23},   {9, 37, 24},   {13, 31, 26},  {40, 1000, 25},
                               {7, 4064, 24}, {5, 4096, 25}, {11, 5000, 9}, {3, 8170, 24},
                               {2, 8192, 31}, {2, 9000, 7},  {1, 17, 60},   {19, 16, 61},
                               {0, 16, 40},   {3, 0, 40},    {300, 90, 30}, {21, 2000, 12}};
  for (const WeightTypeInfo& info : kWeightTypes) {
    if (info.block > 1) continue;
    for (const Values values : kValues) {
      for (const size_t tokens : {4, 5, 6, 7, 8, 11, 12}) {
        for (const size_t rows : {1, 2, 3, 7, 9, 17}) CompareMatMul(info, values, rows, 71, tokens);
        if (HasFatalFailure()) return;
      }
      for (const Shape& shape : kShapes) {
        CompareMatMul(info, values, shape.rows, shape.cols, shape.tokens);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(VariantsTest, MatMulOfBlockTypesEqualsScalar) {
  for (const WeightTypeInfo& info : kWeightTypes) {
    if (info.block == 1) continue;
    for (const Values values : kValues) {
      for (const size_t rows : kRowCounts) {
        for (const size_t blocks : {0, 1, 2, 3, 5, 18}) {
          for (const size_t tokens : kTokenCounts) {
            if (info.block == kBlock256 && blocks * rows > 60) continue;  // the scalar set is slow
            CompareMatMul(info, values, rows, blocks * info.block, tokens);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

TEST_F(VariantsTest, TilesEqualScalar) {
  for (const TileFormat& format : kTileFormats) {
    for (const Values values : kValues) {
      for (const size_t rows : {0, 1, 15, 16, 17, 33, 64, 80}) {
        for (const size_t blocks : {0, 1, 2, 3, 5, 18}) {
          for (const size_t tokens : {0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31}) {
            const size_t work = blocks * format.block * (rows + 1) * (tokens + 1);
            if (work > 40000 && tokens != 3) continue;  // the scalar set is slow
            if (work > 160000) continue;
            CompareTiles(format, values, rows, blocks * format.block, tokens);
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

// Sets take many columns in stretches, and rows that no cache holds in groups of tiles.
TEST_F(VariantsTest, LargeTilesEqualScalar) {
  struct Shape {
    size_t rows, cols, tokens;
  };
  constexpr Shape kShapes[] = {{1, 66 * 256, 1},  {17, 34 * 256, 2}, {20, 18 * 256, 5},  {17, 9 * 256, 15},
                               {33, 5 * 256, 16}, {17, 6 * 256, 35}, {150, 8 * 256, 19}, {300, 7 * 256, 5}};
  for (const TileFormat& format : kTileFormats) {
    for (const Values values : kValues) {
      for (const Shape& shape : kShapes) {
        CompareTiles(format, values, shape.rows, shape.cols - (format.block == kBlock ? kBlock : 0),
                     shape.tokens);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(VariantsTest, WeightsMayStandAtAnyAddress) {
  constexpr size_t kRows = 9, kCols = 256;
  std::vector<float> x(kCols);
  for (float& f : x) f = random_.Float(Values::kPlain);
  std::vector<ActBlock> act(kCols / kBlock);
  std::vector<ActBlock256> act256(1);
  scalar::Quantize(x.data(), act.data(), act.size());
  scalar::Quantize256(x.data(), act256.data(), act256.size());
  for (const WeightTypeInfo& info : kWeightTypes) {
    const void* input = info.activation == Activation::kFloats       ? static_cast<const void*>(x.data())
                        : info.activation == Activation::kBlocksOf32 ? static_cast<const void*>(act.data())
                                                                     : act256.data();
    std::vector<char> bytes(kRows * kCols / info.block * info.block_bytes + 3);
    for (const size_t offset : {1, 2, 3}) {
      FillWeights(info, Values::kPlain, random_, std::span(bytes).subspan(offset, bytes.size() - 3));
      Compare(kRows, std::string(info.name), [&](const Ops& o, float* y) {
        o.matmul[info.type](bytes.data() + offset, input, y, kRows, kCols, 1, kRows);
      });
    }
  }
}

TEST_F(VariantsTest, Quantize256EqualsScalar) {
  for (const Values values : kValues) {
    for (size_t blocks = 0; blocks <= 5; ++blocks) {
      GuardedBuffer<float> x(blocks * kBlock256);
      Fill(x, random_, values);
      if (blocks > 2) {
        for (size_t i = 0; i < kBlock256; ++i) x[i] = 0.0f;
        for (size_t i = 0; i < kBlock256; ++i) x[kBlock256 + i] = 1e-39f * random_.Float(Values::kPlain);
        for (size_t i = 0; i < kBlock256; ++i) x[2 * kBlock256 + i] = -127.0f;  // the largest sums
      }
      GuardedBuffer<ActBlock256> expected(blocks);
      Oracle().quantize_256(x.data(), expected.data(), blocks);
      for (const Variant* variant : Tested()) {
        GuardedBuffer<ActBlock256> found(blocks);
        variant->ops.quantize_256(x.data(), found.data(), blocks);
        ASSERT_TRUE(found.Intact());
        ASSERT_EQ(std::memcmp(found.data(), expected.data(), blocks * sizeof(ActBlock256)), 0)
            << variant->name << " blocks " << blocks;
      }
    }
  }
}

TEST_F(VariantsTest, QuantizeEqualsScalar) {
  for (const Values values : kValues) {
    Random random(kSeed);
    for (size_t blocks = 0; blocks <= 9; ++blocks) {
      GuardedBuffer<float> x(blocks * kBlock);
      Fill(x, random, values);
      if (blocks > 2) {
        for (size_t i = 0; i < kBlock; ++i) x[i] = 0.0f;  // a block of zeros
        for (size_t i = 0; i < kBlock; ++i)
          x[kBlock + i] = 1e-39f * random.Float(Values::kPlain);                                // d denormal
        for (size_t i = 0; i < kBlock; ++i) x[2 * kBlock + i] = static_cast<float>(i) - 15.5f;  // halves
        x[2 * kBlock] = 127.0f;
      }
      GuardedBuffer<ActBlock> expected(blocks);
      Oracle().quantize(x.data(), expected.data(), blocks);
      for (const Variant* variant : Tested()) {
        GuardedBuffer<ActBlock> found(blocks);
        variant->ops.quantize(x.data(), found.data(), blocks);
        ASSERT_TRUE(found.Intact());
        ASSERT_EQ(std::memcmp(found.data(), expected.data(), blocks * sizeof(ActBlock)), 0)
            << variant->name << " blocks " << blocks;
      }
    }
  }
}

// What is quantized as it is made has the blocks that the two steps would give.
TEST_F(VariantsTest, FusedQuantizationEqualsItsTwoSteps) {
  for (const Values values : kValues) {
    for (const size_t blocks : {0, 1, 2, 3, 5, 18}) {
      CompareFused<kBlock>(
          values, blocks * kBlock, &Ops::quantize,
          [](const Ops& o, const float* x, const float* w, ActBlock* y, size_t n) {
            o.rms_norm_quantize(x, w, y, n, 1e-5f);
          },
          [](const Ops& o, const float* gate, const float* up, ActBlock* y, size_t n) {
            o.swiglu_quantize(gate, up, y, n);
          });
      CompareFused<kBlock256>(
          values, blocks * kBlock256, &Ops::quantize_256,
          [](const Ops& o, const float* x, const float* w, ActBlock256* y, size_t n) {
            o.rms_norm_quantize_256(x, w, y, n, 1e-5f);
          },
          [](const Ops& o, const float* gate, const float* up, ActBlock256* y, size_t n) {
            o.swiglu_quantize_256(gate, up, y, n);
          });
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(VariantsTest, VectorOperationsEqualScalar) {
  for (const Values values : kValues) {
    Random random(kSeed);
    for (const size_t n : kSizes) {
      GuardedBuffer<float> a(n), b(n), wide(n);
      Fill(a, random, values);
      Fill(b, random, values);
      for (float& f : wide.span()) f = random.Float(Values::kPlain) * 60.0f;  // past both ends of exp's range
      const std::string what = "n " + std::to_string(n);
      Compare(n, "rms_norm " + what,
              [&](const Ops& o, float* y) { o.rms_norm(a.data(), b.data(), y, n, 1e-5f); });
      Compare(n, "swiglu " + what, [&](const Ops& o, float* y) { o.swiglu(wide.data(), b.data(), y, n); });
      Compare(n, "add " + what, [&](const Ops& o, float* y) { o.add(y, a.data(), n); });
      Compare(n, "exp " + what, [&](const Ops& o, float* y) { o.exp(wide.data(), y, n); });
      Compare(n, "layer_norm " + what,
              [&](const Ops& o, float* y) { o.layer_norm(a.data(), b.data(), wide.data(), y, n, 1e-5f); });
      Compare(n, "layer_norm in place, no bias " + what, [&](const Ops& o, float* y) {
        std::copy_n(a.data(), n, y);
        o.layer_norm(y, b.data(), nullptr, y, n, 1e-5f);
      });
      for (const float* x : {a.data(), wide.data()}) {
        Compare(n, "gelu_tanh " + what, [&](const Ops& o, float* y) { o.gelu_tanh(x, y, n); });
        Compare(n, "gelu_erf " + what, [&](const Ops& o, float* y) { o.gelu_erf(x, y, n); });
        Compare(n, "soft_cap " + what, [&](const Ops& o, float* y) {
          std::copy_n(x, n, y);
          o.soft_cap(y, 30.0f, n);
        });
        Compare(n, "scale " + what, [&](const Ops& o, float* y) {
          std::copy_n(x, n, y);
          o.scale(y, 0.3f, n);
        });
        Compare(n, "mul " + what, [&](const Ops& o, float* y) { o.mul(y, x, n); });
        Compare(n, "mul_add " + what, [&](const Ops& o, float* y) { o.mul_add(y, x, b.data(), n); });
      }
      Compare(n, "exp in place " + what, [&](const Ops& o, float* y) {
        std::copy_n(wide.data(), n, y);
        o.exp(y, y, n);
      });
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(VariantsTest, RopeEqualsScalar) {
  Random random(kSeed);
  for (const size_t heads : {0, 1, 3}) {
    for (const size_t pairs : {0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 32, 33}) {
      for (const size_t rest : {0, 1, 6}) {  // elements of a head that are not turned
        const size_t head_dim = 2 * pairs + rest;
        GuardedBuffer<float> x(heads * head_dim), angles(2 * pairs);
        Fill(x, random, Values::kPlain);
        Fill(angles, random, Values::kPlain);
        const std::string what = "heads " + std::to_string(heads) + " pairs " + std::to_string(pairs);
        Compare(x.size(), "rope_interleaved " + what, [&](const Ops& o, float* y) {
          std::copy_n(x.data(), x.size(), y);
          o.rope_interleaved(y, angles.data(), heads, head_dim, pairs);
        });
        Compare(x.size(), "rope_half " + what, [&](const Ops& o, float* y) {
          std::copy_n(x.data(), x.size(), y);
          o.rope_half(y, angles.data(), heads, head_dim, pairs);
        });
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(VariantsTest, SsmStepEqualsScalar) {
  Random random(kSeed);
  for (const size_t n : kSizes) {
    for (const size_t channels : {0, 1, 5}) {
      GuardedBuffer<float> x(channels), b(n), c(n), y(channels);
      Fill(x, random, Values::kPlain);
      Fill(b, random, Values::kPlain);
      Fill(c, random, Values::kPlain);
      const std::string what = "ssm_step n " + std::to_string(n) + " channels " + std::to_string(channels);
      Compare(channels * n, what + " state", [&](const Ops& o, float* state) {
        for (int i = 0; i < 2; ++i)
          o.ssm_step(state, x.data(), b.data(), c.data(), 0.9f, 0.3f, 0.7f, y.data(), channels, n);
      });
      Compare(channels, what, [&](const Ops& o, float* out) {
        GuardedBuffer<float> state(channels * n);
        Fill(state);
        o.ssm_step(state.data(), x.data(), b.data(), c.data(), 0.9f, 0.3f, 0.7f, out, channels, n);
      });
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(VariantsTest, ToHalfEqualsScalar) {
  Random random(kSeed);
  for (const Values values : kValues) {
    for (const size_t n : kSizes) {
      GuardedBuffer<float> x(n);
      Fill(x, random, values);
      for (size_t i = 0; i < n; i += 3) x[i] *= 0x1p14f;  // up to and past the largest half
      GuardedBuffer<uint16_t> expected(n);
      Oracle().to_half(x.data(), expected.data(), n);
      for (const Variant* variant : Tested()) {
        GuardedBuffer<uint16_t> found(n);
        variant->ops.to_half(x.data(), found.data(), n);
        ASSERT_TRUE(found.Intact());
        for (size_t i = 0; i < n; ++i) ASSERT_EQ(found[i], expected[i]) << variant->name << " " << x[i];
      }
    }
  }
}

}  // namespace
}  // namespace linnet::kernels
