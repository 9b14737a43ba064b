#include "runtime/model/head_screen.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/planes.h"
#include "runtime/quant/half.h"
#include "runtime/quant/quant.h"

namespace linnet::model {
namespace {

using kernels::ActBlock;
using kernels::kBlock;
using kernels::kTileRows;
using kernels::PlaneRow;
using kernels::WeightType;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kMostBlocks = kernels::kMostPlaneCols / kBlock;
// More than what underflow takes from a bound: of a product, 2^-150 a block and step, times integers below
// 2^20 and the 16 of the upper plane.
constexpr float kUnderflow = 1e-35f;
// A candidate takes as long as some three rows of a product of tiles, and the whole product of planes as 1.4
// of tiles (tests/perf/RESULTS.md): of more than one row in so many it is cheaper.
constexpr size_t kMostCandidates = 4;
// Of small heads, which are no great work either way, so many.
constexpr size_t kLeastCandidates = 256;
// Where no more than one in so many ids is allowed, each is computed, and nothing is screened.
constexpr size_t kFew = 64;
constexpr uint32_t kMostRest = 64;  // tokens
// Rows of the highest bounds that are computed beyond as many as are wanted: the highest bound need not be
// that of the highest logit.
constexpr size_t kSpare = 3;
// Rows that a thread takes at once, and below which it takes all.
constexpr size_t kRowStep = 8;
constexpr size_t kRowsTogether = 64;  // whose lower halves are asked for ahead

bool IsAllowed(const Wanted& wanted, size_t id) {
  return id < wanted.ids && (wanted.allowed.empty() || (wanted.allowed[id / 64] >> (id % 64) & 1) != 0);
}

float FromBf16(uint32_t bits) { return std::bit_cast<float>(bits << 16); }

// Of lines of 64 bytes: a row's scale stands in one of a block, its nibbles in four.
size_t LowerRowBytes(size_t cols) { return cols / kBlock * (64 + kernels::kPlaneLowerBytes); }
size_t WholeRowBytes(size_t cols) { return LowerRowBytes(cols) + cols / kBlock * 256; }

}  // namespace

HeadScreen::HeadScreen(const kernels::Ops& ops, base::ThreadPool& pool, const Matrix& head)
    : ops_(ops), pool_(pool), head_(head), upper_(head) {
  if (!head.planes) return;
  LINNET_CHECK(head.type == WeightType::kQ8_0 && head.cols <= kernels::kMostPlaneCols);
  upper_.type = WeightType::kQ4_0;
  upper_.planes = false;
  upper_.row_bytes = quant::SizeBytes(upper_.type, head.cols);
  // For one token, so that none takes memory from the heap.
  blocks_.resize(head.cols / kBlock);
  bounds_.resize(head.rows);
  tops_.resize((head.rows + kTileRows - 1) / kTileRows);
  inputs_.reserve(kMostTokens);
  highest_.reserve(kMostHighest + kSpare);
  rows_.reserve(std::max(kLeastCandidates, head.rows / kMostCandidates));
}

bool HeadScreen::Takes(std::span<const Wanted> wanted) {
  const auto few = [](const Wanted& w) { return w.highest > 0 && w.highest <= kMostHighest; };
  if (!head_.planes || wanted.size() > kMostTokens || !std::all_of(wanted.begin(), wanted.end(), few)) {
    return false;
  }
  if (rest_ == 0) return true;
  --rest_;
  return false;
}

bool HeadScreen::Multiply(Linear& linear, const float* x, std::span<const Wanted> wanted, float factor,
                          float* logits, HeadUse& use) {
  factor_ = factor;
  const bool enough = MultiplyAll(linear, x, wanted, logits, use);
  last_rest_ = enough ? 0 : std::clamp(2 * last_rest_, 1u, kMostRest);
  rest_ = last_rest_;
  return enough;
}

bool HeadScreen::MultiplyAll(Linear& linear, const float* x, std::span<const Wanted> wanted, float* logits,
                             HeadUse& use) {
  const size_t tokens = wanted.size(), blocks = head_.cols / kBlock;
  const size_t tiles = (head_.rows + kTileRows - 1) / kTileRows;
  blocks_.resize(std::max(blocks_.size(), tokens * blocks));
  bounds_.resize(std::max(bounds_.size(), tokens * head_.rows));
  tops_.resize(std::max(tops_.size(), tokens * tiles));
  inputs_.clear();
  for (size_t t = 0; t < tokens; ++t) {
    inputs_.push_back(Begin(t, x + t * head_.cols, wanted[t], logits + t * head_.rows));
    if (!std::isfinite(inputs_.back().norm)) return false;
  }
  if (tokens == 1 && TakeFew(wanted[0])) {
    Compute(inputs_[0], rows_);
    highest_.clear();
    Answer(inputs_[0]);
    use.candidates += rows_.size();
    use.exact += rows_.size();
    use.bytes += rows_.size() * WholeRowBytes(head_.cols);
    return true;
  }
  linear.MultiplyThen(x, tokens, {{upper_, logits}}, [&](size_t begin, size_t end) {
    for (const Input& input : inputs_) Bound(input, begin, end);
  });
  use.bytes += kernels::PlanesOf(head_.rows, head_.cols).lower_at;
  return std::all_of(inputs_.begin(), inputs_.end(), [&](const Input& in) { return MultiplyOne(in, use); });
}

HeadScreen::Input HeadScreen::Begin(size_t token, const float* x, const Wanted& wanted, float* logits) {
  const size_t blocks = head_.cols / kBlock;
  ActBlock* out = blocks_.data() + token * blocks;
  ops_.quantize(x, out, blocks);
  double squares = 0, sum = 0;
  for (size_t b = 0; b < blocks; ++b) {
    int32_t of_block = 0;
    for (const int8_t q : out[b].q) of_block += q * q;
    const auto d = static_cast<double>(out[b].d);
    squares += d * d * of_block;
    sum += d * out[b].sum;
  }
  const size_t tiles = (head_.rows + kTileRows - 1) / kTileRows;
  // Its roundings, and that to float, upwards.
  const auto norm = static_cast<float>(std::sqrt(squares) * (1 + 0x1p-22));
  return {out,
          &wanted,
          logits,
          bounds_.data() + token * head_.rows,
          tops_.data() + token * tiles,
          norm,
          static_cast<float>(sum),
          -kInfinity};
}

bool HeadScreen::TakeFew(const Wanted& wanted) {
  if (wanted.allowed.empty()) return false;
  size_t count = 0;
  for (const uint64_t word : wanted.allowed) count += static_cast<size_t>(std::popcount(word));
  if (count > head_.rows / kFew) return false;
  rows_.clear();
  for (size_t w = 0; w < wanted.allowed.size(); ++w) {
    for (uint64_t word = wanted.allowed[w]; word != 0; word &= word - 1) {
      const size_t id = 64 * w + static_cast<size_t>(std::countr_zero(word));
      if (id < wanted.ids && id < head_.rows) rows_.push_back({static_cast<uint32_t>(id), 0.0f});
    }
  }
  return true;
}

// The five float steps that pack/planes.cc allows for, and one more of `factor`: rounding keeps the order of
// what it rounds, so a bound of a logit is one of the logit times `factor`.
void HeadScreen::Bound(const Input& input, size_t begin, size_t end) const {
  const PlaneRow* rows = PlaneRows();
  const float norm = input.norm, sum = input.sum, factor = factor_;
  const auto bound_of = [=](PlaneRow row, float product) {
    const float guess = 16.0f * product + FromBf16(row.mean) * sum;
    const float bound = (guess + (FromBf16(row.error) * norm + kUnderflow)) * factor;
    return bound < kInfinity ? bound : kInfinity;  // also what is not a number
  };
  for (size_t r = begin; r < end; r += kTileRows) {
    float bounds[kTileRows], tops[kTileRows / 2];
    const size_t count = std::min(kTileRows, end - r);
    if (count == kTileRows) {
      for (size_t i = 0; i < kTileRows; ++i) bounds[i] = bound_of(rows[r + i], input.logits[r + i]);
    } else {
      std::fill_n(bounds, kTileRows, -kInfinity);
      for (size_t i = 0; i < count; ++i) bounds[i] = bound_of(rows[r + i], input.logits[r + i]);
    }
    std::copy_n(bounds, count, input.bounds + r);
    for (size_t i = 0; i < 8; ++i) tops[i] = bounds[i] > bounds[i + 8] ? bounds[i] : bounds[i + 8];
    for (size_t i = 0; i < 4; ++i) tops[i] = tops[i] > tops[i + 4] ? tops[i] : tops[i + 4];
    input.tops[r / kTileRows] = std::max(std::max(tops[0], tops[1]), std::max(tops[2], tops[3]));
  }
}

bool HeadScreen::MultiplyOne(Input input, HeadUse& use) {
  TakeHighest(input);
  Compute(input, highest_);
  for (const Row& row : highest_) {
    if (!std::isfinite(row.value)) return false;
    input.bounds[row.id] = -kInfinity;
  }
  rows_.clear();
  // Else these are all that are allowed.
  if (highest_.size() == input.wanted->highest + kSpare) {
    const auto least = highest_.begin() + static_cast<std::ptrdiff_t>(input.wanted->highest - 1);
    std::nth_element(highest_.begin(), least, highest_.end(),
                     [](const Row& a, const Row& b) { return a.value > b.value; });
    input.least = least->value;
    if (!TakeCandidates(input)) return false;
  }
  pool_.Run(rows_.size(), kRowStep,
            [&](size_t begin, size_t end) { Decide(input, std::span(rows_).subspan(begin, end - begin)); });
  Answer(input);
  const auto exact = static_cast<size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.value != -kInfinity; }));
  use.candidates += highest_.size() + rows_.size();
  use.exact += highest_.size() + exact;
  use.bytes +=
      rows_.size() * LowerRowBytes(head_.cols) + (highest_.size() + exact) * WholeRowBytes(head_.cols);
  return true;
}

