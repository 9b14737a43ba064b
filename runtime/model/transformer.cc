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
      linear_(ops, pool, size_t{max_batch} * WidestInput(config_), max_batch),
      screen_(ops, pool, weights_.head),
      row_bytes_(std::max(weights_.embedding.row_bytes, weights_.positions.row_bytes)),
      rows_(new std::byte[max_batch * row_bytes_]),
      x_(size_t{max_batch} * config_.dim),
      h_(x_.size()),
      normalized_(x_.size()),
      mixed_in_(size_t{max_batch} * WidestInput(config_)),
      attended_done_(max_batch),
      scanned_done_(max_batch),
      activated_done_(config_.ffn),
      mixed_(x_.size()),
      fed_(config_.parallel ? x_.size() : 0),
      cos_sin_(ropes_.size(), std::vector<float>(size_t{max_batch} * config_.rope_dims)),
      q8_(new kernels::ActBlock[size_t{max_batch} * config_.heads * kernels::KvBlocks(config_.head_dim)]) {
  PlaceBuffers();
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

void Transformer::PlaceBuffers() {
  const size_t q = size_t{max_batch_} * config_.heads * config_.head_dim;
  const size_t k = size_t{max_batch_} * config_.kv_heads * config_.head_dim;
  const size_t ffn = size_t{max_batch_} * config_.ffn;
  block_.resize(std::max(2 * (q + k), 2 * ffn));
  const std::span<float> all = block_;
  q_ = all.first(q);
  k_ = all.subspan(q, k);
  v_ = all.subspan(q + k, k);
  attended_ = all.subspan(q + 2 * k, q);
  gate_ = all.first(ffn);
  up_ = all.subspan(ffn, ffn);
  out_ = config_.parallel ? fed_ : mixed_;
}

// The decoder of "Attention Is All You Need" (arXiv:1706.03762) as LLaMA (arXiv:2302.13971) and its relatives
// arrange it: in every layer a mixer lets a token see those before it, then a feed-forward network works on
// each alone; both add to the residual stream. What a family does not have is empty in its weights. What is
// done to a token alone is done where the last of its product's rows are computed, up to the next product's
// input: so threads wait for each other at the products and at attention, nowhere else.
void Transformer::Forward(std::span<const Segment> batch, std::span<float> logits) {
  ForwardUnless([] { return false; }, batch, logits);
}

bool Transformer::ForwardUnless(absl::FunctionRef<bool()> stop, std::span<const Segment> batch,
                                std::span<float> logits) {
  size_t n = 0;
  ForEach(batch, [&](const Segment& s, size_t first) {
    n = first + s.tokens.size();
    LINNET_CHECK(!s.tokens.empty() && n <= max_batch_ && s.kv->size() + s.tokens.size() <= s.kv->capacity());
    Turn(s, first);
  });
  LINNET_CHECK(n >= 1);
  ForTokenRanges(n, [&](size_t begin, size_t end) {
    ForTokens(batch, begin, end, [&](const Segment& s, size_t t, size_t row) {
      Embed(s, t, row);
      MakeInput(weights_.layers[0].attention_norm, MixerForms(0), row);
    });
  });
  for (uint32_t l = 0; l < config_.layers; ++l) {
    // Keys and values beyond a cache's size are nobody's yet.
    if (l > 0 && CanGiveUp() && stop()) return false;
    const LayerWeights& w = weights_.layers[l];
    if (observer_ != nullptr) observer_->OnResidual(l, x_.data(), n);

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
    FeedForward(l, n);
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

void Transformer::Embed(const Segment& s, size_t token, size_t row) {
  std::byte* scratch = rows_.get() + row * row_bytes_;
  float* x = x_.data() + row * config_.dim;
  if (token + 1 < s.tokens.size()) FetchRow(weights_.embedding, static_cast<size_t>(s.tokens[token + 1]));
  CopyRow(weights_.embedding, static_cast<size_t>(s.tokens[token]), scratch, x);
  if (config_.embedding_scale != 1.0f) ops_.scale(x, config_.embedding_scale, config_.dim);
  if (weights_.positions.rows == 0) return;
  float* position = h_.data() + row * config_.dim;
  CopyRow(weights_.positions, s.kv->size() + token, scratch, position);
  ops_.add(x, position, config_.dim);
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

void Transformer::EndMixer(const ProductInput& x, const LayerWeights& w, size_t n) {
  const Forms forms = FeedForwardForms(w);
  linear_.MultiplyThenTokens(x, n, {{w.output, mixed_.data()}}, [&](size_t begin, size_t end) {
    for (size_t t = begin; t < end; ++t) {
      float* mixed = mixed_.data() + t * config_.dim;
      AddBias(mixed, w.output_bias, 1);
      Normalize(mixed, w.attention_post_norm, mixed);
      if (!config_.parallel) AddToStream(mixed, t);
      if (!config_.parallel || !w.ffn_norm.weight.empty()) MakeInput(w.ffn_norm, forms, t);
    }
  });
}

void Transformer::FeedForward(uint32_t layer, size_t n) {
  const LayerWeights& w = weights_.layers[layer];
  const bool gated = config_.family.gated;
  const float* active = gated ? gate_.data() : up_.data();
  const Forms forms = linear_.FormsOf({&w.down});
  const auto activate = [&](size_t begin, size_t end) {
    const Progress::Stretch whole = activated_done_.Completes({begin, end}, forms.block());
    if (whole.begin < whole.end) Activate(w, forms, whole.begin, whole.end, n);
  };
  if (gated) {
    linear_.MultiplyThen(Input(), n, {{w.gate, gate_.data()}, {w.up, up_.data()}}, activate);
  } else {
    linear_.MultiplyThen(Input(), n, {{w.up, up_.data()}}, activate);
  }
  const bool last = layer + 1 == config_.layers;
  const Forms next = last ? Forms{} : MixerForms(layer + 1);
  linear_.MultiplyThenTokens(mixed_in_.With(active), n, {{w.down, out_.data()}},
                             [&](size_t begin, size_t end) {
                               for (size_t t = begin; t < end; ++t) {
                                 float* out = out_.data() + t * config_.dim;
                                 AddBias(out, w.down_bias, 1);
                                 Normalize(out, w.ffn_post_norm, out);
                                 if (config_.parallel) AddToStream(mixed_.data() + t * config_.dim, t);
                                 AddToStream(out, t);
                                 if (!last) MakeInput(weights_.layers[layer + 1].attention_norm, next, t);
                               }
                             });
}

void Transformer::Activate(const LayerWeights& w, Forms forms, size_t begin, size_t end, size_t n) {
  const bool gated = config_.family.gated;
  for (size_t t = 0; t < n; ++t) {
    const size_t from = t * config_.ffn + begin, count = end - begin;
    float *up = up_.data() + from, *y = gated ? gate_.data() + from : up;
    if (gated && !w.gate_bias.empty()) ops_.add(y, w.gate_bias.data() + begin, count);
    if (!w.up_bias.empty()) ops_.add(up, w.up_bias.data() + begin, count);
    if (config_.family.activation == Nonlinearity::kSilu && !forms.floats) {
      if (forms.blocks) ops_.swiglu_quantize(y, up, mixed_in_.blocks(from), count);
      if (forms.blocks256) ops_.swiglu_quantize_256(y, up, mixed_in_.blocks256(from), count);
    } else {
      Activate(y, up, count);
      mixed_in_.Make(ops_, forms, y - from, from, from + count);
    }
  }
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
    ForTokenRanges(s.rows, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        Normalize(x_.data() + (from + t) * config_.dim, weights_.final_norm,
                  h_.data() + (wanted_.size() + t) * config_.dim);
      }
    });
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

void Transformer::Normalize(const float* x, const Norm& norm, float* y) const {
  if (!norm.weight.empty()) {
    NormalizeOne(x, norm.weight.data(), norm.bias.empty() ? nullptr : norm.bias.data(), y, config_.dim);
  } else if (x != y) {
    std::copy_n(x, config_.dim, y);
  }
}

Forms Transformer::MixerForms(uint32_t layer) const {
  const LayerWeights& w = weights_.layers[layer];
  // Side by side, and with one norm for both.
  if (config_.parallel && w.ffn_norm.weight.empty()) {
    return linear_.FormsOf({&w.q, &w.k, &w.v, &w.mixer_in, &w.gate, &w.up});
  }
  return linear_.FormsOf({&w.q, &w.k, &w.v, &w.mixer_in});
}

void Transformer::MakeInput(const Norm& norm, Forms forms, size_t token) {
  const size_t dim = config_.dim, begin = token * dim;
  const float* x = x_.data() + begin;
  const bool one_form = !forms.floats && forms.blocks != forms.blocks256;
  if (config_.family.norm == NormKind::kRms && one_form && !norm.weight.empty()) {
    const float* weight = norm.weight.data();
    if (forms.blocks) ops_.rms_norm_quantize(x, weight, normalized_.blocks(begin), dim, config_.epsilon);
    if (forms.blocks256) {
      ops_.rms_norm_quantize_256(x, weight, normalized_.blocks256(begin), dim, config_.epsilon);
    }
    return;
  }
  Normalize(x, norm, h_.data() + begin);
  normalized_.Make(ops_, forms, h_.data(), begin, begin + dim);
}

template <typename Work>
void Transformer::ForTokenRanges(size_t tokens, const Work& work) {
  if (tokens * config_.dim < kNormalizeAloneBelow) {
    work(0, tokens);
  } else {
    pool_.Run(tokens, 1, work);
  }
}

void Transformer::AddBias(float* y, const std::vector<float>& bias, size_t tokens) const {
  if (bias.empty()) return;
  for (size_t t = 0; t < tokens; ++t) ops_.add(y + t * bias.size(), bias.data(), bias.size());
}

void Transformer::AddToStream(float* y, size_t token) {
  if (config_.residual_scale != 1.0f) ops_.scale(y, config_.residual_scale, config_.dim);
  ops_.add(x_.data() + token * config_.dim, y, config_.dim);
}

}  // namespace linnet::model
