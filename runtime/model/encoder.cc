#include "runtime/model/encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/model/linear.h"

namespace linnet::model {

// Of one text of n tokens.
struct Encoder::Buffers {
  Buffers(const EncoderConfig& config, const kernels::Ops& ops, base::ThreadPool& pool, size_t tokens)
      : n(tokens),
        linear(ops, pool, tokens * std::max(config.dim, config.ffn), tokens),
        x(tokens * config.dim),
        q(x.size()),
        k(x.size()),
        v(x.size()),
        keys(x.size()),
        values(x.size()),
        mixed(x.size()),
        up(tokens * config.ffn),
        gate(config.gated ? up.size() : 0),
        cos_sin(config.rotary ? tokens * config.head_dim() : 0) {}
  size_t n;
  Linear linear;
  std::vector<float> x;             // [n, dim], the stream
  std::vector<float> q, k, v;       // [n, heads, head_dim]
  std::vector<float> keys, values;  // [heads, n, head_dim]
  std::vector<float> mixed;         // [n, dim], what a block adds
  std::vector<float> up, gate;      // [n, ffn]
  std::vector<float> cos_sin;       // [n, 2, head_dim / 2]
};

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Create(const gguf::ModelFile& file, const kernels::Ops& ops,
                                                         base::ThreadPool& pool) {
  LINNET_ASSIGN_OR_RETURN(EncoderConfig config, ReadEncoderConfig(file));
  LINNET_ASSIGN_OR_RETURN(EncoderWeights weights, LoadEncoderWeights(file, config));
  return std::unique_ptr<Encoder>(new Encoder(std::move(config), std::move(weights), ops, pool));
}

Encoder::Encoder(EncoderConfig config, EncoderWeights weights, const kernels::Ops& ops,
                 base::ThreadPool& pool)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      ops_(ops),
      pool_(pool),
      rope_(RopeConfig{.base = config_.rope_base}, config_.rotary ? config_.head_dim() : 0,
            config_.context_tokens, {}) {}

// The encoder of "Attention Is All You Need" (arXiv:1706.03762): each block's result is added to what went
// in, and the sum is normalized.
std::vector<float> Encoder::Forward(std::span<const int32_t> tokens) {
  LINNET_CHECK(!tokens.empty() && tokens.size() <= config_.context_tokens);
  Buffers b(config_, ops_, pool_, tokens.size());
  Embed(tokens, b.x.data());
  for (size_t t = 0; config_.rotary && t < b.n; ++t) {
    rope_.Angles(static_cast<uint32_t>(t), b.cos_sin.data() + t * config_.head_dim());
  }
  for (const EncoderLayer& layer : weights_.layers) {
    Attention(layer, b);
    AddAndNormalize(b.x.data(), b.mixed.data(), layer.attention_norm, b.n);
    FeedForward(layer, b);
    AddAndNormalize(b.x.data(), b.mixed.data(), layer.ffn_norm, b.n);
  }
  return std::move(b.x);
}

void Encoder::Embed(std::span<const int32_t> tokens, float* x) {
  std::vector<float> position(config_.dim);
  std::vector<std::byte> scratch(std::max(weights_.embedding.row_bytes, weights_.positions.row_bytes));
  for (size_t t = 0; t < tokens.size(); ++t) {
    float* row = x + t * config_.dim;
    CopyRow(weights_.embedding, static_cast<size_t>(tokens[t]), scratch.data(), row);
    if (!weights_.token_type.empty()) ops_.add(row, weights_.token_type.data(), config_.dim);
    if (weights_.positions.rows == 0) continue;
    CopyRow(weights_.positions, t, scratch.data(), position.data());
    ops_.add(row, position.data(), config_.dim);
  }
  Normalize(x, weights_.embedding_norm, tokens.size());
}

void Encoder::Attention(const EncoderLayer& layer, Buffers& b) {
  const size_t d = config_.head_dim(), heads = config_.heads, n = b.n;
  b.linear.Multiply(b.x.data(), n, {{layer.q, b.q.data()}, {layer.k, b.k.data()}, {layer.v, b.v.data()}});
  AddBias(b.q.data(), layer.q_bias, n);
  AddBias(b.k.data(), layer.k_bias, n);
  AddBias(b.v.data(), layer.v_bias, n);
  for (size_t t = 0; t < n; ++t) {
    if (config_.rotary) {
      const float* cos_sin = b.cos_sin.data() + t * d;
      ops_.rope_half(b.q.data() + t * config_.dim, cos_sin, heads, d, d / 2);
      ops_.rope_half(b.k.data() + t * config_.dim, cos_sin, heads, d, d / 2);
    }
    for (size_t head = 0; head < heads; ++head) {
      const size_t from = (t * heads + head) * d, to = (head * n + t) * d;
      std::copy_n(b.k.data() + from, d, b.keys.data() + to);
      std::copy_n(b.v.data() + from, d, b.values.data() + to);
    }
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  // v has been copied to `values`: it takes the answers.
  pool_.Run(heads, 1, [&](size_t begin, size_t end) {
    for (size_t head = begin; head < end; ++head) {
      ops_.attend({.k = b.keys.data() + head * n * d,
                   .v = b.values.data() + head * n * d,
                   .q = b.q.data() + head * d,
                   .out = b.v.data() + head * d,
                   .end = n,
                   .stride = heads * d,
                   .head_dim = d,
                   .positions = n,
                   .scale = scale});
    }
  });
  b.linear.Multiply(b.v.data(), n, {{layer.output, b.mixed.data()}});
  AddBias(b.mixed.data(), layer.output_bias, n);
}

void Encoder::FeedForward(const EncoderLayer& layer, Buffers& b) {
  if (config_.gated) {
    b.linear.Multiply(b.x.data(), b.n, {{layer.gate, b.gate.data()}, {layer.up, b.up.data()}});
  } else {
    b.linear.Multiply(b.x.data(), b.n, {{layer.up, b.up.data()}});
  }
  AddBias(b.up.data(), layer.up_bias, b.n);
  pool_.Run(b.up.size(), 1024, [&](size_t begin, size_t end) {
    float* up = b.up.data() + begin;
    if (config_.gated) {
      ops_.swiglu(b.gate.data() + begin, up, up, end - begin);
    } else {
      ops_.gelu_erf(up, up, end - begin);
    }
  });
  b.linear.Multiply(b.up.data(), b.n, {{layer.down, b.mixed.data()}});
  AddBias(b.mixed.data(), layer.down_bias, b.n);
}

void Encoder::AddAndNormalize(float* x, const float* y, const Norm& norm, size_t tokens) {
  ops_.add(x, y, tokens * config_.dim);
  Normalize(x, norm, tokens);
}

void Encoder::Normalize(float* x, const Norm& norm, size_t tokens) {
  const size_t dim = config_.dim;
  pool_.Run(tokens, 1, [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t) {
      ops_.layer_norm(x + t * dim, norm.weight.data(), norm.bias.data(), x + t * dim, dim, config_.epsilon);
    }
  });
}

void Encoder::AddBias(float* y, const std::vector<float>& bias, size_t tokens) {
  if (bias.empty()) return;
  for (size_t t = 0; t < tokens; ++t) ops_.add(y + t * bias.size(), bias.data(), bias.size());
}

}  // namespace linnet::model
