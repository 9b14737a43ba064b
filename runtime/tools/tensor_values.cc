#include "runtime/tools/tensor_values.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"
#include "runtime/quant/quant.h"

namespace linnet::tools {
namespace {

// A whole number of blocks of every type (at most 256 values), 1 MiB of floats.
constexpr uint64_t kPiece = uint64_t{1} << 18;

}  // namespace

uint64_t ElementsOf(const gguf::TensorInfo& tensor) {
  uint64_t elements = 1;
  for (const uint64_t n : tensor.shape) elements *= n;
  return elements;
}

TensorValues::TensorValues(const gguf::TensorInfo& tensor) : tensor_(tensor), left_(ElementsOf(tensor)) {
  LINNET_CHECK(tensor.supported && kPiece % quant::BlockValues(tensor.type) == 0);
}

std::span<const float> TensorValues::Next() {
  const auto count = static_cast<size_t>(std::min(left_, kPiece));
  left_ -= count;
  if (count == 0) return {};
  const size_t bytes = quant::SizeBytes(tensor_.type, count);
  if (tensor_.tiled) {
    std::vector<std::byte> row;
    while (unpacked_.size() < bytes) {
      const auto more = pack::RowsOf(tensor_, next_row_++, 1, row);
      unpacked_.insert(unpacked_.end(), more.begin(), more.end());
    }
    values_ = quant::Dequantize(tensor_.type, std::span(unpacked_).first(bytes));
    unpacked_.erase(unpacked_.begin(), unpacked_.begin() + static_cast<std::ptrdiff_t>(bytes));
    return values_;
  }
  values_ = quant::Dequantize(tensor_.type, tensor_.data.subspan(at_, bytes));
  at_ += bytes;
  return values_;
}

TensorStats StatsOf(const gguf::TensorInfo& tensor) {
  TensorStats stats;
  double squares = 0;
  uint64_t finite = 0;
  TensorValues values(tensor);
  for (std::span<const float> piece = values.Next(); !piece.empty(); piece = values.Next()) {
    for (const float x : piece) {
      if (!std::isfinite(x)) {
        ++stats.not_finite;
        continue;
      }
      stats.least = finite == 0 ? x : std::min(stats.least, x);
      stats.most = finite == 0 ? x : std::max(stats.most, x);
      squares += static_cast<double>(x) * static_cast<double>(x);
      ++finite;
    }
  }
  if (finite > 0) stats.rms = std::sqrt(squares / static_cast<double>(finite));
  return stats;
}

}  // namespace linnet::tools
