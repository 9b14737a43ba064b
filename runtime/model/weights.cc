#include "runtime/model/weights.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/model/metadata.h"
#include "runtime/model/tensor_loader.h"

namespace linnet::model {
namespace {

std::vector<float> PartOf(const std::vector<float>& all, size_t begin, size_t n) {
  if (all.empty()) return {};
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
  return std::vector<float>(first, first + static_cast<std::ptrdiff_t>(n));
}

class Loader {
 public:
  Loader(const gguf::ModelFile& file, Config& config)
      : file_(file), config_(config), family_(config.family), tensors_(file) {}

  absl::StatusOr<Weights> Load();

 private:
  absl::Status LoadEnds(Weights& out);
  absl::Status LoadNorm(const std::string& name, Norm& out);
  absl::Status LoadRopeFactors(const std::string& name, std::vector<float>& out);
  absl::Status LoadLayer(uint32_t index, LayerWeights& out);
  absl::Status LoadQkv(const std::string& prefix, LayerWeights& out);
  absl::Status LoadQkNorms(const std::string& prefix, LayerWeights& out);
  absl::Status LoadConv(const std::string& name, std::vector<float>& out);
  absl::Status LoadShortConv(const std::string& prefix, LayerWeights& out);
  absl::Status LoadMamba2(const std::string& prefix, LayerWeights& out);
  absl::Status LoadFfn(const std::string& prefix, LayerWeights& out);

  const gguf::ModelFile& file_;
  Config& config_;
  const Family& family_;
  TensorLoader tensors_;
};

// LayerNorm has a bias, RMSNorm none.
absl::Status Loader::LoadNorm(const std::string& name, Norm& out) {
  LINNET_RETURN_IF_ERROR(tensors_.LoadVector(name + ".weight", config_.dim, out.weight));
  if (family_.norm == NormKind::kRms) return absl::OkStatus();
  return tensors_.LoadVector(name + ".bias", config_.dim, out.bias);
}

absl::Status Loader::LoadQkv(const std::string& prefix, LayerWeights& out) {
  const uint64_t q = uint64_t{config_.heads} * config_.head_dim;
  const uint64_t kv = uint64_t{config_.kv_heads} * config_.head_dim;
  const std::string fused = prefix + "attn_qkv";
  if (tensors_.Has(fused + ".weight")) {
    Matrix all;
    std::vector<float> bias;
    LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(fused + ".weight", q + 2 * kv, config_.dim, all));
    LINNET_RETURN_IF_ERROR(tensors_.LoadVectorIf(family_.qkv_bias, fused + ".bias", q + 2 * kv, bias));
    out.q = RowsOf(all, 0, q);
    out.k = RowsOf(all, q, kv);
    out.v = RowsOf(all, q + kv, kv);
    out.q_bias = PartOf(bias, 0, q);
    out.k_bias = PartOf(bias, q, kv);
    out.v_bias = PartOf(bias, q + kv, kv);
    return absl::OkStatus();
  }
  LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "attn_q.weight", q, config_.dim, out.q));
  LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "attn_k.weight", kv, config_.dim, out.k));
  LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "attn_v.weight", kv, config_.dim, out.v));
  LINNET_RETURN_IF_ERROR(tensors_.LoadVectorIf(family_.qkv_bias, prefix + "attn_q.bias", q, out.q_bias));
  LINNET_RETURN_IF_ERROR(tensors_.LoadVectorIf(family_.qkv_bias, prefix + "attn_k.bias", kv, out.k_bias));
  return tensors_.LoadVectorIf(family_.qkv_bias, prefix + "attn_v.bias", kv, out.v_bias);
}

absl::Status Loader::LoadQkNorms(const std::string& prefix, LayerWeights& out) {
  const std::string q = prefix + "attn_q_norm.weight", k = prefix + "attn_k_norm.weight";
  if (family_.qk_norm == QkNorm::kNone || !tensors_.Wanted(q, family_.has_qk_norm)) return absl::OkStatus();
  const uint64_t d = config_.head_dim, heads = config_.heads, kv_heads = config_.kv_heads;
  switch (family_.qk_norm) {
    case QkNorm::kNone:
      break;
    case QkNorm::kHead:
      LINNET_RETURN_IF_ERROR(tensors_.LoadVector(q, d, out.q_norm));
      return tensors_.LoadVector(k, d, out.k_norm);
    case QkNorm::kOwnHead:
      LINNET_RETURN_IF_ERROR(tensors_.LoadVector(q, {d, heads}, out.q_norm));
      return tensors_.LoadVector(k, {d, kv_heads}, out.k_norm);
    case QkNorm::kWhole:
      LINNET_RETURN_IF_ERROR(tensors_.LoadVector(q, d * heads, out.q_norm));
      return tensors_.LoadVector(k, d * kv_heads, out.k_norm);
  }
  return absl::OkStatus();
}

