#ifndef LINNET_RUNTIME_MODEL_EMBEDDER_H_
#define LINNET_RUNTIME_MODEL_EMBEDDER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/model_file.h"
#include "runtime/kernels/ops.h"

namespace linnet::model {

// How the vectors of a text's tokens become one: not at all, their mean, the first, the last.
enum class Pooling : uint8_t { kNone, kMean, kCls, kLast };

std::string_view PoolingName(Pooling pooling);
// nullopt for a name that is none of "none", "mean", "cls", "last".
std::optional<Pooling> ParsePooling(std::string_view name);

// Texts as vectors: of an encoder (encoder.h), or of a decoder of any family, whose vectors are those that
// its head would turn into logits. The result does not depend on threads or on the kernel set. For one caller
// at a time.
class Embedder {
 public:
  virtual ~Embedder() = default;
  // `file`, `ops` and `pool` outlive it. Unimplemented names a family that is neither, and a model whose
  // ARCHITECTURE.pooling_type is a ranking; other errors are those of Encoder::Create and
  // Transformer::Create.
  static absl::StatusOr<std::unique_ptr<Embedder>> Create(const gguf::ModelFile& file,
                                                          const kernels::Ops& ops, base::ThreadPool& pool);

  // What the file asks for; when it is silent, an encoder's mean and a decoder's last.
  Pooling pooling() const { return pooling_; }
  uint32_t dim() const { return dim_; }
  uint32_t context_tokens() const { return context_tokens_; }

  // [dim], or [tokens, dim] of Pooling::kNone. `normalize`: each vector divided by its length. OutOfRange:
  // more tokens than the model can see, by how many; InvalidArgument: no tokens, or one outside the
  // vocabulary.
  absl::StatusOr<std::vector<float>> Embed(std::span<const int32_t> tokens, Pooling pooling, bool normalize);

 protected:
  Embedder(const kernels::Ops& ops, uint32_t vocabulary, uint32_t dim, uint32_t context_tokens)
      : ops_(ops), vocabulary_(vocabulary), dim_(dim), context_tokens_(context_tokens) {}
  // [tokens, dim]
  virtual absl::StatusOr<std::vector<float>> Vectors(std::span<const int32_t> tokens) = 0;

  const kernels::Ops& ops_;

 private:
  std::vector<float> Pool(std::vector<float> vectors, Pooling pooling) const;
  void Normalize(float* vector) const;

  const uint32_t vocabulary_, dim_, context_tokens_;
  Pooling pooling_ = Pooling::kMean;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_EMBEDDER_H_
