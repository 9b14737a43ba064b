#include "runtime/model/linear.h"

#include <algorithm>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/planes.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"

namespace linnet::model {
namespace {

// Below this many multiplications, waking the other threads costs more than they bring.
constexpr size_t kAloneBelow = 1 << 18;
constexpr size_t kQuantizeAloneBelow = 1 << 13, kQuantizeStep = 256;  // values

// A tile that is put together is still in a cache when it is multiplied; one of the widest matrix in planes
// fits.
constexpr size_t kJoinedBytes = 64 << 10;
static_assert(TileBytes(*kernels::FindTileFormat(kernels::WeightType::kQ8_0), kernels::kMostPlaneCols) <=
              kJoinedBytes);

// Rows that the matrix's tiles hold, those before its own included.
size_t Held(const Matrix& m) { return m.first_row + m.rows; }
size_t PlacesOf(const Matrix& m) {
  return (Held(m) + kernels::kTileRows - 1) / kernels::kTileRows * kernels::kTileRows;
}

}  // namespace

Linear::Linear(const kernels::Ops& ops, base::ThreadPool& pool, size_t max_values, size_t max_tokens)
    : ops_(ops), pool_(pool), own_(max_values), groups_done_(max_tokens / kTokenGroup + 1) {}

Forms Linear::FormsOf(std::initializer_list<const Matrix*> matrices) const {
  Forms forms;
  for (const Matrix* matrix : matrices) {
    if (matrix->rows > 0) forms.Add(matrix->type);
  }
  forms.floats |= observer_ != nullptr || adapter_ != nullptr;
  return forms;
}

ProductInput Linear::Prepare(const float* x, size_t tokens, Outputs outputs) {
  Forms forms;
  for (const Output& output : outputs) forms.Add(output.matrix.type);
  const size_t values = tokens * outputs.begin()->matrix.cols;
  if (forms.quantized()) {
    LINNET_CHECK(values <= own_.max_values());
    const auto make = [&](size_t begin, size_t end) { own_.Make(ops_, forms, x, begin, end); };
    if (values < kQuantizeAloneBelow || IsSmall(tokens, outputs)) {
      make(0, values);
    } else {
      pool_.Run(values, kQuantizeStep, make);
    }
  }
  return own_.With(x);
}

bool Linear::IsSmall(size_t tokens, Outputs outputs) {
  size_t rows = 0;
  for (const Output& output : outputs) {
    LINNET_CHECK(output.matrix.cols == outputs.begin()->matrix.cols);
    rows += output.matrix.rows;
  }
  return rows * outputs.begin()->matrix.cols * tokens < kAloneBelow;
}

size_t Linear::Places(Outputs outputs) {
  size_t places = 0;
  for (const Output& output : outputs) places += PlacesOf(output.matrix);
  return places;
}

void Linear::Rows(Outputs outputs, size_t begin, size_t end, const ProductInput& x, size_t first,
                  size_t count) const {
  size_t top = 0;
  for (const Output& output : outputs) {
    const size_t from = std::max(begin, top), to = std::min(end, top + Held(output.matrix));
    if (from < to) Part(output, from - top, to - top, x, first, count);
    top += PlacesOf(output.matrix);
  }
}

void Linear::Part(const Output& output, size_t begin, size_t end, const ProductInput& x, size_t first,
                  size_t count) const {
  const Matrix& m = output.matrix;
  const void* input = x.For(m.type, first * m.cols);
  float* y = output.y + first * m.rows;
  if (m.planes) return JoinedTiles(m, y, begin, end, input, count);
  if (m.tiled) return Tiles(m, y, begin, end, input, count);
  ops_.matmul[m.type](m.data + begin * m.row_bytes, input, y + begin, end - begin, m.cols, count, m.rows);
}

void Linear::Tiles(const Matrix& m, float* y, size_t begin, size_t end, const void* x, size_t tokens) const {
  if (begin < m.first_row) {
    // The matrix begins inside a tile. Its rows are the tile's last; no model that is in use has such shapes.
    const size_t rows = std::min(end, kRowStep), mine = rows - m.first_row;
    std::vector<float> tile(tokens * rows);
    ops_.tile_matmul[m.type](m.data, x, tile.data(), rows, m.cols, tokens, rows);
    for (size_t t = 0; t < tokens; ++t) {
      std::copy_n(tile.data() + t * rows + m.first_row, mine, y + t * m.rows);
    }
    begin = rows;
  }
  if (begin == end) return;
  const size_t tile_bytes = TileBytes(*kernels::FindTileFormat(m.type), m.cols);
  ops_.tile_matmul[m.type](m.data + begin / kRowStep * tile_bytes, x, y + begin - m.first_row, end - begin,
                           m.cols, tokens, m.rows);
}

void Linear::JoinedTiles(const Matrix& m, float* y, size_t begin, size_t end, const void* x,
                         size_t tokens) const {
  const kernels::TileFormat& half = *kernels::FindTileFormat(kernels::WeightType::kQ4_0);
  alignas(kernels::kTileAlign) std::byte joined[kJoinedBytes];
  const std::byte* lower = m.data + kernels::PlanesOf(m.rows, m.cols).lower_at;
  const size_t upper_bytes = TileBytes(half, m.cols);
  const size_t lower_bytes = kRowStep * (m.cols / kernels::kBlock) * kernels::kPlaneLowerBytes;
  for (size_t tile = begin / kRowStep; begin < end; ++tile, begin += kRowStep) {
    ops_.join_planes(m.data + tile * upper_bytes, lower + tile * lower_bytes, joined, 1, m.cols);
    ops_.tile_matmul[m.type](joined, x, y + begin, std::min(kRowStep, end - begin), m.cols, tokens, m.rows);
  }
}

void Linear::Multiply(const ProductInput& x, size_t tokens, Outputs outputs) {
  Observe(x, tokens, outputs);
  Products(x, tokens, outputs);
  if (adapter_ != nullptr) {
    for (const Output& output : outputs) AddLora(x.floats, tokens, output);
  }
}

void Linear::Observe(const ProductInput& x, size_t tokens, Outputs outputs) {
  if (observer_ == nullptr) return;
  for (const Output& output : outputs) observer_->OnProduct(output.matrix, x.floats, tokens);
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
  Products({.floats = x}, tokens, {{a, low_.data()}});
  ops_.scale(low_.data(), pair.scale, tokens * pair.rank);
  Products({.floats = low_.data()}, tokens, {{b, change_.data()}});
  ops_.add(output.y, change_.data(), tokens * output.matrix.rows);
}

void Linear::Products(const ProductInput& x, size_t tokens, Outputs outputs) {
  Share(Places(outputs), StepOf(tokens), IsSmall(tokens, outputs), Order::kStretches,
        [&](size_t begin, size_t end) { Rows(outputs, begin, end, x, 0, tokens); });
}

}  // namespace linnet::model
