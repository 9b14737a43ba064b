#ifndef LINNET_RUNTIME_MODEL_KV_CACHE_H_
#define LINNET_RUNTIME_MODEL_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/kernels/types.h"
#include "runtime/model/config.h"
#include "runtime/model/weights.h"

namespace linnet::model {

using kernels::KvType;

// What sessions of a model keep unless told: halves, as precise as what they are computed from, but float32
// where the layers' matrices are.
KvType KvTypeFor(const Weights& weights);

// What a cache is made of, where every layer has attention.
struct KvShape {
  KvType type = KvType::kF32;
  uint32_t strips = 0;     // keys of each layer's KV heads, then values: [context] rows each; 0: has states
  uint32_t row_bytes = 0;  // of one position in a strip
  uint32_t context_tokens = 0;
};

// What a session's layers keep of the tokens that were evaluated. Layers with attention: keys and values in
// float32, halves or bytes (types.h), each KV head's positions one after the other, [kv_heads, context] rows.
// Other layers: a state of fixed size in float32, zeros at the start. The memory is reserved at once and
// touched only as it fills. Not thread-safe.
class KvCache {
 public:
  // ResourceExhausted when the system does not give the memory.
  static absl::StatusOr<std::unique_ptr<KvCache>> Create(const Config& config, uint32_t context_tokens,
                                                         KvType type = KvType::kF32);
  static uint64_t SizeBytes(const Config& config, uint32_t context_tokens, KvType type = KvType::kF32);

  KvType type() const { return type_; }
  // The row of `position` on, of the [context] rows of one head, in a layer with attention.
  std::byte* keys(uint32_t layer, uint32_t kv_head, uint32_t position = 0) {
    return keys_.get() + Offset(layer, kv_head, position);
  }
  std::byte* values(uint32_t layer, uint32_t kv_head, uint32_t position = 0) {
    return values_.get() + Offset(layer, kv_head, position);
  }
  static KvShape ShapeOf(const Config& config, uint32_t context_tokens, KvType type);
  // Positions `first` to `first + count` of a strip (KvShape).
  std::span<std::byte> Rows(size_t strip, uint32_t first, uint32_t count) {
    const size_t half = ordinal_.size() * kv_heads_;
    std::byte* base = strip < half ? keys_.get() : values_.get();
    const size_t row = (strip < half ? strip : strip - half) * context_tokens_ + first;
    return {base + row * row_bytes_, count * row_bytes_};
  }
  // A layer without attention: [taps - 1, conv_channels], then [ssm_inner, ssm_state].
  float* state(uint32_t layer) { return states_.get() + ordinal_[layer] * state_floats_; }

  uint32_t size() const { return size_; }  // positions that are valid
  uint32_t capacity() const { return context_tokens_; }
  void Grow(uint32_t tokens) { size_ += tokens; }
  // Can a part be forgotten?
  bool CanTruncate() const { return all_states_ == 0; }
  // Forgets positions from `size` on, and returns how many are left: a state cannot be cut back, so with one
  // it is all of them or none, and what is missing has to be evaluated again.
  uint32_t Truncate(uint32_t size);

 private:
  KvCache(const Config& config, uint32_t context_tokens, KvType type);
  size_t Offset(uint32_t layer, uint32_t kv_head, uint32_t position) const {
    return ((ordinal_[layer] * kv_heads_ + kv_head) * context_tokens_ + position) * row_bytes_;
  }

  KvType type_;
  size_t kv_heads_, row_bytes_;
  size_t state_floats_;  // of one layer
  size_t all_states_;    // floats of all layers'
  uint32_t context_tokens_;
  uint32_t size_ = 0;
  std::vector<size_t> ordinal_;  // [layers]: the number among those of its kind
  std::unique_ptr<std::byte[]> keys_, values_;
  std::unique_ptr<float[]> states_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_KV_CACHE_H_
