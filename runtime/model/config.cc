#include "runtime/model/config.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/model/metadata.h"
#include "runtime/model/rope_config.h"

namespace linnet::model {
namespace {

// Beyond any model that fits a device; products of these stay far from overflow.
constexpr uint64_t kMaxDim = 1u << 17;
constexpr uint64_t kMaxHeads = 1u << 12;
constexpr uint64_t kMaxLayers = 1u << 10;
constexpr uint64_t kMaxContext = 1u << 24;
constexpr uint64_t kMaxTaps = 64;
constexpr float kMaxScale = 1e6f;

// Settings that change what is computed, and that no family here has.
constexpr std::string_view kRefused[] = {
    "expert_count",           "attention.clamp_kqv",          "attention.max_alibi_bias",
    "attention.kv_lora_rank", "attention.temperature_length", "attention.output_scale",
    "attention.value_scale",  "attention.shared_kv_layers",   "embedding_length_per_layer_input",
    "nextn_predict_layers",   "rope.dimension_sections",      "rope.scaling.alpha",
    "swiglu_clamp_exp"};
constexpr std::string_view kSoftCaps[] = {"attn_logit_softcapping", "final_logit_softcapping"};
constexpr std::string_view kScales[] = {"embedding_scale", "residual_scale", "attention.scale",
                                        "logit_scale"};

absl::StatusOr<const Family*> ReadFamily(const gguf::ModelFile& file) {
  std::string_view name;
  if (file.Has("general.architecture")) {
    LINNET_ASSIGN_OR_RETURN(name, file.GetString("general.architecture"));
  }
  if (const Family* family = FindFamily(name); family != nullptr) return family;
  std::string known;
  for (const Family& family : Families())
    absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(family.name));
  return absl::UnimplementedError(absl::StrCat(file.path(), ": architecture \"", std::string(name),
                                               "\" is not supported; supported: ", known));
}

// One value for all layers: in lists, all that are not 0 are the same.
absl::StatusOr<uint32_t> Uniform(const Metadata& metadata, std::string_view key,
                                 const std::vector<uint32_t>& values) {
  if (values.empty()) return metadata.Missing(key);
  const uint32_t value = *std::max_element(values.begin(), values.end());
  if (value == 0) return metadata.Wrong(key, "0, expected 1 or more");
  for (const uint32_t other : values) {
    if (other != 0 && other != value) {
      return metadata.Unsupported(key, absl::StrCat(other, " in one layer and ", value, " in another"));
    }
  }
  return value;
}

absl::StatusOr<uint32_t> SameInEveryLayer(const Metadata& metadata, std::string_view key, uint64_t max,
                                          uint32_t layers) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<uint32_t> values, metadata.PerLayer(key, max, layers));
  for (const uint32_t value : values) {
    if (value == 0) return metadata.Wrong(key, absl::StrCat("0, expected 1 to ", max));
  }
  return Uniform(metadata, key, values);
}

// Sizes, and which layers have no attention.
absl::Status ReadShape(const Metadata& metadata, Config& config) {
  LINNET_ASSIGN_OR_RETURN(config.context_tokens, metadata.Uint("context_length", kMaxContext));
  LINNET_ASSIGN_OR_RETURN(config.layers, metadata.Uint("block_count", kMaxLayers));
  LINNET_ASSIGN_OR_RETURN(config.dim, metadata.Uint("embedding_length", kMaxDim));
  LINNET_ASSIGN_OR_RETURN(config.ffn,
                          SameInEveryLayer(metadata, "feed_forward_length", kMaxDim, config.layers));
  LINNET_ASSIGN_OR_RETURN(config.heads,
                          SameInEveryLayer(metadata, "attention.head_count", kMaxHeads, config.layers));
  config.plan.resize(config.layers);
  constexpr std::string_view kKvKey = "attention.head_count_kv";
  LINNET_ASSIGN_OR_RETURN(std::vector<uint32_t> kv_heads,
                          metadata.PerLayer(kKvKey, kMaxHeads, config.layers));
  if (kv_heads.empty()) kv_heads.assign(config.layers, config.heads);
  LINNET_ASSIGN_OR_RETURN(config.kv_heads, Uniform(metadata, kKvKey, kv_heads));
  for (uint32_t l = 0; l < config.layers; ++l) {
    if (kv_heads[l] != 0) continue;
    if (config.family.without_heads == Mixer::kAttention)
      return metadata.Wrong(kKvKey, "0, expected 1 or more");
    config.plan[l].mixer = config.family.without_heads;
  }
  if (config.heads % config.kv_heads != 0) {
    return metadata.Wrong(
        kKvKey, absl::StrCat(config.kv_heads, ", which ", config.heads, " heads cannot share evenly"));
  }
  if (config.dim % config.heads != 0 && !metadata.Has("attention.key_length")) {
    return metadata.Wrong("embedding_length",
                          absl::StrCat(config.dim, ", expected a multiple of the ", config.heads, " heads"));
  }
  LINNET_ASSIGN_OR_RETURN(config.head_dim, metadata.UintOr("attention.key_length", kMaxDim,
                                                           std::max(1u, config.dim / config.heads)));
  for (const std::string_view key :
       {"attention.value_length", "attention.key_length_swa", "attention.value_length_swa"}) {
    LINNET_ASSIGN_OR_RETURN(const uint32_t other, metadata.UintOr(key, kMaxDim, config.head_dim));
    if (other != config.head_dim) {
      return metadata.Unsupported(key, absl::StrCat(other, " beside keys of ", config.head_dim, " elements"));
    }
  }
  return absl::OkStatus();
}

