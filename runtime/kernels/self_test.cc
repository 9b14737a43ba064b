#include <cstring>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"

// A few thousand operations at start: enough to catch a CPU, compiler or emulator that computes otherwise.
// The property test in tests/kernels is the thorough one.
namespace linnet::kernels {
namespace {

constexpr size_t kRows = 11, kCols = 96, kTokens = 2;

class Lcg {
 public:
  uint32_t Next() { return state_ = state_ * 1664525u + 1013904223u; }
  float Float() { return static_cast<float>(static_cast<int32_t>(Next()) >> 8) * (1.0f / 4194304.0f); }

 private:
  uint32_t state_ = 20250101;
};

struct Inputs {
  std::vector<float> x, w;

  Inputs() : x(kRows * kCols), w(kRows * kCols) {
    Lcg lcg;
    for (float& f : x) f = lcg.Float();
    for (float& f : w) f = lcg.Float();
  }
};

// Rows of blocks of the type: random bytes with scales of a moderate size.
std::vector<uint8_t> Weights(const WeightTypeInfo& info, size_t blocks) {
  Lcg lcg;
  std::vector<uint8_t> bytes(blocks * info.block_bytes);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(lcg.Next() >> 24);
  if (info.type == WeightType::kF32) {
    for (size_t i = 0; i < blocks; ++i) bytes[4 * i + 3] = 0x3d | (bytes[4 * i + 3] & 0x80);
  } else if (info.block == 1) {
    for (size_t i = 0; i < blocks; ++i) bytes[2 * i + 1] = 0x28 | (bytes[2 * i + 1] & 0x93);
  } else if (info.type == WeightType::kMXFP4) {
    for (size_t i = 0; i < blocks; ++i) bytes[i * info.block_bytes] = static_cast<uint8_t>(120 + i % 8);
  }
  for (size_t i = 0; i < blocks; ++i) {
    for (size_t s = 0; s < info.scales; ++s)
      bytes[i * info.block_bytes + info.scale_offset + 2 * s + 1] = 0x1c;
  }
  return bytes;
}

// One tile, somewhere in more bytes than it needs: small integers everywhere, so that halves are moderate
// too.
std::vector<uint8_t> Tiles(const TileFormat& format, size_t cols) {
  Lcg lcg;
  std::vector<uint8_t> bytes(TileBytes(format, cols) + kTileAlign);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(lcg.Next() >> 24 & 0x1f);
  return bytes;
}

// Keys or values in 8 bits: rows of two blocks.
std::vector<uint8_t> RowsInBytes(const float* x, size_t rows) {
  std::vector<uint8_t> bytes;
  const auto append = [&bytes](const void* from, size_t n) {
    const auto* first = static_cast<const uint8_t*>(from);
    bytes.insert(bytes.end(), first, first + n);
  };
  for (size_t r = 0; r < rows; ++r) {
    ActBlock blocks[2];
    scalar::Quantize(x + r % (kRows * kCols / kBlock - 1) * kBlock, blocks, 2);
    for (const ActBlock& block : blocks) append(block.q, sizeof(block.q));
    for (const ActBlock& block : blocks) append(&block.d, sizeof(block.d));
  }
  return bytes;
}

template <typename F>
bool Same(F&& run, const Ops& a, const Ops& b) {
  std::vector<float> ya(kRows * kCols, 1.0f), yb(kRows * kCols, 1.0f);
  run(a, ya.data());
  run(b, yb.data());
  return std::memcmp(ya.data(), yb.data(), ya.size() * sizeof(float)) == 0;
}

}  // namespace

std::string SelfTest(const Variant& variant) {
  const Ops& a = Variants().data[0].ops;
  const Ops& b = variant.ops;
  const Inputs in;
  const float* x = in.x.data();
  const float* w = in.w.data();
  const auto same = [&](auto&& run) { return Same(run, a, b); };
  for (const WeightTypeInfo& info : kWeightTypes) {
    const size_t cols = info.block == 1 ? kCols - 3 : info.block * size_t{2};
    const size_t rows = info.block == kBlock256 ? 5 : kRows;  // they are long
    const std::vector<uint8_t> weights = Weights(info, rows * cols / info.block);
    std::vector<ActBlock> act(kTokens * cols / kBlock);
    std::vector<ActBlock256> act256(kTokens * cols / kBlock256);
    a.quantize(x, act.data(), act.size());
    a.quantize_256(x, act256.data(), act256.size());
    const void* input = info.activation == Activation::kFloats       ? static_cast<const void*>(x)
                        : info.activation == Activation::kBlocksOf32 ? static_cast<const void*>(act.data())
                                                                     : act256.data();
    if (!same([&](const Ops& o, float* y) {
          o.matmul[info.type](weights.data(), input, y, rows, cols, kTokens, rows);
        })) {
      return "matmul " + std::string(info.name);
    }
  }
  for (const TileFormat& format : kTileFormats) {
    const size_t cols = format.block * size_t{2};
    const std::vector<uint8_t> bytes = Tiles(format, cols);
    const uint8_t* tiles =
        bytes.data() + (kTileAlign - reinterpret_cast<uintptr_t>(bytes.data()) % kTileAlign);
    std::vector<ActBlock> act(kTokens * cols / kBlock);
    std::vector<ActBlock256> act256(kTokens * cols / kBlock256);
    a.quantize(x, act.data(), act.size());
    a.quantize_256(x, act256.data(), act256.size());
    const void* input = format.block == kBlock ? static_cast<const void*>(act.data()) : act256.data();
    if (!same([&](const Ops& o, float* y) {
          o.tile_matmul[format.type](tiles, input, y, kRows, cols, kTokens, kRows);
        })) {
      return "tile_matmul " + std::string(InfoOf(format.type).name);
    }
  }
  {
    const TileFormat& upper = *FindTileFormat(WeightType::kQ4_0);
    const std::vector<uint8_t> bytes = Tiles(upper, kCols);
    if (!same([&](const Ops& o, float* y) {
          std::vector<uint8_t> whole(TileBytes(*FindTileFormat(WeightType::kQ8_0), kCols));
          o.join_planes(bytes.data(), bytes.data() + 5, whole.data(), 1, kCols);
          for (size_t i = 0; i < kRows * kCols; ++i) y[i] = whole[i];
        }))
      return "join_planes";
    std::vector<ActBlock> act(kCols / kBlock);
    a.quantize(x, act.data(), act.size());
    if (!same([&](const Ops& o, float* y) {
          const uint32_t rows[2] = {1, kRows - 1};
          LowerSums sums[2];
          o.sum_lower(bytes.data(), bytes.data() + 5, rows, 2, kCols, act.data(), sums);
          for (size_t i = 0; i < 2; ++i) y[i] = sums[i].product + sums[i].squares;
        }))
      return "sum_lower";
  }
  if (!same([&](const Ops& o, float* y) {
        std::vector<ActBlock> blocks(kRows * kCols / kBlock);
        o.quantize(x, blocks.data(), blocks.size());
        for (size_t i = 0; i < blocks.size(); ++i)
          y[i] = blocks[i].d + static_cast<float>(blocks[i].q[i % kBlock] + blocks[i].sum);
      }))
    return "quantize";
  if (!same([&](const Ops& o, float* y) {
        std::vector<ActBlock256> blocks(kRows * kCols / kBlock256);
        o.quantize_256(x, blocks.data(), blocks.size());
        for (size_t i = 0; i < kBlock256; ++i) {
          const size_t group = i / 16;
          y[i] = blocks[1].d + static_cast<float>(blocks[1].q[i] + blocks[1].sums[group]);
        }
      }))
    return "quantize_256";
  if (!same([&](const Ops& o, float* y) { o.rms_norm(x, w, y, kCols - 1, 1e-5f); })) return "rms_norm";
  const auto numbers = [](const auto& block, float* y) {
    for (size_t i = 0; i < sizeof(block.q); ++i) y[i] = block.d + static_cast<float>(block.q[i]);
  };
  if (!same([&](const Ops& o, float* y) {
        ActBlock blocks[kCols / kBlock];
        o.rms_norm_quantize(x, w, blocks, kCols, 1e-5f);
        for (size_t i = 0; i < kCols / kBlock; ++i) numbers(blocks[i], y + i * kBlock);
        o.swiglu_quantize(x, w, blocks, kBlock);
        numbers(blocks[0], y + kCols);
      }))
    return "rms_norm_quantize, swiglu_quantize";
  if (!same([&](const Ops& o, float* y) {
        ActBlock256 block;
        o.rms_norm_quantize_256(x, w, &block, kBlock256, 1e-5f);
        numbers(block, y);
        o.swiglu_quantize_256(x, w, &block, kBlock256);
        numbers(block, y + kBlock256);
      }))
    return "rms_norm_quantize_256, swiglu_quantize_256";
  std::vector<uint16_t> halves(in.w.size());
  if (!same([&](const Ops& o, float* y) {
        o.to_half(w, halves.data(), halves.size() - 1);
        for (size_t i = 0; i < halves.size(); ++i) y[i] = halves[i];
      }))
    return "to_half";
  std::vector<ActBlock> queries(2 * 12);
  scalar::Quantize(x, queries.data(), queries.size());
  const std::vector<uint8_t> bytes = RowsInBytes(w, 69);
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kQ8}) {
    for (const size_t window : {0, 20}) {
      const void* rows = w;
      if (type == KvType::kF16) rows = halves.data();
      if (type == KvType::kQ8) rows = bytes.data();
      const size_t head_dim = type == KvType::kQ8 ? 40 : 12;
      if (!same([&](const Ops& o, float* y) {
            o.attend({.type = type,
                      .k = rows,
                      .v = rows,
                      .q = x,
                      .q8 = queries.data(),
                      .out = y,
                      .begin = 1,
                      .end = type == KvType::kQ8 || window > 0 ? size_t{5} : size_t{10},
                      .heads = 3,
                      .stride = 3 * head_dim + 4,
                      .head_dim = head_dim,
                      .positions = 66,
                      .growth = 1,
                      .window = window,
                      .scale = 0.3f,
                      .cap = window == 0 ? 0.0f : 2.0f});
          }))
        return "attend";
    }
  }
  if (!same([&](const Ops& o, float* y) { o.rope_interleaved(y, x, 3, 14, 6); })) return "rope_interleaved";
  if (!same([&](const Ops& o, float* y) { o.rope_half(y, x, 3, 14, 6); })) return "rope_half";
  if (!same([&](const Ops& o, float* y) { o.swiglu(x, w, y, kCols - 1); })) return "swiglu";
  if (!same([&](const Ops& o, float* y) { o.add(y, x, kCols - 1); })) return "add";
  if (!same([&](const Ops& o, float* y) { o.exp(x, y, kCols - 1); })) return "exp";
  if (!same([&](const Ops& o, float* y) { o.layer_norm(x, w, x, y, kCols - 1, 1e-5f); })) return "layer_norm";
  if (!same([&](const Ops& o, float* y) { o.gelu_tanh(x, y, kCols - 1); })) return "gelu_tanh";
  if (!same([&](const Ops& o, float* y) { o.gelu_erf(x, y, kCols - 1); })) return "gelu_erf";
  if (!same([&](const Ops& o, float* y) { o.add(y, x, kCols), o.soft_cap(y, 1.5f, kCols - 1); }))
    return "soft_cap";
  if (!same([&](const Ops& o, float* y) { o.add(y, x, kCols), o.scale(y, 0.3f, kCols - 1); })) return "scale";
  if (!same([&](const Ops& o, float* y) { o.add(y, x, kCols), o.mul(y, w, kCols - 1); })) return "mul";
  if (!same([&](const Ops& o, float* y) { o.mul_add(y, x, w, kCols - 1); })) return "mul_add";
  if (!same([&](const Ops& o, float* y) {
        o.ssm_step(y, x, w, x + kCols, 0.9f, 0.2f, 0.7f, y + 5 * (kCols - 1), 5, kCols - 1);
      }))
    return "ssm_step";
  return "";
}

}  // namespace linnet::kernels