void HeadScreen::TakeHighest(const Input& input) {
  const auto above = [](const Row& a, const Row& b) { return a.value > b.value; };
  const size_t most = input.wanted->highest + kSpare, ids = std::min<size_t>(input.wanted->ids, head_.rows);
  highest_.clear();
  for (size_t r = 0; r < ids; r += kTileRows) {
    if (highest_.size() == most && !(input.tops[r / kTileRows] > highest_.front().value)) continue;
    for (size_t id = r; id < std::min(ids, r + kTileRows); ++id) {
      const float bound = input.bounds[id];
      const bool full = highest_.size() == most;
      if ((full && !(bound > highest_.front().value)) || !IsAllowed(*input.wanted, id)) continue;
      if (full) {
        std::pop_heap(highest_.begin(), highest_.end(), above);
        highest_.pop_back();
      }
      highest_.push_back({static_cast<uint32_t>(id), bound});
      std::push_heap(highest_.begin(), highest_.end(), above);
    }
  }
}

// False: they are too many.
bool HeadScreen::TakeCandidates(const Input& input) {
  const size_t ids = std::min<size_t>(input.wanted->ids, head_.rows),
               most = std::max(kLeastCandidates, head_.rows / kMostCandidates);
  for (size_t r = 0; r < ids; r += kTileRows) {
    if (input.tops[r / kTileRows] < input.least) continue;
    for (size_t id = r; id < std::min(ids, r + kTileRows); ++id) {
      if (input.bounds[id] < input.least || !IsAllowed(*input.wanted, id)) continue;
      if (rows_.size() == most) return false;
      rows_.push_back({static_cast<uint32_t>(id), input.bounds[id]});
    }
  }
  return true;
}