// Of the layers without attention, where there are any.
absl::Status ReadRecurrence(const Metadata& metadata, Config& config) {
  const bool any = std::any_of(config.plan.begin(), config.plan.end(),
                               [](const LayerPlan& layer) { return layer.mixer != Mixer::kAttention; });
  if (!any) return absl::OkStatus();
  const bool mamba = config.family.without_heads == Mixer::kMamba2;
  const std::string_view taps = mamba ? "ssm.conv_kernel" : "shortconv.l_cache";
  LINNET_ASSIGN_OR_RETURN(config.conv_taps, metadata.Uint(taps, kMaxTaps));
  if (config.conv_taps < 2) return metadata.Wrong(taps, "1, expected 2 or more");
  config.conv_channels = config.dim;
  if (!mamba) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(config.ssm_inner, metadata.Uint("ssm.inner_size", kMaxDim));
  LINNET_ASSIGN_OR_RETURN(config.ssm_heads, metadata.Uint("ssm.time_step_rank", kMaxHeads));
  LINNET_ASSIGN_OR_RETURN(config.ssm_state, metadata.Uint("ssm.state_size", kMaxHeads));
  LINNET_ASSIGN_OR_RETURN(config.ssm_groups, metadata.Uint("ssm.group_count", kMaxHeads));
  if (config.ssm_inner % config.ssm_heads != 0 || config.ssm_heads % config.ssm_groups != 0) {
    return metadata.Wrong("ssm.inner_size",
                          absl::StrCat(config.ssm_inner, ", which ", config.ssm_heads, " heads in ",
                                       config.ssm_groups, " groups cannot share evenly"));
  }
  config.conv_channels = config.ssm_inner + 2 * config.ssm_groups * config.ssm_state;
  return absl::OkStatus();
}

// Which layers see a window, and how long it is.
absl::Status ReadWindows(const gguf::ModelFile& file, const Metadata& metadata, Config& config) {
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  uint32_t window = config.family.window;
  if (metadata.Has("attention.sliding_window")) {
    LINNET_ASSIGN_OR_RETURN(const uint64_t value, file.GetUint(metadata.Name("attention.sliding_window")));
    window = static_cast<uint32_t>(std::min<uint64_t>(value, kMaxContext));
  }
  if (window == 0) return absl::OkStatus();
  std::vector<bool> local;  // which layers do; empty: by the period
  uint64_t period = config.family.window_period;
  if (metadata.Has(kPattern)) {
    if (const auto value = file.GetUint(metadata.Name(kPattern)); value.ok()) {
      period = *value;
    } else {
      LINNET_ASSIGN_OR_RETURN(local, file.GetBoolArray(metadata.Name(kPattern)));
      if (local.size() < config.layers) {
        return metadata.Wrong(kPattern,
                              absl::StrCat("a list of ", local.size(), ", expected ", config.layers));
      }
    }
  }
  for (uint32_t l = 0; l < config.layers; ++l) {
    const bool windowed = local.empty() ? period == 0 || l % period + 1 < period : local[l];
    if (windowed) config.plan[l].window = window;
  }
  return absl::OkStatus();
}