// GGUF has each channel's taps in a row; here each tap's channels are.
absl::Status Loader::LoadConv(const std::string& name, std::vector<float>& out) {
  const size_t channels = config_.conv_channels, taps = config_.conv_taps;
  std::vector<float> by_channel;
  LINNET_RETURN_IF_ERROR(tensors_.LoadVector(name, {taps, channels}, by_channel));
  out.resize(by_channel.size());
  for (size_t i = 0; i < channels; ++i) {
    for (size_t tap = 0; tap < taps; ++tap) out[tap * channels + i] = by_channel[i * taps + tap];
  }
  return absl::OkStatus();
}

absl::Status Loader::LoadShortConv(const std::string& prefix, LayerWeights& out) {
  const uint64_t dim = config_.dim;
  LINNET_RETURN_IF_ERROR(
      tensors_.LoadMatrix(prefix + "shortconv.in_proj.weight", 3 * dim, dim, out.mixer_in));
  LINNET_RETURN_IF_ERROR(LoadConv(prefix + "shortconv.conv.weight", out.conv));
  return tensors_.LoadMatrix(prefix + "shortconv.out_proj.weight", dim, dim, out.output);
}

absl::Status Loader::LoadMamba2(const std::string& prefix, LayerWeights& out) {
  const uint64_t dim = config_.dim, inner = config_.ssm_inner, heads = config_.ssm_heads;
  const uint64_t groups = config_.ssm_groups, channels = config_.conv_channels;
  LINNET_RETURN_IF_ERROR(
      tensors_.LoadMatrix(prefix + "ssm_in.weight", inner + channels + heads, dim, out.mixer_in));
  LINNET_RETURN_IF_ERROR(LoadConv(prefix + "ssm_conv1d.weight", out.conv));
  LINNET_RETURN_IF_ERROR(
      tensors_.LoadVectorIf(Part::kMaybe, prefix + "ssm_conv1d.bias", channels, out.conv_bias));
  LINNET_RETURN_IF_ERROR(tensors_.LoadVector(prefix + "ssm_dt.bias", heads, out.ssm_dt));
  LINNET_RETURN_IF_ERROR(tensors_.LoadVector(prefix + "ssm_a", {1, heads}, out.ssm_a));
  LINNET_RETURN_IF_ERROR(tensors_.LoadVector(prefix + "ssm_d", {1, heads}, out.ssm_d));
  LINNET_RETURN_IF_ERROR(
      tensors_.LoadVector(prefix + "ssm_norm.weight", {inner / groups, groups}, out.ssm_norm));
  return tensors_.LoadMatrix(prefix + "ssm_out.weight", dim, inner, out.output);
}

absl::Status Loader::LoadFfn(const std::string& prefix, LayerWeights& out) {
  const uint64_t dim = config_.dim, ffn = config_.ffn;
  if (family_.gate_in_up) {
    Matrix both;
    LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "ffn_up.weight", 2 * ffn, dim, both));
    out.gate = RowsOf(both, 0, ffn);
    out.up = RowsOf(both, ffn, ffn);
  } else {
    LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "ffn_up.weight", ffn, dim, out.up));
    LINNET_RETURN_IF_ERROR(tensors_.LoadVectorIf(family_.ffn_bias, prefix + "ffn_up.bias", ffn, out.up_bias));
    if (family_.gated) {
      const std::string gate = prefix + "ffn_gate";
      LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(gate + ".weight", ffn, dim, out.gate));
      LINNET_RETURN_IF_ERROR(tensors_.LoadVectorIf(family_.ffn_bias, gate + ".bias", ffn, out.gate_bias));
    }
  }
  LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "ffn_down.weight", dim, ffn, out.down));
  return tensors_.LoadVectorIf(family_.ffn_bias, prefix + "ffn_down.bias", dim, out.down_bias);
}

