#include "tests/support/tiny_encoder.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace linnet::testing {

TinyEncoder::TinyEncoder(bool nomic, bool biases) {
  const std::string name = nomic ? "nomic-bert" : "bert";
  writer_.SetString("general.architecture", name);
  writer_.SetUint32(name + ".context_length", kContext);
  writer_.SetUint32(name + ".block_count", kLayers);
  writer_.SetUint32(name + ".embedding_length", kDim);
  writer_.SetUint32(name + ".attention.head_count", kHeads);
  writer_.SetUint32(name + ".feed_forward_length", kFfn);
  writer_.SetFloat32(name + ".attention.layer_norm_epsilon", static_cast<float>(kEpsilon));
  writer_.SetBool(name + ".attention.causal", false);
  writer_.SetUint32(name + ".pooling_type", nomic ? 1 : 2);
  if (nomic) writer_.SetFloat32(name + ".rope.freq_base", static_cast<float>(kBase));
  AddVocabulary();
  Add("token_embd.weight", {kDim, kVocabulary});
  Add("token_types.weight", {kDim, 2});
  if (!nomic) Add("position_embd.weight", {kDim, kContext});
  AddNorm("token_embd_norm");
  for (uint32_t l = 0; l < kLayers; ++l) {
    const std::string p = absl::StrCat("blk.", l, ".");
    const bool with = !nomic || biases;
    if (nomic) {
      AddLinear(p + "attn_qkv", kDim, 3 * kDim, with);
      Add(p + "ffn_gate.weight", {kDim, kFfn});
    } else {
      for (const char* part : {"attn_q", "attn_k", "attn_v"}) AddLinear(p + part, kDim, kDim, with);
    }
    AddLinear(p + "attn_output", kDim, kDim, with);
    AddLinear(p + "ffn_up", kDim, kFfn, with);
    AddLinear(p + "ffn_down", kFfn, kDim, with);
    AddNorm(p + "attn_output_norm");
    AddNorm(p + "layer_output_norm");
  }
}

void TinyEncoder::AddVocabulary() {
  std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
  for (const std::string mark : {"\xe2\x96\x81", ""}) {
    for (char c = 'a'; c <= 'z'; ++c) tokens.push_back(mark + c);
  }
  std::vector<int32_t> types(tokens.size(), 1);
  for (size_t i = 0; i < 4; ++i) types[i] = 3;
  writer_.SetString("tokenizer.ggml.model", "bert");
  writer_.SetStringArray("tokenizer.ggml.tokens", tokens);
  writer_.SetInt32Array("tokenizer.ggml.token_type", types);
  writer_.SetUint32("tokenizer.ggml.unknown_token_id", 1);
  writer_.SetUint32("tokenizer.ggml.cls_token_id", 2);
  writer_.SetUint32("tokenizer.ggml.seperator_token_id", 3);
}

// Values in a bell of mean `mean`: the sum of twelve even ones.
void TinyEncoder::Add(const std::string& tensor, std::vector<uint64_t> shape, float mean) {
  size_t n = 1;
  for (const uint64_t d : shape) n *= d;
  const float width = shape.size() > 1 ? 0.25F : 0.1F;
  std::vector<float> data(n);
  for (float& value : data) {
    value = -6;
    for (int i = 0; i < 12; ++i) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX
      value += static_cast<float>(state_ >> 40) / static_cast<float>(1 << 24);
    }
    value = mean + width * value;
  }
  writer_.AddTensor(tensor, kernels::WeightType::kF32, std::move(shape),
                    std::string(reinterpret_cast<const char*>(data.data()), 4 * n));
}

void TinyEncoder::AddLinear(const std::string& tensor, uint64_t in, uint64_t out, bool bias) {
  Add(tensor + ".weight", {in, out});
  if (bias) Add(tensor + ".bias", {out});
}

void TinyEncoder::AddNorm(const std::string& tensor) {
  Add(tensor + ".weight", {kDim}, 1);
  Add(tensor + ".bias", {kDim});
}

}  // namespace linnet::testing
