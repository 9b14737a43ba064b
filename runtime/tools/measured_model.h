#ifndef LINNET_RUNTIME_TOOLS_MEASURED_MODEL_H_
#define LINNET_RUNTIME_TOOLS_MEASURED_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/observer.h"
#include "runtime/model/transformer.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

// A model that a tool runs a text through to see what flows inside: without an engine, a queue or sampling.
class MeasuredModel {
 public:
  struct Options {
    uint32_t context_tokens = 512;    // of a chunk; at most the model's
    uint32_t most_chunks = 0;         // 0: the whole text
    int threads = 0;                  // 0: choose
    std::optional<model::KvType> kv;  // none: model::KvTypeFor
  };
  // A packed file is unpacked: tools look at rows, and its products are the same bits. Errors: those of
  // Engine::Load that concern the file.
  static absl::StatusOr<std::unique_ptr<MeasuredModel>> Load(base::FileSystem& fs, const std::string& path,
                                                             const Options& options);

  // Runs `text` through the model in chunks, each from an empty context and with BOS in front where the model
  // wants it. Returns the number of chunks. InvalidArgument for a text without tokens.
  absl::StatusOr<uint32_t> Run(std::string_view text, model::Observer& observer, const Progress& progress);

  // Evaluates the next tokens (at most max_batch); `logits` as in Transformer::Forward. Restart empties the
  // context.
  void Restart() { kv_->Truncate(0); }
  void Forward(std::span<const tokenizer::TokenId> tokens, std::span<float> logits) {
    model_->Forward(tokens, *kv_, logits);
  }
  uint32_t max_batch() const { return model_->max_batch(); }

  const gguf::GgufFile& file() const { return *file_; }
  const model::Config& config() const { return model_->config(); }
  const model::Weights& weights() const { return model_->weights(); }
  const tokenizer::Tokenizer& tokenizer() const { return *tokenizer_; }
  uint32_t context_tokens() const { return context_tokens_; }
  // The tensor that holds `data`; nullptr when it is in none.
  const gguf::TensorInfo* TensorAt(const std::byte* data) const;

 private:
  MeasuredModel() = default;
  std::unique_ptr<gguf::GgufFile> file_;
  std::unique_ptr<base::ThreadPool> pool_;
  std::unique_ptr<model::Transformer> model_;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
  std::unique_ptr<model::KvCache> kv_;
  std::vector<const gguf::TensorInfo*> by_place_;
  uint32_t context_tokens_ = 0, most_chunks_ = 0;
};

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_MEASURED_MODEL_H_
