#include "runtime/model/kv_cache.h"

#include <algorithm>
#include <new>

#include "absl/strings/str_cat.h"

namespace linnet::model {
namespace {

bool HasState(const LayerPlan& layer) { return layer.mixer != Mixer::kAttention; }

uint64_t StatefulLayers(const Config& config) {
  return static_cast<uint64_t>(std::count_if(config.plan.begin(), config.plan.end(), HasState));
}

// A convolution's last inputs, then Mamba-2's states.
uint64_t StateFloats(const Config& config) {
  if (config.conv_taps == 0) return 0;
  return uint64_t{config.conv_taps - 1} * config.conv_channels +
         uint64_t{config.ssm_inner} * config.ssm_state;
}

size_t RowBytes(const Config& config, KvType type) { return kernels::KvRowBytes(type, config.head_dim); }

uint64_t KeyBytes(const Config& config, uint32_t context_tokens, KvType type) {
  return (config.layers - StatefulLayers(config)) * config.kv_heads * RowBytes(config, type) * context_tokens;
}

bool Short(const Matrix& m) { return m.rows != 0 && m.type != kernels::WeightType::kF32; }

}  // namespace

KvType KvTypeFor(const Weights& weights) {
  const bool halves = std::any_of(weights.layers.begin(), weights.layers.end(), [](const LayerWeights& w) {
    return Short(w.q) || Short(w.mixer_in) || Short(w.output) || Short(w.up) || Short(w.down);
  });
  return halves ? KvType::kF16 : KvType::kF32;
}

KvCache::KvCache(const Config& config, uint32_t context_tokens, KvType type)
    : type_(type),
      kv_heads_(config.kv_heads),
      row_bytes_(RowBytes(config, type)),
      state_floats_(StateFloats(config)),
      all_states_(StatefulLayers(config) * state_floats_),
      context_tokens_(context_tokens) {
  size_t stateful = 0, attending = 0;
  for (const LayerPlan& layer : config.plan) ordinal_.push_back(HasState(layer) ? stateful++ : attending++);
}

uint64_t KvCache::SizeBytes(const Config& config, uint32_t context_tokens, KvType type) {
  return 2 * KeyBytes(config, context_tokens, type) +
         sizeof(float) * StatefulLayers(config) * StateFloats(config);
}

KvShape KvCache::ShapeOf(const Config& config, uint32_t context_tokens, KvType type) {
  const uint32_t strips = StatefulLayers(config) == 0 ? 2 * config.layers * config.kv_heads : 0;
  return {type, strips, static_cast<uint32_t>(RowBytes(config, type)), context_tokens};
}

absl::StatusOr<std::unique_ptr<KvCache>> KvCache::Create(const Config& config, uint32_t context_tokens,
                                                         KvType type) {
  std::unique_ptr<KvCache> cache(new KvCache(config, context_tokens, type));
  const size_t bytes = KeyBytes(config, context_tokens, type);
  // Default-initialized: large blocks come from the system untouched, and pages arrive as positions fill.
  cache->keys_.reset(new (std::nothrow) std::byte[bytes]);
  cache->values_.reset(new (std::nothrow) std::byte[bytes]);
  cache->states_.reset(new (std::nothrow) float[cache->all_states_]());
  if (cache->keys_ == nullptr || cache->values_ == nullptr || cache->states_ == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("the memory of ", context_tokens,
                                                     " tokens of context is ",
                                                     SizeBytes(config, context_tokens, type) >> 20,
                                                     " MiB, and the system has not that much; ask "
                                                     "for a smaller context"));
  }
  return cache;
}

uint32_t KvCache::Truncate(uint32_t size) {
  if (size >= size_) return size_;
  if (all_states_ != 0) {
    std::fill_n(states_.get(), all_states_, 0.0f);
    size = 0;
  }
  size_ = size;
  return size_;
}

}  // namespace linnet::model
