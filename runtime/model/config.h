#ifndef LINNET_RUNTIME_MODEL_CONFIG_H_
#define LINNET_RUNTIME_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/model/family.h"

namespace linnet::model {

// The angles of one kind of rotary position.
struct RopeConfig {
  float base = 10000.0f;
  float position_scale = 1.0f;  // positions are multiplied by it: 1 / factor of "linear" and "yarn"
  float magnitude = 1.0f;       // cosines and sines are multiplied by it
  // YaRN (arXiv:2309.00071): dimensions that turn more than beta_fast times within original_context are not
  // scaled, those that turn less than beta_slow times are, between them in part. yarn == 0: no YaRN.
  float yarn = 0.0f;
  float beta_fast = 32.0f, beta_slow = 1.0f;
};

// What one layer does with the tokens before it.
struct LayerPlan {
  static constexpr uint8_t kNoRope = 255;

  Mixer mixer = Mixer::kAttention;
  uint8_t rope = 0;     // index into Config::ropes, or kNoRope
  uint32_t window = 0;  // positions that it sees, its own included; 0: all
};

// A model's shape and settings: its family's row, and what the file's metadata says. What cannot be said here
// is refused by name, never ignored.
struct Config {
  Family family;             // its name is general.architecture
  std::string architecture;  // the same
  std::string name;          // empty when the file has none
  std::string license;       // SPDX identifier or words; may be empty
  uint32_t vocabulary = 0;
  uint32_t context_tokens = 0;
  uint32_t layers = 0;
  uint32_t dim = 0;       // length of a token's vector
  uint32_t heads = 0;     // query heads
  uint32_t kv_heads = 0;  // divides heads
  uint32_t head_dim = 0;
  uint32_t ffn = 0;
  uint32_t conv_taps = 0;      // of the convolutions before or instead of a state, at least 2; 0: none
  uint32_t conv_channels = 0;  // what they run over
  // Mamba-2: ssm_heads states of [ssm_inner / ssm_heads, ssm_state]; ssm_groups of heads share b and c.
  uint32_t ssm_inner = 0, ssm_heads = 0, ssm_state = 0, ssm_groups = 0;
  float epsilon = 1e-5f;  // of every normalization
  bool parallel = false;  // the mixer and the FFN of a layer read the same input

  uint32_t rope_dims = 0;  // even, at most head_dim
  uint32_t original_context =
      0;  // up to here a session uses the short factors of "longrope", beyond the long
  std::vector<RopeConfig> ropes;  // by LayerPlan::rope
  std::vector<LayerPlan> plan;    // [layers]

  float embedding_scale = 1.0f;
  float residual_scale = 1.0f;   // of what a block adds to the residual stream
  float attention_scale = 1.0f;  // of scores
  float logit_scale = 1.0f;
  float temperature =
      0.0f;  // queries at position p are scaled by 1 + temperature * ln(1 + p / original_context)
  float attention_cap = 0.0f;  // scores are cap * tanh(score / cap); 0: not capped
  float logit_cap = 0.0f;
};

// Unimplemented names an architecture or setting that is not supported; DataLoss and InvalidArgument name a
// key that is missing or makes no sense.
absl::StatusOr<Config> ReadConfig(const gguf::ModelFile& file);

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_CONFIG_H_
