#ifndef LINNET_RUNTIME_MODEL_LORA_H_
#define LINNET_RUNTIME_MODEL_LORA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/model/weights.h"

namespace linnet::model {

// A low-rank change of a model (LoRA, arXiv:2106.09685): for some of its matrices, y = W x + scale * B (A x).
// Immutable, so thread-safe.
class LoraAdapter {
 public:
  // One matrix' change, in float32.
  struct Pair {
    const gguf::TensorInfo* target;  // of the base model
    size_t rank, cols, rows;
    float scale;           // the adapter's alpha / rank (1 without alpha), times the caller's
    std::vector<float> a;  // [rank, cols]
    std::vector<float> b;  // [rows, rank]
  };
  // The part of a pair that changes one matrix: several matrices may be rows of one tensor.
  struct Part {
    const Pair* pair = nullptr;  // null: the matrix stays as it is
    size_t first_row = 0;        // of b
  };

  // `file`: an adapter as llama.cpp's convert_lora_to_gguf writes it (general.type adapter, adapter.type
  // lora, adapter.lora.alpha; NAME.lora_a [rank, cols], NAME.lora_b [rows, rank]); `base` outlives the
  // adapter. Errors name the tensor or key: InvalidArgument when it is of another architecture or shape, or
  // changes a tensor that the model lacks; DataLoss for a file that contradicts itself; Unimplemented for
  // what would have to be left out (token embeddings, norms, adapters that begin at a token).
  static absl::StatusOr<std::unique_ptr<LoraAdapter>> Load(const gguf::ModelFile& file,
                                                           const gguf::ModelFile& base, float scale);

  const std::vector<Pair>& pairs() const { return pairs_; }
  Part Of(const Matrix& matrix) const;

 private:
  LoraAdapter() = default;
  std::vector<Pair> pairs_;  // by their target's place in the file
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_LORA_H_
