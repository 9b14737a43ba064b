#include "runtime/model/rope_config.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "runtime/base/exact_math.h"
#include "runtime/base/status_macros.h"

namespace linnet::model {
namespace {

constexpr float kMaxFactor = 1e6f;
constexpr float kMaxBase = std::numeric_limits<float>::max();
constexpr float kAboveOne = 1.0f + std::numeric_limits<float>::epsilon();

// The factor by which positions are compressed; 1: not at all.
absl::StatusOr<float> ReadFactor(const Metadata& metadata, bool required) {
  constexpr std::string_view kKey = "rope.scaling.factor", kOldKey = "rope.scale_linear";
  const std::string_view key = !metadata.Has(kKey) && metadata.Has(kOldKey) ? kOldKey : kKey;
  if (!required) {
    LINNET_ASSIGN_OR_RETURN(const float factor, metadata.FloatOr(key, 0.0f, kMaxFactor, 0.0f));
    if (factor == 0.0f) return 1.0f;  // also some writers' way to say that there is none
  }
  return metadata.Float(key, 1.0f, kMaxFactor);
}

// "linear", YaRN, or the magnitude alone ("longrope" has its factors in tensors).
absl::Status ReadScaling(const Metadata& metadata, RopeConfig& rope) {
  constexpr std::string_view kType = "rope.scaling.type";
  LINNET_ASSIGN_OR_RETURN(const std::string type, metadata.StringOr(kType, ""));
  LINNET_ASSIGN_OR_RETURN(rope.magnitude, metadata.FloatOr("rope.scaling.attn_factor", 1e-3f, 1e3f, 1.0f));
  if (type == "none") return absl::OkStatus();
  if (type.empty() || type == "linear" || type == "longrope") {
    LINNET_ASSIGN_OR_RETURN(const float factor, ReadFactor(metadata, type == "linear"));
    if (type == "longrope" && factor != 1.0f) {
      return metadata.Unsupported("rope.scaling.factor", "a factor beside those of \"longrope\"");
    }
    rope.position_scale = 1.0f / factor;
    return absl::OkStatus();
  }
  if (type != "yarn") return metadata.Unsupported(kType, absl::StrCat("\"", type, "\""));
  LINNET_ASSIGN_OR_RETURN(const float factor, ReadFactor(metadata, true));
  rope.position_scale = 1.0f / factor;
  LINNET_ASSIGN_OR_RETURN(rope.yarn, metadata.FloatOr("rope.scaling.yarn_ext_factor", 0.0f, 1.0f, 1.0f));
  LINNET_ASSIGN_OR_RETURN(rope.beta_fast,
                          metadata.FloatOr("rope.scaling.yarn_beta_fast", kAboveOne, kMaxFactor, 32.0f));
  LINNET_ASSIGN_OR_RETURN(rope.beta_slow,
                          metadata.FloatOr("rope.scaling.yarn_beta_slow", 1e-3f, rope.beta_fast, 1.0f));
  LINNET_ASSIGN_OR_RETURN(const float all_dims,
                          metadata.FloatOr("rope.scaling.yarn_log_multiplier", 0.0f, kMaxFactor, 0.0f));
  if (rope.yarn != 0.0f) {
    // Eq. 22 of the paper: the temperature of scores as a factor of both vectors; all_dims takes it back.
    const double growth = 0.1 * base::ExactLog(static_cast<double>(factor));
    rope.magnitude *= static_cast<float>((1.0 + growth) / (1.0 + static_cast<double>(all_dims) * growth));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadRope(const Metadata& metadata, Config& config) {
  constexpr std::string_view kDims = "rope.dimension_count";
  LINNET_ASSIGN_OR_RETURN(config.rope_dims, metadata.UintOr(kDims, config.head_dim, config.head_dim));
  if (config.rope_dims % 2 != 0)
    return metadata.Wrong(kDims, absl::StrCat(config.rope_dims, ", expected an even number"));
  LINNET_ASSIGN_OR_RETURN(const uint32_t local_dims,
                          metadata.UintOr("rope.dimension_count_swa", config.head_dim, config.rope_dims));
  if (local_dims != config.rope_dims) {
    return metadata.Unsupported("rope.dimension_count_swa",
                                absl::StrCat(local_dims, " beside ", config.rope_dims));
  }
  LINNET_ASSIGN_OR_RETURN(config.original_context, metadata.UintOr("rope.scaling.original_context_length",
                                                                   1u << 24, config.context_tokens));

  RopeConfig rope;
  LINNET_ASSIGN_OR_RETURN(rope.base, metadata.FloatOr("rope.freq_base", kAboveOne, kMaxBase, rope.base));
  RopeConfig local = {.base = config.family.local_rope == LocalRope::kOwnBase ? 10000.0f : rope.base};
  LINNET_RETURN_IF_ERROR(ReadScaling(metadata, rope));
  if (config.family.local_rope == LocalRope::kSame) local = rope;
  LINNET_ASSIGN_OR_RETURN(local.base,
                          metadata.FloatOr("rope.freq_base_swa", kAboveOne, kMaxBase, local.base));
  config.ropes = {rope, local};

  // Granite's way to say that a model has no RoPE at all.
  LINNET_ASSIGN_OR_RETURN(const bool finetuned, metadata.BoolOr("rope.scaling.finetuned", true));
  const bool none = config.family.scales && !finetuned;
  const uint32_t skips = config.family.rope_skips_every;
  const bool only_windows = config.family.rope_needs_window &&
                            std::any_of(config.plan.begin(), config.plan.end(),
                                        [](const LayerPlan& layer) { return layer.window != 0; });
  for (uint32_t l = 0; l < config.layers; ++l) {
    LayerPlan& layer = config.plan[l];
    layer.rope = layer.window != 0 ? 1 : 0;
    const bool skipped = (skips != 0 && (l + 1) % skips == 0) || (only_windows && layer.window == 0);
    if (none || skipped) layer.rope = LayerPlan::kNoRope;
  }
  return absl::OkStatus();
}

}  // namespace linnet::model
