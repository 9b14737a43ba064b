#include <algorithm>
#include <cstring>

#include "runtime/base/exact_math.h"
#include "runtime/model/transformer.h"

// The mixer that sees every token before it. Everything but keys and values is the same work for tokens of
// one session and of several.
namespace linnet::model {
namespace {

// Below this many multiplications, waking the other threads costs more than they bring.
constexpr size_t kAttendAloneBelow = 1 << 15;
// Queries of a part, when there are that many: they read a tile of keys and values together, and a set may
// make it ready for all of them.
constexpr size_t kAttendQueries = 96;

// each(index, block) for a head's values in blocks, zeros behind the last.
template <typename Each>
void QuantizeHead(const kernels::Ops& ops, const float* x, size_t head_dim, const Each& each) {
  const size_t whole = head_dim / kernels::kBlock, rest = head_dim % kernels::kBlock;
  kernels::ActBlock block;
  for (size_t b = 0; b < whole; ++b) {
    ops.quantize(x + b * kernels::kBlock, &block, 1);
    each(b, block);
  }
  if (rest == 0) return;
  float padded[kernels::kBlock] = {};
  std::copy_n(x + whole * kernels::kBlock, rest, padded);
  ops.quantize(padded, &block, 1);
  each(whole, block);
}

}  // namespace

void Transformer::Attention(const LayerWeights& w, Batch batch, uint32_t layer, size_t n) {
  linear_.MultiplyThenTokens(
      Input(), n, {{w.q, q_.data()}, {w.k, k_.data()}, {w.v, v_.data()}}, [&](size_t begin, size_t end) {
        ForTokens(batch, begin, end,
                  [&](const Segment& s, size_t t, size_t row) { EndProjections(w, s, t, row, layer); });
      });
  Attend(batch, layer, linear_.FormsOf({&w.output}), n);
  EndMixer(mixed_in_.With(attended_.data()), w, n);
}

void Transformer::EndProjections(const LayerWeights& w, const Segment& s, size_t token, size_t row,
                                 uint32_t layer) {
  const size_t d = config_.head_dim;
  float* q = q_.data() + row * config_.heads * d;
  float* k = k_.data() + row * config_.kv_heads * d;
  float* v = v_.data() + row * config_.kv_heads * d;
  AddBias(q, w.q_bias, 1);
  AddBias(k, w.k_bias, 1);
  AddBias(v, w.v_bias, 1);
  const bool rope_first = config_.family.qk_norm_after_rope;
  if (!rope_first) NormalizeHeads(q, w.q_norm, config_.heads);
  if (!rope_first) NormalizeHeads(k, w.k_norm, config_.kv_heads);
  Rotate(q, config_.plan[layer], config_.heads, row);
  Rotate(k, config_.plan[layer], config_.kv_heads, row);
  if (rope_first) NormalizeHeads(q, w.q_norm, config_.heads);
  if (rope_first) NormalizeHeads(k, w.k_norm, config_.kv_heads);
  Temper(s, token, q);
  KvCache& kv = *s.kv;
  const uint32_t position = kv.size() + static_cast<uint32_t>(token);
  for (uint32_t head = 0; head < config_.kv_heads; ++head) {
    StoreRow(kv.type(), k + head * d, kv.keys(layer, head, position));
    StoreRow(kv.type(), v + head * d, kv.values(layer, head, position));
  }
}

void Transformer::NormalizeHeads(float* x, const std::vector<float>& weight, size_t heads) const {
  if (weight.empty()) return;
  const size_t rows = heads * config_.head_dim;
  const size_t length = config_.family.qk_norm == QkNorm::kWhole ? rows : config_.head_dim;
  for (size_t i = 0; i < rows; i += length) {
    NormalizeOne(x + i, weight.data() + i % weight.size(), nullptr, x + i, length);
  }
}

void Transformer::Temper(const Segment& s, size_t token, float* q) const {
  if (config_.temperature == 0.0f) return;
  const size_t spans = (s.kv->size() + token) / config_.original_context;
  const double growth = base::ExactLog(1.0 + static_cast<double>(spans));
  const double factor = 1.0 + static_cast<double>(config_.temperature) * growth;
  ops_.scale(q, static_cast<float>(factor), size_t{config_.heads} * config_.head_dim);
}

void Transformer::Rotate(float* x, const LayerPlan& plan, size_t heads, size_t row) const {
  if (plan.rope == LayerPlan::kNoRope) return;
  kernels::RopeFn* rope =
      config_.family.rope_pairs == RopePairs::kInterleaved ? ops_.rope_interleaved : ops_.rope_half;
  rope(x, cos_sin_[plan.rope].data() + row * config_.rope_dims, heads, config_.head_dim,
       config_.rope_dims / 2);
}

void Transformer::StoreRow(KvType type, const float* x, std::byte* row) const {
  const size_t d = config_.head_dim;
  switch (type) {
    case KvType::kF32:
      std::copy_n(x, d, reinterpret_cast<float*>(row));
      return;
    case KvType::kF16:
      ops_.to_half(x, reinterpret_cast<uint16_t*>(row), d);
      return;
    case KvType::kQ8:
      std::byte* scales = row + kernels::KvBlocks(d) * kernels::kBlock;
      QuantizeHead(ops_, x, d, [&](size_t b, const kernels::ActBlock& block) {
        std::memcpy(row + b * sizeof(block.q), block.q, sizeof(block.q));
        std::memcpy(scales + b * sizeof(block.d), &block.d, sizeof(block.d));
      });
  }
}

// All segments are one piece of work, so that the threads wait for each other once, however many there are.
void Transformer::Attend(Batch batch, uint32_t layer, Forms forms, size_t n) {
  const size_t sharing = config_.heads / config_.kv_heads, threads = static_cast<size_t>(pool_.threads());
  // The queries of a KV head belong together, because they read the same keys and values; they are parted as
  // often as it takes to keep the threads busy.
  const auto parts_of = [&](const Segment& s) {
    const size_t queries = s.tokens.size() * sharing, heads = batch.size() * config_.kv_heads;
    size_t parts = std::max<size_t>(1, queries / kAttendQueries);
    while (parts < queries && heads * parts % threads != 0 && heads * parts < 4 * threads) ++parts;
    return parts;
  };
  const auto share = [&](size_t begin, size_t end) {
    size_t top = 0;
    ForEach(batch, [&](const Segment& s, size_t first) {
      const size_t parts = parts_of(s), pieces = config_.kv_heads * parts;
      const size_t from = std::max(begin, top), to = std::min(end, top + pieces);
      for (size_t i = from; i < to; ++i) {
        AttendPart(s, first, layer, forms, static_cast<uint32_t>((i - top) / parts), (i - top) % parts,
                   parts);
      }
      top += pieces;
    });
  };
  size_t pieces = 0, reach = 0;
  for (const Segment& s : batch) {
    pieces += config_.kv_heads * parts_of(s);
    reach = std::max(reach, s.kv->size() + s.tokens.size());
  }
  if (n * config_.heads * config_.head_dim * reach < kAttendAloneBelow) {
    share(0, pieces);
  } else {
    pool_.Run(pieces, 1, share);
  }
}

void Transformer::AttendPart(const Segment& s, size_t first, uint32_t layer, Forms forms, uint32_t kv_head,
                             size_t part, size_t parts) {
  const size_t sharing = config_.heads / config_.kv_heads, queries = s.tokens.size() * sharing;
  const size_t at = (first * config_.heads + kv_head * sharing) * config_.head_dim;
  const size_t begin = queries * part / parts, end = queries * (part + 1) / parts;
  const size_t stride = size_t{config_.heads} * config_.head_dim,
               blocks = kernels::KvBlocks(config_.head_dim);
  // The queries of a segment's KV head stand together, so each part has its own stretch.
  kernels::ActBlock* q8 = q8_.get() + (first * config_.heads + kv_head * queries) * blocks;
  if (s.kv->type() == KvType::kQ8) {
    for (size_t i = begin; i < end; ++i) {
      const float* q = q_.data() + at + i / sharing * stride + i % sharing * config_.head_dim;
      QuantizeHead(ops_, q, config_.head_dim,
                   [&](size_t b, const kernels::ActBlock& block) { q8[i * blocks + b] = block; });
    }
  }
  // Token t sees its own position and those before it, as many as its window holds.
  ops_.attend({.type = s.kv->type(),
               .k = s.kv->keys(layer, kv_head),
               .v = s.kv->values(layer, kv_head),
               .q = q_.data() + at,
               .q8 = q8,
               .out = attended_.data() + at,
               .begin = begin,
               .end = end,
               .heads = sharing,
               .stride = stride,
               .head_dim = config_.head_dim,
               .positions = s.kv->size() + 1,
               .growth = 1,
               .window = config_.plan[layer].window,
               .scale = config_.attention_scale,
               .cap = config_.attention_cap});
  if (!forms.quantized()) return;
  // What has become whole with these queries goes on.
  for (size_t i = begin; i < end;) {
    const size_t token = i / sharing, row = first + token, next = std::min(end, (token + 1) * sharing);
    if (attended_done_.Completes(row, next - i, config_.heads)) {
      mixed_in_.Make(ops_, forms, attended_.data(), row * stride, (row + 1) * stride);
    }
    i = next;
  }
}

}  // namespace linnet::model