absl::Status Loader::LoadLayer(uint32_t index, LayerWeights& out) {
  const std::string prefix = absl::StrCat("blk.", index, ".");
  const uint64_t dim = config_.dim, q_rows = uint64_t{config_.heads} * config_.head_dim;
  if (family_.pre_norms) LINNET_RETURN_IF_ERROR(LoadNorm(prefix + "attn_norm", out.attention_norm));
  if (config_.plan[index].mixer == Mixer::kShortConv) {
    LINNET_RETURN_IF_ERROR(LoadShortConv(prefix, out));
  } else if (config_.plan[index].mixer == Mixer::kMamba2) {
    LINNET_RETURN_IF_ERROR(LoadMamba2(prefix, out));
  } else {
    LINNET_RETURN_IF_ERROR(LoadQkv(prefix, out));
    LINNET_RETURN_IF_ERROR(LoadQkNorms(prefix, out));
    LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix(prefix + "attn_output.weight", dim, q_rows, out.output));
    LINNET_RETURN_IF_ERROR(
        tensors_.LoadVectorIf(family_.output_bias, prefix + "attn_output.bias", dim, out.output_bias));
  }
  if (family_.pre_norms &&
      tensors_.Wanted(prefix + "ffn_norm.weight", config_.parallel ? family_.ffn_norm : Part::kAlways)) {
    LINNET_RETURN_IF_ERROR(LoadNorm(prefix + "ffn_norm", out.ffn_norm));
  }
  if (family_.post_norms) {
    LINNET_RETURN_IF_ERROR(LoadNorm(prefix + "post_attention_norm", out.attention_post_norm));
    LINNET_RETURN_IF_ERROR(LoadNorm(prefix + "post_ffw_norm", out.ffn_post_norm));
  }
  return LoadFfn(prefix, out);
}

absl::Status Loader::LoadRopeFactors(const std::string& name, std::vector<float>& out) {
  LINNET_RETURN_IF_ERROR(tensors_.LoadVector(name, config_.rope_dims / 2, out));
  for (const float factor : out) {
    if (!(factor > 0.0f)) {
      return absl::DataLossError(
          absl::StrCat(file_.path(), ": ", name, " holds ", factor, ", expected more than 0"));
    }
  }
  return absl::OkStatus();
}

// What stands before the first layer and after the last.
absl::Status Loader::LoadEnds(Weights& out) {
  const uint64_t dim = config_.dim;
  const gguf::TensorInfo* embedding = file_.FindTensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() < 2 || embedding->shape[1] > INT32_MAX) {
    return absl::DataLossError(
        absl::StrCat(file_.path(), ": tensor token_embd.weight is missing or no matrix"));
  }
  config_.vocabulary = static_cast<uint32_t>(embedding->shape[1]);
  LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix("token_embd.weight", config_.vocabulary, dim, out.embedding));
  out.head = out.embedding;
  if (tensors_.Wanted("output.weight", family_.untied)) {
    LINNET_RETURN_IF_ERROR(tensors_.LoadMatrix("output.weight", config_.vocabulary, dim, out.head));
  }
  LINNET_RETURN_IF_ERROR(
      tensors_.LoadVectorIf(family_.head_bias, "output.bias", config_.vocabulary, out.head_bias));
  LINNET_RETURN_IF_ERROR(LoadNorm(std::string(family_.final_norm), out.final_norm));
  if (family_.learned_positions) {
    return tensors_.LoadMatrix("position_embd.weight", config_.context_tokens, dim, out.positions);
  }
  if (tensors_.Has("rope_freqs.weight")) {
    return LoadRopeFactors("rope_freqs.weight", out.rope_factors);
  }
  const std::string longer = "rope_factors_long.weight", shorter = "rope_factors_short.weight";
  LINNET_ASSIGN_OR_RETURN(const std::string scaling,
                          Metadata(file_, family_.name).StringOr("rope.scaling.type", ""));
  if (scaling == "longrope" || tensors_.Has(longer) || tensors_.Has(shorter)) {
    LINNET_RETURN_IF_ERROR(LoadRopeFactors(longer, out.long_rope_factors));
    return LoadRopeFactors(shorter, out.rope_factors);
  }
  return absl::OkStatus();
}

absl::StatusOr<Weights> Loader::Load() {
  Weights weights;
  LINNET_RETURN_IF_ERROR(LoadEnds(weights));
  for (uint32_t i = 0; i < config_.layers; ++i) {
    LINNET_RETURN_IF_ERROR(LoadLayer(i, weights.layers.emplace_back()));
  }
  LINNET_RETURN_IF_ERROR(tensors_.RefuseUnused(family_.name));
  weights.parameters = tensors_.Parameters();
  return weights;
}

}  // namespace

absl::StatusOr<Weights> LoadWeights(const gguf::ModelFile& file, Config& config) {
  return Loader(file, config).Load();
}

}  // namespace linnet::model
