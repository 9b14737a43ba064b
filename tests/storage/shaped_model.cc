#include "tests/storage/shaped_model.h"

#include <cstring>
#include <functional>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/pack/pack_writer.h"

namespace linnet::testing {
namespace {

constexpr uint64_t kDim = 192, kKeys = 64, kHidden = 512, kVocabulary = 4096;
constexpr int kLayers = 30;
constexpr uint32_t kF32 = 0, kQ4_0 = 2, kQ8_0 = 8;

uint64_t BytesOf(uint32_t type, const std::vector<uint64_t>& shape) {
  uint64_t elements = 1;
  for (const uint64_t n : shape) elements *= n;
  return type == kF32 ? elements * 4 : elements / 32 * (type == kQ4_0 ? 18 : 34);
}

// splitmix64
uint64_t Next(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::string Weights(const ShapedModel::Tensor& tensor, uint32_t version) {
  const base::Sha256Digest seed = base::Sha256(absl::StrCat(tensor.name, " ", version));
  uint64_t state;
  std::memcpy(&state, seed.data(), sizeof(state));
  std::string bytes(tensor.bytes, '\0');
  if (tensor.type == kF32) {
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      const float value = 1.0F + static_cast<float>(Next(state) >> 40) * 0x1p-24F;
      std::memcpy(bytes.data() + at, &value, sizeof(value));
    }
    return bytes;
  }
  for (size_t at = 0; at < bytes.size(); at += 8) {
    const uint64_t word = Next(state);
    std::memcpy(bytes.data() + at, &word, std::min<size_t>(8, bytes.size() - at));
  }
  // Scales that are numbers: the upper byte of each block's half.
  for (size_t at = 1; at < bytes.size(); at += tensor.type == kQ4_0 ? 18 : 34) bytes[at] = 0x1c;
  return bytes;
}

}  // namespace

std::vector<ShapedModel::Tensor> ShapedModel::Tensors(uint32_t head_type) {
  std::vector<Tensor> tensors;
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape, uint32_t type) {
    const uint64_t bytes = BytesOf(type, shape);
    tensors.push_back({name, std::move(shape), type, bytes});
  };
  add("token_embd.weight", {kDim, kVocabulary}, head_type);
  for (int i = 0; i < kLayers; ++i) {
    const std::string layer = absl::StrCat("blk.", i, ".");
    add(layer + "attn_norm.weight", {kDim}, kF32);
    add(layer + "ffn_down.weight", {kHidden, kDim}, kQ8_0);
    add(layer + "ffn_gate.weight", {kDim, kHidden}, kQ8_0);
    add(layer + "ffn_up.weight", {kDim, kHidden}, kQ8_0);
    add(layer + "ffn_norm.weight", {kDim}, kF32);
    add(layer + "attn_k.weight", {kDim, kKeys}, kQ8_0);
    add(layer + "attn_output.weight", {kDim, kDim}, kQ8_0);
    add(layer + "attn_q.weight", {kDim, kDim}, kQ8_0);
    add(layer + "attn_v.weight", {kDim, kKeys}, kQ8_0);
  }
  add("output_norm.weight", {kDim}, kF32);
  return tensors;
}

void ShapedModel::Write(const std::string& path, const ShapedChanges& changes) {
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  writer.SetString("general.name", changes.name);
  writer.SetUint32("llama.block_count", kLayers);
  writer.SetUint32("llama.embedding_length", kDim);
  std::vector<std::string> tokens;
  for (uint64_t i = 0; i < kVocabulary; ++i) tokens.push_back(absl::StrCat("token", i));
  writer.SetStringArray("tokenizer.ggml.tokens", tokens);
  writer.SetInt32Array("tokenizer.ggml.token_type", std::vector<int32_t>(kVocabulary, 1));
  writer.SetUint32("tokenizer.ggml.bos_token_id", 1);
  writer.SetString("tokenizer.chat_template", changes.chat_template);
  for (const Tensor& tensor : Tensors(changes.head_type)) {
    const auto changed = changes.tensors.find(tensor.name);
    const uint32_t version = changed == changes.tensors.end() ? 0 : changed->second;
    writer.AddTensorProduced(tensor.name, tensor.type, tensor.shape,
                             [tensor, version](const gguf::GgufWriter::Sink& sink) {
                               return sink(base::AsBytes(Weights(tensor, version)));
                             });
  }
  base::FileSystem& fs = base::FileSystem::Real();
  const std::string gguf = path + ".gguf";
  LINNET_CHECK(writer.WriteTo(fs, gguf).ok());
  LINNET_CHECK(pack::Pack(fs, gguf, path, {.replace = true}).ok());
  LINNET_CHECK(fs.Remove(gguf).ok());
}

}  // namespace linnet::testing
