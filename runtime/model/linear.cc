#include "runtime/model/linear.h"

#include <algorithm>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/planes.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"

namespace linnet::model {
namespace {

using kernels::Activation;
using kernels::kBlock;
using kernels::kBlock256;

// Below this many multiplications, waking the other threads costs more than they bring.
constexpr size_t kAloneBelow = 1 << 18;
// Products of many tokens arrange these anew for each piece: so pieces are of several tiles.
constexpr size_t kManyTokens = 12, kManyTokensStep = 4 * kernels::kTileRows;
constexpr size_t kQuantizeAloneBelow = 256, kQuantizeStep = 8;  // blocks

// A tile that is put together is still in a cache when it is multiplied; one of the widest matrix in planes
// fits.
constexpr size_t kJoinedBytes = 64 << 10;
static_assert(TileBytes(*kernels::FindTileFormat(kernels::WeightType::kQ8_0), kernels::kMostPlaneCols) <=
              kJoinedBytes);

// Rows that the matrix's tiles hold, those before its own included.
size_t Held(const Matrix& m) { return m.first_row + m.rows; }

}  // namespace

Linear::Linear(const kernels::Ops& ops, base::ThreadPool& pool, size_t max_values)
    : ops_(ops), pool_(pool), blocks_(max_values / kBlock), blocks256_(max_values / kBlock256) {}

// x in the form that products with weights of the type take.
const void* Linear::Input(kernels::WeightType type, const float* x) const {
  switch (kernels::InfoOf(type).activation) {
    case Activation::kFloats:
      break;
    case Activation::kBlocksOf32:
      return blocks_.data();
    case Activation::kBlocksOf256:
      return blocks256_.data();
  }
  return x;
}

void Linear::Part(const Output& output, size_t begin, size_t end, const float* x, size_t tokens) const {
  const Matrix& m = output.matrix;
  if (m.planes) return JoinedTiles(output, begin, end, x, tokens);
  if (m.tiled) return Tiles(output, begin, end, x, tokens);
  ops_.matmul[m.type](m.data + begin * m.row_bytes, Input(m.type, x), output.y + begin, end - begin, m.cols,
                      tokens, m.rows);
}

void Linear::Tiles(const Output& output, size_t begin, size_t end, const float* x, size_t tokens) const {
  const Matrix& m = output.matrix;
  const void* input = Input(m.type, x);
  if (begin < m.first_row) {
    // The matrix begins inside a tile. Its rows are the tile's last; no model that is in use has such shapes.
    const size_t rows = std::min(end, kRowStep), mine = rows - m.first_row;
    std::vector<float> tile(tokens * rows);
    ops_.tile_matmul[m.type](m.data, input, tile.data(), rows, m.cols, tokens, rows);
    for (size_t t = 0; t < tokens; ++t) {
      std::copy_n(tile.data() + t * rows + m.first_row, mine, output.y + t * m.rows);
    }
    begin = rows;
  }
  if (begin == end) return;
  const size_t tile_bytes = TileBytes(*kernels::FindTileFormat(m.type), m.cols);
  ops_.tile_matmul[m.type](m.data + begin / kRowStep * tile_bytes, input, output.y + begin - m.first_row,
                           end - begin, m.cols, tokens, m.rows);
}

void Linear::JoinedTiles(const Output& output, size_t begin, size_t end, const float* x,
                         size_t tokens) const {
  const Matrix& m = output.matrix;
  const kernels::TileFormat& half = *kernels::FindTileFormat(kernels::WeightType::kQ4_0);
  alignas(kernels::kTileAlign) std::byte joined[kJoinedBytes];
  const std::byte* lower = m.data + kernels::PlanesOf(m.rows, m.cols).lower_at;
  const size_t upper_bytes = TileBytes(half, m.cols);
  const size_t lower_bytes = kRowStep * (m.cols / kBlock) * kernels::kPlaneLowerBytes;
  for (size_t tile = begin / kRowStep; begin < end; ++tile, begin += kRowStep) {
    ops_.join_planes(m.data + tile * upper_bytes, lower + tile * lower_bytes, joined, 1, m.cols);
    ops_.tile_matmul[m.type](joined, Input(m.type, x), output.y + begin, std::min(kRowStep, end - begin),
                             m.cols, tokens, m.rows);
  }
}

template <typename Work>
void Linear::ForBlocks(size_t blocks, bool alone, Work work) {
  if (alone || blocks < kQuantizeAloneBelow) {
    work(0, blocks);
  } else {
    pool_.Run(blocks, kQuantizeStep, work);
  }
}

void Linear::Multiply(const float* x, size_t tokens, std::initializer_list<Output> outputs) {
  Observe(x, tokens, outputs);
  Products(x, tokens, outputs);
  if (adapter_ != nullptr) {
    for (const Output& output : outputs) AddLora(x, tokens, output);
  }
}

void Linear::Observe(const float* x, size_t tokens, std::initializer_list<Output> outputs) {
  if (observer_ == nullptr) return;
  for (const Output& output : outputs) observer_->OnProduct(output.matrix, x, tokens);
}

// y += B (scale * A x).
void Linear::AddLora(const float* x, size_t tokens, const Output& output) {
  const LoraAdapter::Part part = adapter_->Of(output.matrix);
  if (part.pair == nullptr) return;
  const LoraAdapter::Pair& pair = *part.pair;
  const auto floats = [](const float* data, size_t rows, size_t cols) {
    return Matrix{kernels::WeightType::kF32, reinterpret_cast<const std::byte*>(data), rows, cols,
                  cols * sizeof(float)};
  };
  low_.resize(std::max(low_.size(), tokens * pair.rank));
  change_.resize(std::max(change_.size(), tokens * output.matrix.rows));
  const Matrix a = floats(pair.a.data(), pair.rank, pair.cols);
  const Matrix b = floats(pair.b.data() + part.first_row * pair.rank, output.matrix.rows, pair.rank);
  Products(x, tokens, {{a, low_.data()}});
  ops_.scale(low_.data(), pair.scale, tokens * pair.rank);
  Products(low_.data(), tokens, {{b, change_.data()}});
  ops_.add(output.y, change_.data(), tokens * output.matrix.rows);
}

bool Linear::Prepare(const float* x, size_t tokens, std::initializer_list<Output> outputs) {
  size_t rows = 0, cols = 0;
  bool block32 = false, block256 = false;
  for (const Output& output : outputs) {
    LINNET_CHECK(cols == 0 || cols == output.matrix.cols);
    cols = output.matrix.cols;
    rows += output.matrix.rows;
    const Activation activation = kernels::InfoOf(output.matrix.type).activation;
    block32 |= activation == Activation::kBlocksOf32;
    block256 |= activation == Activation::kBlocksOf256;
  }
  const bool alone = rows * cols * tokens < kAloneBelow;
  step_ = tokens < kManyTokens ? kRowStep : kManyTokensStep;
  if (block32) {
    const size_t blocks = tokens * cols / kBlock;
    LINNET_CHECK(blocks <= blocks_.size());
    ForBlocks(blocks, alone, [&](size_t begin, size_t end) {
      ops_.quantize(x + begin * kBlock, blocks_.data() + begin, end - begin);
    });
  }
  if (block256) {
    const size_t blocks = tokens * cols / kBlock256;
    LINNET_CHECK(blocks <= blocks256_.size());
    ForBlocks(blocks, alone, [&](size_t begin, size_t end) {
      ops_.quantize_256(x + begin * kBlock256, blocks256_.data() + begin, end - begin);
    });
  }
  return alone;
}

void Linear::Products(const float* x, size_t tokens, std::initializer_list<Output> outputs) {
  const bool alone = Prepare(x, tokens, outputs);
  // The matrices stand one below the other, each from a multiple of kRowStep on; a piece may reach over a
  // border.
  const auto places = [](const Output& output) {
    return (Held(output.matrix) + kRowStep - 1) / kRowStep * kRowStep;
  };
  size_t rows = 0;
  for (const Output& output : outputs) rows += places(output);
  Share(rows, alone, [&](size_t begin, size_t end) {
    size_t top = 0;
    for (const Output& output : outputs) {
      const size_t from = std::max(begin, top), to = std::min(end, top + Held(output.matrix));
      if (from < to) Part(output, from - top, to - top, x, tokens);
      top += places(output);
    }
  });
}

}  // namespace linnet::model
