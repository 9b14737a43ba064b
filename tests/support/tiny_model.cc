#include "tests/support/tiny_model.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "tests/support/tiny_tensors.h"

namespace linnet::testing {
namespace {

std::string Utf8(uint32_t code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

// GPT-2's name of a byte: itself where it can be seen, else U+0100 and on, in order.
std::vector<std::string> ByteNames() {
  std::vector<std::string> names;
  uint32_t hidden = 0;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool seen = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    names.push_back(Utf8(seen ? b : 256 + hidden++));
  }
  return names;
}

constexpr int32_t kNormal = 1;
constexpr int32_t kControl = 3;

// Each merges two tokens that exist by then; "Ġ" is the space.
constexpr std::pair<const char*, const char*> kMerges[] = {
    {"h", "e"}, {"i", "n"}, {"t", "he"},  {"\xc4\xa0", "a"}, {"\xc4\xa0", "the"},   {"l", "l"}, {"o", "n"},
    {"e", "r"}, {"r", "e"}, {"he", "ll"}, {"hell", "o"},     {"\xc4\xa0", "hello"}, {"a", "n"}, {"an", "d"},
};

}  // namespace

static_assert(kTinyFirstMerged + std::size(kMerges) == kTinyVocabulary);

void AddTinyVocabulary(gguf::GgufWriter& writer) {
  std::vector<std::string> tokens = ByteNames();
  std::vector<int32_t> types(tokens.size(), kNormal);
  for (const char* control : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.push_back(control);
    types.push_back(kControl);
  }
  std::vector<std::string> merges;
  for (const auto& [left, right] : kMerges) {
    merges.push_back(absl::StrCat(left, " ", right));
    tokens.push_back(absl::StrCat(left, right));
    types.push_back(kNormal);
  }
  writer.SetString("tokenizer.ggml.model", "gpt2");
  writer.SetString("tokenizer.ggml.pre", "gpt-2");
  writer.SetStringArray("tokenizer.ggml.tokens", tokens);
  writer.SetInt32Array("tokenizer.ggml.token_type", types);
  writer.SetStringArray("tokenizer.ggml.merges", merges);
  writer.SetUint32("tokenizer.ggml.bos_token_id", kTinyEndOfText);
  writer.SetUint32("tokenizer.ggml.eos_token_id", kTinyImEnd);
  writer.SetBool("tokenizer.ggml.add_bos_token", false);
  writer.SetString("tokenizer.chat_template",
                   "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
                   "message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
                   "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
}

std::string TinyModelBytes(const TinyModelOptions& o) {
  LINNET_CHECK(o.heads > 0 && o.dim % o.heads == 0 && o.kv_heads > 0 && o.heads % o.kv_heads == 0);
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  writer.SetString("general.name", o.name);
  writer.SetUint32("llama.context_length", o.context_tokens);
  writer.SetUint32("llama.embedding_length", o.dim);
  writer.SetUint32("llama.block_count", o.layers);
  writer.SetUint32("llama.feed_forward_length", o.ffn);
  writer.SetUint32("llama.attention.head_count", o.heads);
  writer.SetUint32("llama.attention.head_count_kv", o.kv_heads);
  writer.SetUint32("llama.rope.dimension_count", o.dim / o.heads);
  writer.SetFloat32("llama.rope.freq_base", o.rope_base);
  writer.SetFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  const uint64_t vocabulary = kTinyVocabulary;
  writer.SetUint32("llama.vocab_size", static_cast<uint32_t>(vocabulary));
  AddTinyVocabulary(writer);

  TinyTensors build(o.type, o.seed, writer);
  size_t matrices = 0;
  const auto matrix = [&](const std::string& name, uint64_t cols, uint64_t rows) {
    if (!o.mixed.empty()) build.SetType(o.mixed[matrices++ % o.mixed.size()]);
    build.Matrix(name, cols, rows);
  };
  const uint64_t kv = uint64_t{o.dim} / o.heads * o.kv_heads;
  matrix("token_embd.weight", o.dim, vocabulary);
  for (uint32_t layer = 0; layer < o.layers; ++layer) {
    const std::string block = absl::StrCat("blk.", layer, ".");
    build.Norm(block + "attn_norm.weight", o.dim);
    matrix(block + "attn_q.weight", o.dim, o.dim);
    matrix(block + "attn_k.weight", o.dim, kv);
    matrix(block + "attn_v.weight", o.dim, kv);
    matrix(block + "attn_output.weight", o.dim, o.dim);
    build.Norm(block + "ffn_norm.weight", o.dim);
    matrix(block + "ffn_gate.weight", o.dim, o.ffn);
    matrix(block + "ffn_up.weight", o.dim, o.ffn);
    matrix(block + "ffn_down.weight", o.ffn, o.dim);
  }
  build.Norm("output_norm.weight", o.dim);
  if (!o.tied) matrix("output.weight", o.dim, vocabulary);
  auto bytes = writer.Serialize();
  LINNET_CHECK(bytes.ok());
  return *std::move(bytes);
}

void WriteTinyModel(const std::string& path, const TinyModelOptions& options) {
  LINNET_CHECK(base::FileSystem::Real().WriteFileAtomic(path, TinyModelBytes(options), 0644).ok());
}

}  // namespace linnet::testing
