#ifndef LINNET_RUNTIME_TOOLS_KNOWN_SHAPES_H_
#define LINNET_RUNTIME_TOOLS_KNOWN_SHAPES_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace linnet::tools {

// The control tokens that a family's formats need, and where its vocabulary has them.
struct ControlToken {
  int32_t id;  // below 0: from the end
  std::string_view text;
};

struct KnownVocabulary {
  std::string_view model;               // tokenizer.ggml.model
  std::string_view pre;                 // tokenizer.ggml.pre
  int32_t first_control = 0;            // a run of ids that no text makes; below 0: from the end
  uint32_t controls = 0;                // its length
  std::span<const ControlToken> named;  // inside the run; the others are reserved
  int32_t bos = 0, eos = 0;             // as ControlToken::id
  bool add_bos = false;
};

// A model that people run, without its weights.
struct KnownShape {
  std::string_view name;
  std::string_view architecture;
  uint32_t layers, dim, ffn, heads, kv_heads, head_dim;
  uint32_t vocabulary, context_tokens;
  float rope_base, epsilon;
  bool qkv_bias = false;
  bool qk_norm = false;      // of each head's queries and keys
  bool post_norms = false;   // of what attention and FFN add
  uint32_t window = 0;       // positions that most layers see; 0: all layers see all
  bool llama3_rope = false;  // the file has divisors of the frequencies
  const KnownVocabulary* tokens = nullptr;
};

// All of them tie the output head to the embedding.
std::span<const KnownShape> KnownShapes();
// In capitals or not; nullptr when there is none of that name.
const KnownShape* FindShape(std::string_view name);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_KNOWN_SHAPES_H_
