#ifndef LINNET_AGENT_DEVICE_MODEL_SLOT_H_
#define LINNET_AGENT_DEVICE_MODEL_SLOT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/device/worker_pool.h"
#include "agent/update/model_host.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "runtime/engine/engine.h"
#include "runtime/grammar/grammar.h"

namespace linnet::device {

// The model that answers now. A switch loads the new one first; requests under way hold the old one until
// they end. Engines are destroyed on a thread of their own (the last to let go may be an engine's thread,
// which cannot wait for itself). The destructor waits until all that was given out is back. Thread-safe.
class ModelSlot final : public update::ModelHost {
 public:
  ModelSlot(base::FileSystem& fs, engine::EngineOptions options)
      : fs_(fs), options_(std::move(options)), reaper_(1, 1'000'000) {}
  ~ModelSlot() override;

  // For models from now on. Call it before the first Switch.
  void KeepPrefixes(engine::PrefixCacheOptions options) { options_.prefix_cache = std::move(options); }

  // Null: no model.
  std::shared_ptr<engine::Engine> engine() const;
  // The trie of the engine's tokenizer, built at first use and kept while it serves. Never null.
  std::shared_ptr<const grammar::Vocabulary> VocabularyOf(const std::shared_ptr<engine::Engine>& engine);

  // update::ModelHost. Switch also serves `--model`.
  absl::Status Switch(const std::string& path) override;
  absl::Status SelfCheck() override;
  uint64_t inferences() const override { return inferences_->load(); }

 private:
  void Destroy(engine::Engine* old);

  base::FileSystem& fs_;
  engine::EngineOptions options_;
  std::shared_ptr<std::atomic<uint64_t>> inferences_ = std::make_shared<std::atomic<uint64_t>>(0);
  mutable base::Mutex mutex_;
  base::CondVar destroyed_;
  int alive_ ABSL_GUARDED_BY(mutex_) = 0;  // engines not yet destroyed
  std::shared_ptr<engine::Engine> engine_ ABSL_GUARDED_BY(mutex_);
  base::Mutex vocabulary_mutex_;  // held while a vocabulary is built
  std::weak_ptr<engine::Engine> vocabulary_of_ ABSL_GUARDED_BY(vocabulary_mutex_);
  std::shared_ptr<const grammar::Vocabulary> vocabulary_ ABSL_GUARDED_BY(vocabulary_mutex_);
  WorkerPool reaper_;  // last: its thread ends before what it uses
};

}  // namespace linnet::device

#endif  // LINNET_AGENT_DEVICE_MODEL_SLOT_H_
