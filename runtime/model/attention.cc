#include <algorithm>
#include <cstring>

#include "runtime/base/exact_math.h"
#include "runtime/model/transformer.h"

// The mixer that sees every token before it. Everything but keys and values is the same work for tokens of
// one session and of several.
namespace linnet::model {
namespace {

// Below this many multiplications, waking the other threads costs more than they bring.
constexpr size_t kAttendAloneBelow = 1 << 17;
// Queries of a part, when there are that many: they read a tile of keys and values together, and a set may
// make it ready for all of them.
constexpr size_t kAttendQueries = 96;

// A head's values in blocks, zeros behind the last.
void QuantizeHead(const kernels::Ops& ops, const float* x, size_t head_dim, kernels::ActBlock* y) {
  const size_t whole = head_dim / kernels::kBlock, rest = head_dim % kernels::kBlock;
  ops.quantize(x, y, whole);
  if (rest == 0) return;
  float padded[kernels::kBlock] = {};
  std::copy_n(x + whole * kernels::kBlock, rest, padded);
  ops.quantize(padded, y + whole, 1);
}

}  // namespace

void Transformer::Attention(const LayerWeights& w, Batch batch, uint32_t layer, size_t n) {
  linear_.Multiply(h_.data(), n, {{w.q, q_.data()}, {w.k, k_.data()}, {w.v, v_.data()}});
  AddBias(q_.data(), w.q_bias, n);
  AddBias(k_.data(), w.k_bias, n);
  AddBias(v_.data(), w.v_bias, n);
  const bool rope_first = config_.family.qk_norm_after_rope;
  if (!rope_first) NormalizeHeads(q_.data(), w.q_norm, config_.heads, n);
  if (!rope_first) NormalizeHeads(k_.data(), w.k_norm, config_.kv_heads, n);
  Rotate(q_.data(), config_.plan[layer], config_.heads, n);
  Rotate(k_.data(), config_.plan[layer], config_.kv_heads, n);
  if (rope_first) NormalizeHeads(q_.data(), w.q_norm, config_.heads, n);
  if (rope_first) NormalizeHeads(k_.data(), w.k_norm, config_.kv_heads, n);
  ForEach(batch, [&](const Segment& s, size_t first) {
    Temper(s, first);
    Store(s, first, layer);
  });
  Attend(batch, layer, n);
  linear_.Multiply(attended_.data(), n, {{w.output, mixed_.data()}});
  AddBias(mixed_.data(), w.output_bias, n);
}

void Transformer::NormalizeHeads(float* x, const std::vector<float>& weight, size_t heads, size_t tokens) {
  if (weight.empty()) return;
  const size_t rows = heads * config_.head_dim;
  const size_t length = config_.family.qk_norm == QkNorm::kWhole ? rows : config_.head_dim;
  for (size_t i = 0; i < tokens * rows; i += length) {
    NormalizeOne(x + i, weight.data() + i % weight.size(), nullptr, x + i, length);
  }
}

void Transformer::Temper(const Segment& s, size_t first) {
  if (config_.temperature == 0.0f) return;
  const size_t length = size_t{config_.heads} * config_.head_dim;
  for (size_t t = 0; t < s.tokens.size(); ++t) {
    const size_t spans = (s.kv->size() + t) / config_.original_context;
    const double growth = base::ExactLog(1.0 + static_cast<double>(spans));
    const double factor = 1.0 + static_cast<double>(config_.temperature) * growth;
    ops_.scale(q_.data() + (first + t) * length, static_cast<float>(factor), length);
  }
}

void Transformer::Rotate(float* x, const LayerPlan& plan, size_t heads, size_t tokens) {
  if (plan.rope == LayerPlan::kNoRope) return;
  kernels::RopeFn* rope =
      config_.family.rope_pairs == RopePairs::kInterleaved ? ops_.rope_interleaved : ops_.rope_half;
  const float* cos_sin = cos_sin_[plan.rope].data();
  for (size_t t = 0; t < tokens; ++t) {
    rope(x + t * heads * config_.head_dim, cos_sin + t * config_.rope_dims, heads, config_.head_dim,
         config_.rope_dims / 2);
  }
}

void Transformer::Store(const Segment& s, size_t first, uint32_t layer) {
  const size_t d = config_.head_dim;
  KvCache& kv = *s.kv;
  for (uint32_t head = 0; head < config_.kv_heads; ++head) {
    for (size_t t = 0; t < s.tokens.size(); ++t) {
      const size_t from = ((first + t) * config_.kv_heads + head) * d;
      const uint32_t position = kv.size() + static_cast<uint32_t>(t);
      std::byte* key = kv.keys(layer, head, position);
      std::byte* value = kv.values(layer, head, position);
      StoreRow(kv.type(), k_.data() + from, key);
      StoreRow(kv.type(), v_.data() + from, value);
    }
  }
}

void Transformer::StoreRow(KvType type, const float* x, std::byte* row) {
  const size_t d = config_.head_dim;
  switch (type) {
    case KvType::kF32:
      std::copy_n(x, d, reinterpret_cast<float*>(row));
      return;
    case KvType::kF16:
      ops_.to_half(x, reinterpret_cast<uint16_t*>(row), d);
      return;
    case KvType::kQ8:
      QuantizeHead(ops_, x, d, stored_.data());
      for (const kernels::ActBlock& block : stored_) {
        std::memcpy(row, block.q, sizeof(block.q));
        row += sizeof(block.q);
      }
      for (const kernels::ActBlock& block : stored_) {
        std::memcpy(row, &block.d, sizeof(block.d));
        row += sizeof(block.d);
      }
  }
}

// All segments are one piece of work, so that the threads wait for each other once, however many there are.
void Transformer::Attend(Batch batch, uint32_t layer, size_t n) {
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
        AttendPart(s, first, layer, static_cast<uint32_t>((i - top) / parts), (i - top) % parts, parts);
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

void Transformer::AttendPart(const Segment& s, size_t first, uint32_t layer, uint32_t kv_head, size_t part,
                             size_t parts) {
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
      QuantizeHead(ops_, q, config_.head_dim, q8 + i * blocks);
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
}

}  // namespace linnet::model
