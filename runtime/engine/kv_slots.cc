#include "runtime/engine/kv_slots.h"

#include <algorithm>

#include "runtime/base/status_macros.h"

namespace linnet::engine {

absl::StatusOr<KvSlot*> KvSlots::Acquire(std::span<const tokenizer::TokenId> prompt,
                                         const model::LoraAdapter* adapter) {
  KvSlot* best = nullptr;
  size_t best_shared = 0;
  for (const auto& slot : slots_) {
    if (slot->busy) continue;
    const auto ends =
        std::mismatch(slot->tokens.begin(), slot->tokens.end(), prompt.begin(), prompt.end() - 1);
    const size_t alike = static_cast<size_t>(ends.first - slot->tokens.begin());
    const size_t shared = slot->adapter == adapter ? alike : 0;
    const bool older = best != nullptr && shared == best_shared && slot->last_used < best->last_used;
    if (best == nullptr || shared > best_shared || older) {
      best = slot.get();
      best_shared = shared;
    }
  }
  if (best == nullptr) {
    LINNET_CHECK(slots_.size() < max_slots_);
    auto slot = std::make_unique<KvSlot>();
    LINNET_ASSIGN_OR_RETURN(slot->kv, model::KvCache::Create(config_, context_tokens_, type_));
    best = slot.get();
    slots_.push_back(std::move(slot));
  }
  best->tokens.resize(best->kv->Truncate(static_cast<uint32_t>(best_shared)));
  best->adapter = adapter;
  best->busy = true;
  best->last_used = ++uses_;
  return best;
}

void KvSlots::Release(KvSlot* slot) { slot->busy = false; }

}  // namespace linnet::engine
