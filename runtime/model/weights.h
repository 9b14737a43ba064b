#ifndef LINNET_RUNTIME_MODEL_WEIGHTS_H_
#define LINNET_RUNTIME_MODEL_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/model/config.h"
#include "runtime/model/matrix.h"

namespace linnet::model {

// Empty vectors: the family has none of it.
struct Norm {
  std::vector<float> weight, bias;
};

struct LayerWeights {
  Norm attention_norm;                        // [dim], before the mixer
  Matrix q;                                   // [heads * head_dim, dim]
  Matrix k, v;                                // [kv_heads * head_dim, dim]
  std::vector<float> q_bias, k_bias, v_bias;  // [rows of q, k, v]
  std::vector<float> q_norm, k_norm;          // [head_dim], or [rows of q, k]
  Matrix mixer_in;                            // what layers without attention have instead of q, k, v
  std::vector<float> conv;                    // [taps, conv_channels]
  std::vector<float> conv_bias;               // [conv_channels]
  std::vector<float> ssm_a, ssm_d, ssm_dt;    // [ssm_heads]
  std::vector<float> ssm_norm;                // [ssm_inner]
  Matrix output;                              // [dim, heads * head_dim], or [dim, dim or ssm_inner]
  std::vector<float> output_bias;             // [dim]
  Norm attention_post_norm;                   // [dim], of what the mixer adds
  Norm ffn_norm;                              // [dim]
  Matrix gate, up;                            // [ffn, dim]
  Matrix down;                                // [dim, ffn]
  std::vector<float> gate_bias, up_bias;      // [ffn]
  std::vector<float> down_bias;               // [dim]
  Norm ffn_post_norm;                         // [dim], of what the FFN adds
};

struct Weights {
  Matrix embedding;                      // [vocabulary, dim]
  Matrix positions;                      // [context_tokens, dim], added to the embeddings
  Matrix head;                           // [vocabulary, dim]; the embedding when the file ties them
  std::vector<float> head_bias;          // [vocabulary]
  Norm final_norm;                       // [dim]
  std::vector<float> rope_factors;       // [rope_dims / 2] divisors of the frequencies
  std::vector<float> long_rope_factors;  // the same of sessions longer than Config::original_context
  std::vector<LayerWeights> layers;
  uint64_t parameters = 0;  // elements of all tensors
};

// Finds every tensor and checks its shape; sets config.vocabulary. The matrices view `file`, which must
// outlive them. DataLoss names a missing or misshapen tensor; Unimplemented a tensor that this family's
// forward pass would not use: leaving it out would compute something else.
absl::StatusOr<Weights> LoadWeights(const gguf::ModelFile& file, Config& config);

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_WEIGHTS_H_
