#include "runtime/tools/known_shapes.h"

#include "absl/strings/match.h"
#include "runtime/base/string_view.h"

namespace linnet::tools {
namespace {

// Sources of vocabularies: tokenizer_config.json and added_tokens of each model's page.
constexpr ControlToken kSmolLm[] = {{0, "<|endoftext|>"}, {1, "<|im_start|>"}, {2, "<|im_end|>"}};
constexpr KnownVocabulary kSmolLmVocabulary = {.model = "gpt2",
                                               .pre = "smollm",
                                               .first_control = 0,
                                               .controls = 17,
                                               .named = kSmolLm,
                                               .bos = 1,
                                               .eos = 2};

// 151,643 tokens of text, then controls, then rows that only make the matrix's height a round number.
constexpr ControlToken kQwen[] = {{-293, "<|endoftext|>"}, {-292, "<|im_start|>"}, {-291, "<|im_end|>"}};
constexpr KnownVocabulary kQwenVocabulary = {.model = "gpt2",
                                             .pre = "qwen2",
                                             .first_control = -293,
                                             .controls = 293,
                                             .named = kQwen,
                                             .bos = -293,
                                             .eos = -291};

constexpr ControlToken kLlama3[] = {{-256, "<|begin_of_text|>"},
                                    {-255, "<|end_of_text|>"},
                                    {-250, "<|start_header_id|>"},
                                    {-249, "<|end_header_id|>"},
                                    {-247, "<|eot_id|>"}};
constexpr KnownVocabulary kLlama3Vocabulary = {.model = "gpt2",
                                               .pre = "llama-bpe",
                                               .first_control = -256,
                                               .controls = 256,
                                               .named = kLlama3,
                                               .bos = -256,
                                               .eos = -247,
                                               .add_bos = true};

constexpr ControlToken kGemma[] = {
    {0, "<pad>"}, {1, "<eos>"}, {2, "<bos>"}, {3, "<unk>"}, {105, "<start_of_turn>"}, {106, "<end_of_turn>"}};
constexpr KnownVocabulary kGemmaVocabulary = {.model = "llama",
                                              .pre = "default",
                                              .first_control = 0,
                                              .controls = 238,
                                              .named = kGemma,
                                              .bos = 2,
                                              .eos = 106,
                                              .add_bos = true};

// Sources: config.json of HuggingFaceTB/SmolLM2-135M and -360M, Qwen/Qwen2.5-0.5B, google/gemma-3-270m,
// meta-llama/Llama-3.2-1B and Qwen/Qwen3-0.6B on huggingface.co. The numbers of parameters that those pages
// give are in tests/tools/synth_test.cc.
constexpr KnownShape kShapes[] = {
    {.name = "SmolLM2-135M",
     .architecture = "llama",
     .layers = 30,
     .dim = 576,
     .ffn = 1536,
     .heads = 9,
     .kv_heads = 3,
     .head_dim = 64,
     .vocabulary = 49152,
     .context_tokens = 8192,
     .rope_base = 100000.0f,
     .epsilon = 1e-5f,
     .tokens = &kSmolLmVocabulary},
    {.name = "SmolLM2-360M",
     .architecture = "llama",
     .layers = 32,
     .dim = 960,
     .ffn = 2560,
     .heads = 15,
     .kv_heads = 5,
     .head_dim = 64,
     .vocabulary = 49152,
     .context_tokens = 8192,
     .rope_base = 100000.0f,
     .epsilon = 1e-5f,
     .tokens = &kSmolLmVocabulary},
    {.name = "Qwen2.5-0.5B",
     .architecture = "qwen2",
     .layers = 24,
     .dim = 896,
     .ffn = 4864,
     .heads = 14,
     .kv_heads = 2,
     .head_dim = 64,
     .vocabulary = 151936,
     .context_tokens = 32768,
     .rope_base = 1000000.0f,
     .epsilon = 1e-6f,
     .qkv_bias = true,
     .tokens = &kQwenVocabulary},
    {.name = "Gemma-3-270M",
     .architecture = "gemma3",
     .layers = 18,
     .dim = 640,
     .ffn = 2048,
     .heads = 4,
     .kv_heads = 1,
     .head_dim = 256,
     .vocabulary = 262144,
     .context_tokens = 32768,
     .rope_base = 1000000.0f,
     .epsilon = 1e-6f,
     .qk_norm = true,
     .post_norms = true,
     .window = 512,
     .tokens = &kGemmaVocabulary},
    {.name = "Llama-3.2-1B",
     .architecture = "llama",
     .layers = 16,
     .dim = 2048,
     .ffn = 8192,
     .heads = 32,
     .kv_heads = 8,
     .head_dim = 64,
     .vocabulary = 128256,
     .context_tokens = 131072,
     .rope_base = 500000.0f,
     .epsilon = 1e-5f,
     .llama3_rope = true,
     .tokens = &kLlama3Vocabulary},
    {.name = "Qwen3-0.6B",
     .architecture = "qwen3",
     .layers = 28,
     .dim = 1024,
     .ffn = 3072,
     .heads = 16,
     .kv_heads = 8,
     .head_dim = 128,
     .vocabulary = 151936,
     .context_tokens = 40960,
     .rope_base = 1000000.0f,
     .epsilon = 1e-6f,
     .qk_norm = true,
     .tokens = &kQwenVocabulary},
};

}  // namespace

std::span<const KnownShape> KnownShapes() { return kShapes; }

const KnownShape* FindShape(std::string_view name) {
  for (const KnownShape& shape : kShapes) {
    if (absl::EqualsIgnoreCase(base::ToAbsl(shape.name), base::ToAbsl(name))) return &shape;
  }
  return nullptr;
}

}  // namespace linnet::tools
