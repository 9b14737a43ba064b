#ifndef LINNET_RUNTIME_ENGINE_PREFIX_STORE_H_
#define LINNET_RUNTIME_ENGINE_PREFIX_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/mutex.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/kv_slots.h"
#include "runtime/engine/prefix_file.h"
#include "runtime/engine/prefix_key.h"

namespace linnet::engine {

// Keys and values of prompts in a folder, so that a restart does not evaluate again what was evaluated
// before. A cache: what cannot be read or written is as if it were not there, and no request fails for it.
//
// Invariants: (1) what gets into a session is what was written (its digest, or its seal, says so), for the
// session's PrefixKey; (2) only tokens of prompts are stored, never what a model said; (3) files of other
// names are not touched; (4) one write at a time, on a thread of its own, and no more than one copy waits for
// it.
//
// Fill and Offer: engine's thread only.
class PrefixStore {
 public:
  // Of which sessions. Adapters outlive the store.
  struct Model {
    base::Sha256Digest identity;  // IdentityOfModel
    model::KvShape shape;         // with strips
    std::vector<const model::LoraAdapter*> adapters;
  };

  // Deletes damaged files, those of other versions, and those under another seal. Errors: those of
  // FileSystem, for the folder.
  static absl::StatusOr<std::unique_ptr<PrefixStore>> Open(base::FileSystem& fs,
                                                           const PrefixCacheOptions& options,
                                                           const Model& model);
  ~PrefixStore();  // waits for the write

  // Where a stored prefix has more of `prompt` (not empty; never its last token) than the slot, takes it.
  // How many tokens that added.
  uint32_t Fill(std::span<const tokenizer::TokenId> prompt, KvSlot& slot);

  // A session ended. Stores the beginning of its prompt where that may serve others: all of it when it is
  // like no stored one, else what it shares with the prompt before it and no stored one has. Flash wears, so
  // tokens that were seen once are not written for each new prompt.
  void Offer(std::span<const tokenizer::TokenId> prompt, KvSlot& slot);

 private:
  struct Entry {
    std::string name;
    PrefixHead head;
  };
  using EntryPtr = std::shared_ptr<const Entry>;
  struct Copy {  // to be written
    PrefixHead head;
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };

  PrefixStore(base::FileSystem& fs, const PrefixCacheOptions& options, const Model& model);
  const PrefixKey& KeyOf(const KvSlot& slot) const;
  absl::Status Scan();
  std::string NameOf(const PrefixHead& head) const;
  uint64_t FileBytes(const PrefixHead& head) const {
    return files_.FileBytes(head.tokens.size(), head.strips, head.row_bytes);
  }
  std::string PathOf(const std::string& name) const { return options_.folder + "/" + name; }
  // The entry that shares most with `tokens`, and how much that is.
  std::pair<EntryPtr, size_t> Longest(const PrefixKey& key, std::span<const tokenizer::TokenId> tokens) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  // The entry was used: now in memory, and soon on the disk, for which no request waits.
  void Touch(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  void TouchFile(const Entry& entry) const;
  std::optional<Copy> CopyOf(KvSlot& slot, size_t tokens) const;
  void Write();
  void WriteOne(Copy copy) ABSL_LOCKS_EXCLUDED(mutex_);
  // Over the cap the least recently used go; with `written` (may be null) those that it begins with, too.
  void Evict(const EntryPtr& written) ABSL_LOCKS_EXCLUDED(mutex_);

  base::FileSystem& fs_;
  const PrefixCacheOptions options_;
  const PrefixFiles files_;
  const model::KvShape shape_;
  std::vector<std::pair<const model::LoraAdapter*, PrefixKey>> keys_;  // by adapter; null: none
  const model::LoraAdapter* last_adapter_ = nullptr;
  std::vector<tokenizer::TokenId> last_prompt_;

  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<EntryPtr> entries_ ABSL_GUARDED_BY(mutex_);  // least recently used first
  std::optional<Copy> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<EntryPtr> touched_ ABSL_GUARDED_BY(mutex_);  // whose files do not say so yet
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread writer_;  // last: it uses all of the above
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PREFIX_STORE_H_
