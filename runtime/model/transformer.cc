#include "runtime/model/transformer.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::model {
namespace {

// Below this many numbers, waking the other threads costs more than they bring.
constexpr size_t kNormalizeAloneBelow = 1 << 14;

// The longest input of a product.
size_t WidestInput(const Config& config) {
  return std::max({config.dim, config.ffn, config.heads * config.head_dim, config.ssm_inner});
}

std::vector<Rope> Ropes(const Config& config, const std::vector<float>& factors) {
  std::vector<Rope> ropes;
  for (const RopeConfig& rope : config.ropes) {
    ropes.emplace_back(rope, config.rope_dims, config.original_context, factors);
  }
  return ropes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transformer>> Transformer::Create(const gguf::ModelFile& file,
                                                                 const kernels::Ops& ops,
                                                                 base::ThreadPool& pool, uint32_t max_batch) {
  LINNET_ASSIGN_OR_RETURN(Config config, ReadConfig(file));
  LINNET_ASSIGN_OR_RETURN(Weights weights, LoadWeights(file, config));
  return std::unique_ptr<Transformer>(
      new Transformer(std::move(config), std::move(weights), ops, pool, std::max(1u, max_batch)));
}

Transformer::Transformer(Config config, Weights weights, const kernels::Ops& ops, base::ThreadPool& pool,
                         uint32_t max_batch)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      ops_(ops),
      pool_(pool),
      max_batch_(max_batch),
      ropes_(Ropes(config_, weights_.rope_factors)),
      linear_(ops, pool, size_t{max_batch} * WidestInput(config_)),
      screen_(ops, pool, weights_.head),
      row_(std::max(weights_.embedding.row_bytes, weights_.positions.row_bytes)),
      x_(size_t{max_batch} * config_.dim),
      h_(x_.size()),
      mixed_(x_.size()),
      out_(x_.size()),
      q_(size_t{max_batch} * config_.heads * config_.head_dim),
      k_(size_t{max_batch} * config_.kv_heads * config_.head_dim),
      v_(k_.size()),
      attended_(q_.size()),
      gate_(size_t{max_batch} * config_.ffn),
      up_(gate_.size()),
      cos_sin_(ropes_.size(), std::vector<float>(size_t{max_batch} * config_.rope_dims)),
      stored_(kernels::KvBlocks(config_.head_dim)),
      q8_(new kernels::ActBlock[size_t{max_batch} * config_.heads * stored_.size()]) {
  wanted_.reserve(max_batch);
  if (!weights_.long_rope_factors.empty()) long_ropes_ = Ropes(config_, weights_.long_rope_factors);
  if (config_.conv_taps == 0) return;
  const size_t batch = max_batch, channels = config_.conv_channels;
  const bool mamba = config_.family.without_heads == Mixer::kMamba2;
  mixer_in_.resize(batch * (mamba ? config_.ssm_inner + channels + config_.ssm_heads : 3 * config_.dim));
  conv_window_.resize((config_.conv_taps - 1 + batch) * channels);
  convolved_.resize(batch * channels);
  if (mamba) scanned_.resize(batch * config_.ssm_inner);
  ones_.assign(channels, 1.0f);
}

// The decoder of "Attention Is All You Need" (arXiv:1706.03762) as LLaMA (arXiv:2302.13971) and its relatives
// arrange it: in every layer a mixer lets a token see those before it, then a feed-forward network works on
// each alone; both add to the residual stream. What a family does not have is empty in its weights.
void Transformer::Forward(std::span<const Segment> batch, std::span<float> logits) {
  ForwardUnless([] { return false; }, batch, logits);
}

bool Transformer::ForwardUnless(absl::FunctionRef<bool()> stop, std::span<const Segment> batch,
                                std::span<float> logits) {
  size_t n = 0;
  ForEach(batch, [&](const Segment& s, size_t first) {
    n = first + s.tokens.size();
    LINNET_CHECK(!s.tokens.empty() && n <= max_batch_ && s.kv->size() + s.tokens.size() <= s.kv->capacity());
    Embed(s, first);
    Turn(s, first);
  });
  LINNET_CHECK(n >= 1);
  for (uint32_t l = 0; l < config_.layers; ++l) {
    // Keys and values beyond a cache's size are nobody's yet.
    if (l > 0 && CanGiveUp() && stop()) return false;
    const LayerWeights& w = weights_.layers[l];
    if (observer_ != nullptr) observer_->OnResidual(l, x_.data(), n);

    Normalize(x_.data(), w.attention_norm, h_.data(), n);
    switch (config_.plan[l].mixer) {
      case Mixer::kAttention:
        Attention(w, batch, l, n);
        break;
      case Mixer::kShortConv:
        ShortConv(w, batch, l, n);
        break;
      case Mixer::kMamba2:
        Mamba2(w, batch, l, n);
        break;
    }
    Normalize(mixed_.data(), w.attention_post_norm, mixed_.data(), n);
    if (!config_.parallel) AddToStream(mixed_.data(), n);

    if (!config_.parallel || !w.ffn_norm.weight.empty()) Normalize(x_.data(), w.ffn_norm, h_.data(), n);
    FeedForward(w, n);
    Normalize(out_.data(), w.ffn_post_norm, out_.data(), n);
    if (config_.parallel) AddToStream(mixed_.data(), n);
    AddToStream(out_.data(), n);
  }
  if (observer_ != nullptr) observer_->OnResidual(config_.layers, x_.data(), n);
  for (const Segment& s : batch) s.kv->Grow(static_cast<uint32_t>(s.tokens.size()));
  Head(batch, logits);
  return true;
}

void Transformer::Forward(std::span<const int32_t> tokens, KvCache& kv, std::span<float> logits) {
  const Segment alone = {tokens, &kv, logits.size() / config_.vocabulary};
  Forward({&alone, 1}, logits);
}

void Transformer::SetObserver(Observer* observer) {
  observer_ = observer;
  linear_.SetObserver(observer);
}

void Transformer::Embed(const Segment& s, size_t first) {
  for (size_t t = 0; t < s.tokens.size(); ++t) {
    float* x = x_.data() + (first + t) * config_.dim;
    CopyRow(weights_.embedding, static_cast<size_t>(s.tokens[t]), row_, x);
    if (config_.embedding_scale != 1.0f) ops_.scale(x, config_.embedding_scale, config_.dim);
    if (weights_.positions.rows == 0) continue;
    CopyRow(weights_.positions, s.kv->size() + t, row_, h_.data());
    ops_.add(x, h_.data(), config_.dim);
  }
}

void Transformer::Turn(const Segment& s, size_t first) {
  const bool beyond = !long_ropes_.empty() && s.kv->capacity() > config_.original_context;
  const std::vector<Rope>& ropes = beyond ? long_ropes_ : ropes_;
  for (size_t i = 0; i < ropes.size(); ++i) {
    for (size_t t = 0; t < s.tokens.size(); ++t) {
      ropes[i].Angles(s.kv->size() + static_cast<uint32_t>(t),
                      cos_sin_[i].data() + (first + t) * config_.rope_dims);
    }
  }
}

void Transformer::FeedForward(const LayerWeights& w, size_t n) {
  const bool gated = config_.family.gated;
  float* active = gated ? gate_.data() : up_.data();
  const auto activate = [&](size_t begin, size_t end) {
    for (size_t t = 0; t < n; ++t) {
      const size_t at = t * config_.ffn + begin;
      if (gated && !w.gate_bias.empty()) ops_.add(gate_.data() + at, w.gate_bias.data() + begin, end - begin);
      if (!w.up_bias.empty()) ops_.add(up_.data() + at, w.up_bias.data() + begin, end - begin);
      Activate(active + at, up_.data() + at, end - begin);
    }
  };
  if (gated) {
    linear_.MultiplyThen(h_.data(), n, {{w.gate, gate_.data()}, {w.up, up_.data()}}, activate);
  } else {
    linear_.MultiplyThen(h_.data(), n, {{w.up, up_.data()}}, activate);
  }
  linear_.Multiply(active, n, {{w.down, out_.data()}});
  AddBias(out_.data(), w.down_bias, n);
}

void Transformer::Activate(float* y, const float* up, size_t n) const {
  switch (config_.family.activation) {
    case Nonlinearity::kSilu:
      ops_.swiglu(y, up, y, n);
      return;
    case Nonlinearity::kGelu:
      ops_.gelu_tanh(y, y, n);
      break;
    case Nonlinearity::kGeluErf:
      ops_.gelu_erf(y, y, n);
      break;
  }
  if (config_.family.gated) ops_.mul(y, up, n);
}

void Transformer::Head(Batch batch, std::span<float> logits) {
  wanted_.clear();
  ForEach(batch, [&](const Segment& s, size_t first) {
    LINNET_CHECK(s.rows <= s.tokens.size());
    if (s.rows == 0) return;
    const size_t from = first + s.tokens.size() - s.rows;
    Normalize(x_.data() + from * config_.dim, weights_.final_norm, h_.data() + wanted_.size() * config_.dim,
              s.rows);
    wanted_.insert(wanted_.end(), s.rows, s.wanted);
  });
  const size_t wanted = wanted_.size();
  LINNET_CHECK(logits.size() == wanted * config_.vocabulary);
  if (wanted == 0) return;
  head_use_.tokens += wanted;
  if (Screen(logits)) return;
  head_use_.bytes += SizeBytes(weights_.head);
  linear_.Multiply(h_.data(), wanted, {{weights_.head, logits.data()}});
  AddBias(logits.data(), weights_.head_bias, wanted);
  if (config_.logit_scale != 1.0f) ops_.scale(logits.data(), config_.logit_scale, logits.size());
  if (config_.logit_cap != 0.0f) ops_.soft_cap(logits.data(), config_.logit_cap, logits.size());
}

// Bounds hold for what the head alone computes, and for a factor: where a bias is added, or a function that
// saturates follows, they do not say which is the highest.
bool Transformer::Screen(std::span<float> logits) {
  if (!weights_.head_bias.empty() || config_.logit_cap != 0.0f || !(config_.logit_scale > 0.0f) ||
      !linear_.IsPlain(weights_.head) || !screen_.Takes(wanted_)) {
    return false;
  }
  if (screen_.Multiply(linear_, h_.data(), wanted_, config_.logit_scale, logits.data(), head_use_)) {
    head_use_.screened += wanted_.size();
    return true;
  }
  head_use_.fallbacks += wanted_.size();
  return false;
}

void Transformer::NormalizeOne(const float* x, const float* weight, const float* bias, float* y,
                               size_t n) const {
  if (config_.family.norm == NormKind::kRms) {
    ops_.rms_norm(x, weight, y, n, config_.epsilon);
  } else {
    ops_.layer_norm(x, weight, bias, y, n, config_.epsilon);
  }
}

void Transformer::Normalize(const float* x, const Norm& norm, float* y, size_t tokens) {
  const size_t dim = config_.dim;
  if (norm.weight.empty()) {
    if (x != y) std::copy_n(x, tokens * dim, y);
    return;
  }
  const float* bias = norm.bias.empty() ? nullptr : norm.bias.data();
  const auto share = [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t)
      NormalizeOne(x + t * dim, norm.weight.data(), bias, y + t * dim, dim);
  };
  if (tokens * dim < kNormalizeAloneBelow) {
    share(0, tokens);
  } else {
    pool_.Run(tokens, 1, share);
  }
}

void Transformer::AddBias(float* y, const std::vector<float>& bias, size_t tokens) {
  if (bias.empty()) return;
  for (size_t t = 0; t < tokens; ++t) ops_.add(y + t * bias.size(), bias.data(), bias.size());
}

void Transformer::AddToStream(float* y, size_t tokens) {
  if (config_.residual_scale != 1.0f) ops_.scale(y, config_.residual_scale, tokens * config_.dim);
  ops_.add(x_.data(), y, tokens * config_.dim);
}

}  // namespace linnet::model
