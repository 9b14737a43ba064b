#include "runtime/model/encoder_weights.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/model/metadata.h"
#include "runtime/model/tensor_loader.h"

namespace linnet::model {
namespace {

// As in config.cc: far beyond every real model, and small enough for sums of products.
constexpr uint64_t kMaxContext = 1 << 24;
constexpr uint64_t kMaxLayers = 4096;
constexpr uint64_t kMaxDim = 1 << 20;

// `bias`: whether it has one.
absl::Status LoadLinear(TensorLoader& loader, const std::string& name, uint64_t rows, uint64_t cols,
                        Part bias, Matrix& matrix, std::vector<float>& out_bias) {
  LINNET_RETURN_IF_ERROR(loader.LoadMatrix(name + ".weight", rows, cols, matrix));
  return loader.LoadVectorIf(bias, name + ".bias", rows, out_bias);
}

absl::Status LoadNorm(TensorLoader& loader, const std::string& name, uint64_t dim, Norm& norm) {
  LINNET_RETURN_IF_ERROR(loader.LoadVector(name + ".weight", dim, norm.weight));
  return loader.LoadVector(name + ".bias", dim, norm.bias);
}

// Queries, keys and values, one matrix below the other in attn_qkv, or each of its own.
absl::Status LoadProjections(TensorLoader& loader, const std::string& prefix, uint64_t dim, Part bias,
                             EncoderLayer& layer) {
  if (!loader.Has(prefix + "attn_qkv.weight")) {
    LINNET_RETURN_IF_ERROR(LoadLinear(loader, prefix + "attn_q", dim, dim, bias, layer.q, layer.q_bias));
    LINNET_RETURN_IF_ERROR(LoadLinear(loader, prefix + "attn_k", dim, dim, bias, layer.k, layer.k_bias));
    return LoadLinear(loader, prefix + "attn_v", dim, dim, bias, layer.v, layer.v_bias);
  }
  Matrix all;
  std::vector<float> all_bias;
  LINNET_RETURN_IF_ERROR(LoadLinear(loader, prefix + "attn_qkv", 3 * dim, dim, bias, all, all_bias));
  size_t row = 0;
  for (Matrix* part : {&layer.q, &layer.k, &layer.v}) {
    *part = RowsOf(all, row, dim);
    row += dim;
  }
  if (all_bias.empty()) return absl::OkStatus();
  const auto begin = all_bias.begin();
  const auto n = static_cast<ptrdiff_t>(dim);
  layer.q_bias.assign(begin, begin + n);
  layer.k_bias.assign(begin + n, begin + 2 * n);
  layer.v_bias.assign(begin + 2 * n, all_bias.end());
  return absl::OkStatus();
}

absl::Status LoadLayer(TensorLoader& loader, const EncoderConfig& config, uint32_t number,
                       EncoderLayer& layer) {
  const std::string prefix = absl::StrCat("blk.", number, ".");
  const uint64_t dim = config.dim;
  const Part bias = config.gated ? Part::kMaybe : Part::kAlways;
  LINNET_RETURN_IF_ERROR(LoadProjections(loader, prefix, dim, bias, layer));
  LINNET_RETURN_IF_ERROR(
      LoadLinear(loader, prefix + "attn_output", dim, dim, bias, layer.output, layer.output_bias));
  LINNET_RETURN_IF_ERROR(LoadNorm(loader, prefix + "attn_output_norm", dim, layer.attention_norm));
  if (config.gated) {
    LINNET_RETURN_IF_ERROR(loader.LoadMatrix(prefix + "ffn_gate.weight", config.ffn, dim, layer.gate));
  }
  LINNET_RETURN_IF_ERROR(
      LoadLinear(loader, prefix + "ffn_up", config.ffn, dim, bias, layer.up, layer.up_bias));
  LINNET_RETURN_IF_ERROR(
      LoadLinear(loader, prefix + "ffn_down", dim, config.ffn, bias, layer.down, layer.down_bias));
  return LoadNorm(loader, prefix + "layer_output_norm", dim, layer.ffn_norm);
}

}  // namespace

bool IsEncoder(const gguf::ModelFile& file) {
  const auto architecture = file.GetString("general.architecture");
  return architecture.ok() && (*architecture == "bert" || *architecture == "nomic-bert");
}

absl::StatusOr<EncoderConfig> ReadEncoderConfig(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(const std::string_view architecture, file.GetString("general.architecture"));
  if (!IsEncoder(file)) {
    return absl::UnimplementedError(absl::StrCat(file.path(), ": general.architecture is ",
                                                 std::string(architecture), ", expected bert or nomic-bert"));
  }
  const Metadata metadata(file, architecture);
  EncoderConfig config;
  config.architecture = std::string(architecture);
  config.rotary = config.gated = architecture == "nomic-bert";
  LINNET_ASSIGN_OR_RETURN(config.context_tokens, metadata.Uint("context_length", kMaxContext));
  LINNET_ASSIGN_OR_RETURN(config.layers, metadata.Uint("block_count", kMaxLayers));
  LINNET_ASSIGN_OR_RETURN(config.dim, metadata.Uint("embedding_length", kMaxDim));
  LINNET_ASSIGN_OR_RETURN(config.heads, metadata.Uint("attention.head_count", kMaxDim));
  LINNET_ASSIGN_OR_RETURN(config.ffn, metadata.Uint("feed_forward_length", kMaxDim));
  LINNET_ASSIGN_OR_RETURN(config.epsilon, metadata.Float("attention.layer_norm_epsilon", 0.0f, 1.0f));
  if (config.dim % config.heads != 0 || (config.rotary && config.head_dim() % 2 != 0)) {
    return metadata.Wrong("attention.head_count",
                          absl::StrCat("is ", config.heads, ", which does not divide ", config.dim,
                                       config.rotary ? " into even parts" : ""));
  }
  LINNET_ASSIGN_OR_RETURN(const uint32_t kv_heads,
                          metadata.UintOr("attention.head_count_kv", kMaxDim, config.heads));
  if (kv_heads != config.heads) {
    return metadata.Unsupported("attention.head_count_kv",
                                absl::StrCat(kv_heads, " for ", config.heads, " heads"));
  }
  LINNET_RETURN_IF_ERROR(metadata.Refuse("attention.causal"));
  LINNET_ASSIGN_OR_RETURN(config.rope_base, metadata.FloatOr("rope.freq_base", 1.0f, 1e12f, 10000.0f));
  LINNET_ASSIGN_OR_RETURN(const float factor, metadata.FloatOr("rope.scaling.factor", 0.0f, 1e6f, 1.0f));
  if (factor != 0.0f && factor != 1.0f)
    return metadata.Unsupported("rope.scaling.factor", absl::StrCat(factor));
  return config;
}

absl::StatusOr<EncoderWeights> LoadEncoderWeights(const gguf::ModelFile& file, EncoderConfig& config) {
  TensorLoader loader(file);
  EncoderWeights weights;
  const gguf::TensorInfo* embedding = file.FindTensor("token_embd.weight");
  if (embedding != nullptr && embedding->shape.size() > 1) {
    config.vocabulary = static_cast<uint32_t>(embedding->shape[1]);
  }
  const uint64_t dim = config.dim;
  LINNET_RETURN_IF_ERROR(loader.LoadMatrix("token_embd.weight", config.vocabulary, dim, weights.embedding));
  if (!config.rotary) {
    LINNET_RETURN_IF_ERROR(
        loader.LoadMatrix("position_embd.weight", config.context_tokens, dim, weights.positions));
  }
  if (const gguf::TensorInfo* types = file.FindTensor("token_types.weight"); types != nullptr) {
    const uint64_t count = types->shape.size() > 1 ? types->shape[1] : 1;
    LINNET_RETURN_IF_ERROR(loader.LoadVector("token_types.weight", {dim, count}, weights.token_type));
    weights.token_type.resize(dim);
  }
  LINNET_RETURN_IF_ERROR(LoadNorm(loader, "token_embd_norm", dim, weights.embedding_norm));
  weights.layers.resize(config.layers);
  for (uint32_t l = 0; l < config.layers; ++l) {
    LINNET_RETURN_IF_ERROR(LoadLayer(loader, config, l, weights.layers[l]));
  }
  LINNET_RETURN_IF_ERROR(loader.RefuseUnused(config.architecture));
  return weights;
}

}  // namespace linnet::model
