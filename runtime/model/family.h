#ifndef LINNET_RUNTIME_MODEL_FAMILY_H_
#define LINNET_RUNTIME_MODEL_FAMILY_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace linnet::model {

// Which elements of a head RoPE turns together: (2i, 2i+1), or (i, i + rope_dims / 2).
enum class RopePairs : uint8_t { kInterleaved, kHalf };

enum class NormKind : uint8_t { kRms, kLayer };

// kGelu is the tanh form.
enum class Nonlinearity : uint8_t { kSilu, kGelu, kGeluErf };

// Normalization of queries and keys before RoPE: every head with the same weights, every head with its own,
// or the whole projection at once.
enum class QkNorm : uint8_t { kNone, kHead, kOwnHead, kWhole };

// RoPE of the layers that see a window: as in the others; with its own base and unscaled; with the same base,
// unscaled.
enum class LocalRope : uint8_t { kSame, kOwnBase, kUnscaled };

// Whether a file of the family has a tensor.
enum class Part : uint8_t { kNever, kMaybe, kAlways };

// How a layer lets a token see those before it.
enum class Mixer : uint8_t { kAttention, kShortConv, kMamba2 };

// What distinguishes one architecture of GGUF from the others: everything that its metadata does not say.
// Defaults are llama's with half pairs.
struct Family {
  std::string_view name;   // general.architecture
  std::string_view about;  // models that use it, for people
  RopePairs rope_pairs = RopePairs::kHalf;
  bool learned_positions = false;  // position_embd.weight instead of RoPE
  NormKind norm = NormKind::kRms;
  Nonlinearity activation = Nonlinearity::kSilu;
  bool gated = true;        // activation(gate) * up; else activation(up)
  bool gate_in_up = false;  // ffn_up.weight holds the rows of gate, then those of up
  QkNorm qk_norm = QkNorm::kNone;
  Part has_qk_norm = Part::kAlways;  // where qk_norm is not kNone
  bool qk_norm_after_rope = false;
  bool pre_norms = true;
  bool post_norms = false;
  // x + mixer(norm(x)) + ffn(norm(x)). kMaybe: in files without ffn_norm, or as use_parallel_residual says.
  Part parallel = Part::kNever;
  Part ffn_norm = Part::kAlways;
  Part qkv_bias = Part::kNever;
  Part output_bias = Part::kNever;
  Part ffn_bias = Part::kNever;
  Part head_bias = Part::kNever;
  Part untied = Part::kMaybe;      // output.weight
  uint32_t rope_skips_every = 0;   // every Nth layer has no RoPE
  bool rope_needs_window = false;  // where some layers have windows, those without have no RoPE
  uint32_t window = 0;             // where metadata has no attention.sliding_window
  uint32_t window_period = 0;      // of every N layers the last sees all positions; 0: none does
  LocalRope local_rope = LocalRope::kSame;
  bool embedding_times_root = false;  // embeddings are multiplied by sqrt(dim)
  bool soft_caps = false;             // attn_ and final_logit_softcapping, where metadata has none:
  float attention_cap = 0.0f, logit_cap = 0.0f;
  bool scales = false;       // embedding, residual, attention and logit scales (granite)
  bool temperature = false;  // queries far into the text are scaled up (attention.temperature_scale)
  Mixer without_heads = Mixer::kAttention;  // of layers without KV head&
  std::string_view final_norm = "output_norm";
};

// Every family that works, in the order of the documentation.
std::span<const Family> Families();
// nullptr when there is none of that name.
const Family* FindFamily(std::string_view name);

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_FAMILY_H_
