#ifndef LINNET_RUNTIME_MODEL_ENCODER_WEIGHTS_H_
#define LINNET_RUNTIME_MODEL_ENCODER_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/model/weights.h"

namespace linnet::model {

// An encoder's shape: BERT (arXiv:1810.04805; learned positions, GELU, biases everywhere) or Nomic BERT
// (arXiv:2402.01613; RoPE, SwiGLU, one matrix for queries, keys and values).
struct EncoderConfig {
  std::string architecture;  // general.architecture
  bool rotary = false;       // RoPE on halves of a head, instead of learned positions
  bool gated = false;        // silu(gate) * up, instead of gelu(up)
  uint32_t vocabulary = 0;
  uint32_t context_tokens = 0;
  uint32_t layers = 0;
  uint32_t dim = 0;  // a multiple of heads
  uint32_t heads = 0;
  uint32_t ffn = 0;
  float epsilon = 1e-12f;
  float rope_base = 10000.0f;
  uint32_t head_dim() const { return dim / heads; }
};

// Normalization comes after what it normalizes.
struct EncoderLayer {
  Matrix q, k, v;                             // [dim, dim]
  std::vector<float> q_bias, k_bias, v_bias;  // [dim], or empty; as all biases here
  Matrix output;                              // [dim, dim]
  std::vector<float> output_bias;
  Norm attention_norm;
  Matrix gate, up;  // [ffn, dim]
  std::vector<float> up_bias;
  Matrix down;  // [dim, ffn]
  std::vector<float> down_bias;
  Norm ffn_norm;
};

struct EncoderWeights {
  Matrix embedding;               // [vocabulary, dim]
  Matrix positions;               // [context_tokens, dim], or none
  std::vector<float> token_type;  // [dim], of the first type, which all tokens have; or empty
  Norm embedding_norm;
  std::vector<EncoderLayer> layers;
};

// Whether the file says that it is an encoder: bert or nomic-bert.
bool IsEncoder(const gguf::ModelFile& file);

// Errors: those of ReadConfig and LoadWeights (config.h, weights.h).
absl::StatusOr<EncoderConfig> ReadEncoderConfig(const gguf::ModelFile& file);
absl::StatusOr<EncoderWeights> LoadEncoderWeights(const gguf::ModelFile& file, EncoderConfig& config);

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_ENCODER_WEIGHTS_H_
