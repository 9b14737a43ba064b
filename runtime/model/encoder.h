#ifndef LINNET_RUNTIME_MODEL_ENCODER_H_
#define LINNET_RUNTIME_MODEL_ENCODER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/thread_pool.h"
#include "runtime/gguf/model_file.h"
#include "runtime/kernels/ops.h"
#include "runtime/model/encoder_weights.h"
#include "runtime/model/rope.h"

namespace linnet::model {

// A transformer in which every token sees all others, before and after it. The result does not depend on
// threads or on the kernel set (runtime/NUMERICS.md). For one caller at a time.
class Encoder {
 public:
  // `file`, `ops` and `pool` outlive it. Errors: those of ReadEncoderConfig and LoadEncoderWeights.
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const gguf::ModelFile& file, const kernels::Ops& ops,
                                                         base::ThreadPool& pool);

  const EncoderConfig& config() const { return config_; }

  // What leaves the last layer: [tokens, dim]. tokens: 1 to context_tokens of them, each inside the
  // vocabulary.
  std::vector<float> Forward(std::span<const int32_t> tokens);

 private:
  struct Buffers;
  Encoder(EncoderConfig config, EncoderWeights weights, const kernels::Ops& ops, base::ThreadPool& pool);
  void Embed(std::span<const int32_t> tokens, float* x);
  void Attention(const EncoderLayer& layer, Buffers& b);
  void FeedForward(const EncoderLayer& layer, Buffers& b);
  // x = norm(x + y)
  void AddAndNormalize(float* x, const float* y, const Norm& norm, size_t tokens);
  void Normalize(float* x, const Norm& norm, size_t tokens);
  void AddBias(float* y, const std::vector<float>& bias, size_t tokens);

  const EncoderConfig config_;
  const EncoderWeights weights_;
  const kernels::Ops& ops_;
  base::ThreadPool& pool_;
  Rope rope_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_ENCODER_H_
