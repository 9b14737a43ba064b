#ifndef LINNET_RUNTIME_ENGINE_KV_SLOTS_H_
#define LINNET_RUNTIME_ENGINE_KV_SLOTS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/lora.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// One session's keys and values, and the tokens they are of: tokens.size() == kv->size().
struct KvSlot {
  std::unique_ptr<model::KvCache> kv;
  std::vector<tokenizer::TokenId> tokens;
  const model::LoraAdapter* adapter = nullptr;  // that they were evaluated with
  bool busy = false;
  uint64_t last_used = 0;
};

// The KV memory: one slot, and more only for sessions that run at the same time. A finished session's tokens
// stay until the slot is needed, so that a request which begins alike evaluates only its new tail.
// Engine's thread only.
class KvSlots {
 public:
  // At most `max_slots` of `context_tokens` each.
  KvSlots(const model::Config& config, uint32_t context_tokens, model::KvType type, size_t max_slots)
      : config_(config), context_tokens_(context_tokens), type_(type), max_slots_(max_slots) {}

  // The free slot that shares the longest beginning with `prompt` (not empty), evaluated with the same
  // adapter, cut back to that; its last token is never shared, because its logits are wanted.
  // ResourceExhausted: no memory for another slot.
  absl::StatusOr<KvSlot*> Acquire(std::span<const tokenizer::TokenId> prompt,
                                  const model::LoraAdapter* adapter);
  void Release(KvSlot* slot);

 private:
  const model::Config& config_;
  const uint32_t context_tokens_;
  const model::KvType type_;
  const size_t max_slots_;
  uint64_t uses_ = 0;
  std::vector<std::unique_ptr<KvSlot>> slots_;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_KV_SLOTS_H_