// Factors and caps; attention_scale wants the shape.
absl::Status ReadScales(const Metadata& metadata, Config& config) {
  const Family& family = config.family;
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
  if (family.embedding_times_root) config.embedding_scale = std::sqrt(static_cast<float>(config.dim));
  if (family.soft_caps) {
    LINNET_ASSIGN_OR_RETURN(config.attention_cap,
                            metadata.FloatOr(kSoftCaps[0], 0.0f, kMaxScale, family.attention_cap));
    LINNET_ASSIGN_OR_RETURN(config.logit_cap,
                            metadata.FloatOr(kSoftCaps[1], 0.0f, kMaxScale, family.logit_cap));
    // Gemma 2 and 3 27B alone scale by the length that heads would have if they shared `dim`.
    const bool is_27b =
        (family.name == "gemma2" && config.layers == 46) || (family.name == "gemma3" && config.layers == 62);
    const uint32_t share = config.dim / config.heads;
    if (is_27b) config.attention_scale = 1.0f / std::sqrt(static_cast<float>(share));
  }
  if (family.temperature) {
    LINNET_ASSIGN_OR_RETURN(config.temperature,
                            metadata.FloatOr("attention.temperature_scale", 0.0f, kMaxScale, 0.0f));
  }
  if (family.scales) {
    const auto scale = [&](std::string_view key, float otherwise) -> absl::StatusOr<float> {
      LINNET_ASSIGN_OR_RETURN(const float value, metadata.FloatOr(key, 0.0f, kMaxScale, otherwise));
      return value == 0.0f ? otherwise : value;
    };
    LINNET_ASSIGN_OR_RETURN(config.embedding_scale, scale(kScales[0], 1.0f));
    LINNET_ASSIGN_OR_RETURN(config.residual_scale, scale(kScales[1], 1.0f));
    LINNET_ASSIGN_OR_RETURN(config.attention_scale, scale(kScales[2], config.attention_scale));
    if (family.without_heads == Mixer::kAttention && !metadata.Has(kScales[3]))
      return metadata.Missing(kScales[3]);
    LINNET_ASSIGN_OR_RETURN(const float logits, scale(kScales[3], 1.0f));
    config.logit_scale = 1.0f / logits;
  }
  return absl::OkStatus();
}

absl::Status RefuseWhatIsNotComputed(const Metadata& metadata, const Family& family) {
  if (!family.temperature) LINNET_RETURN_IF_ERROR(metadata.Refuse("attention.temperature_scale"));
  for (const std::string_view key : kRefused) LINNET_RETURN_IF_ERROR(metadata.Refuse(key));
  if (!family.soft_caps) {
    for (const std::string_view key : kSoftCaps) LINNET_RETURN_IF_ERROR(metadata.Refuse(key));
  }
  if (!family.scales) {
    for (const std::string_view key : kScales) LINNET_RETURN_IF_ERROR(metadata.Refuse(key));
  }
  LINNET_ASSIGN_OR_RETURN(const bool causal, metadata.BoolOr("attention.causal", true));
  if (!causal) return metadata.Unsupported("attention.causal", "attention to later tokens");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Config> ReadConfig(const gguf::ModelFile& file) {
  Config config;
  LINNET_ASSIGN_OR_RETURN(const Family* family, ReadFamily(file));
  config.family = *family;
  config.architecture = std::string(family->name);
  const Metadata general(file, "general"), metadata(file, family->name);
  LINNET_ASSIGN_OR_RETURN(config.name, general.StringOr("name", ""));
  LINNET_ASSIGN_OR_RETURN(config.license, general.StringOr("license", ""));

  LINNET_RETURN_IF_ERROR(ReadShape(metadata, config));
  LINNET_RETURN_IF_ERROR(ReadRecurrence(metadata, config));
  LINNET_RETURN_IF_ERROR(RefuseWhatIsNotComputed(metadata, *family));
  LINNET_ASSIGN_OR_RETURN(config.epsilon,
                          metadata.Float(family->norm == NormKind::kRms ? "attention.layer_norm_rms_epsilon"
                                                                        : "attention.layer_norm_epsilon",
                                         0.0f, 1.0f));
  config.parallel = family->parallel == Part::kAlways;
  if (family->parallel == Part::kMaybe) {
    const bool default_parallel =
        family->ffn_norm == Part::kMaybe && file.FindTensor("blk.0.ffn_norm.weight") == nullptr;
    LINNET_ASSIGN_OR_RETURN(config.parallel, metadata.BoolOr("use_parallel_residual", default_parallel));
  }
  LINNET_RETURN_IF_ERROR(ReadScales(metadata, config));
  LINNET_RETURN_IF_ERROR(ReadWindows(file, metadata, config));
  if (family->learned_positions) {
    for (LayerPlan& layer : config.plan) layer.rope = LayerPlan::kNoRope;
  } else {
    LINNET_RETURN_IF_ERROR(ReadRope(metadata, config));
  }
  return config;
}

}  // namespace linnet::model