void HeadScreen::Compute(const Input& input, std::span<Row> rows) const {
  pool_.Run(rows.size(), kRowStep, [&](size_t begin, size_t end) {
    for (Row& row : rows.subspan(begin, end - begin)) row.value = Exact(input, row.id);
  });
}

void HeadScreen::Decide(const Input& input, std::span<Row> rows) const {
  const std::byte* lower = head_.data + kernels::PlanesOf(head_.rows, head_.cols).lower_at;
  uint32_t ids[kRowsTogether];
  kernels::LowerSums sums[kRowsTogether];
  while (!rows.empty()) {
    const std::span<Row> some = rows.first(std::min(rows.size(), kRowsTogether));
    for (size_t i = 0; i < some.size(); ++i) ids[i] = some[i].id;
    ops_.sum_lower(head_.data, lower, ids, some.size(), head_.cols, input.blocks, sums);
    for (size_t i = 0; i < some.size(); ++i) {
      Row& row = some[i];
      row.value = CloseBound(input, row.id, sums[i]) < input.least ? -kInfinity : Exact(input, row.id);
    }
    rows = rows.subspan(some.size());
  }
}

void HeadScreen::Answer(const Input& input) const {
  std::fill_n(input.logits, head_.rows, -kInfinity);
  for (const Row& row : highest_) input.logits[row.id] = row.value;
  for (const Row& row : rows_) input.logits[row.id] = row.value;
}

float HeadScreen::Exact(const Input& input, uint32_t row) const {
  kernels::BlockQ8_0 joined[kMostBlocks];
  const size_t blocks = head_.cols / kBlock;
  pack::JoinRow({head_.data, head_.rows, head_.cols}, row, {joined, blocks});
  float y;
  ops_.matmul[WeightType::kQ8_0](joined, input.blocks, &y, 1, head_.cols, 1, 1);
  return factor_ == 1.0f ? y : y * factor_;
}

// As in pack/planes.cc, q = 16 (h - 8) + l: the logit is 16 A + L, A the product of the upper plane, L that
// of the lower one. What A, L and the logit's own product round is at most (n + 2) 2^-24 of
// (||16 d (h - 8)|| + ||d l|| + ||d q||) ||x||, and the three norms are at most (128 + 15 + 128) sqrt(32)
// ||d||.
float HeadScreen::CloseBound(const Input& input, uint32_t row, const kernels::LowerSums& lower) const {
  const size_t blocks = head_.cols / kBlock;
  // A thousandth is more than the squares' own roundings.
  const double scales = std::sqrt(32 * static_cast<double>(lower.squares)) * 1.001;
  const double rounding = static_cast<double>(blocks + 4) * 0x1p-24 * 271 * scales;
  const double value = 16 * static_cast<double>(input.logits[row]) + static_cast<double>(lower.product);
  // 2^-22 of it: rounding to float.
  const double bound =
      value + std::fabs(value) * 0x1p-22 + rounding * static_cast<double>(input.norm) + 1e-35;
  return static_cast<float>(bound) * factor_;
}

const PlaneRow* HeadScreen::PlaneRows() const {
  return reinterpret_cast<const PlaneRow*>(head_.data + kernels::PlanesOf(head_.rows, head_.cols).rows_at);
}

}  // namespace linnet::model
