#ifndef LINNET_RUNTIME_TOKENIZER_SCRIPTS_H_
#define LINNET_RUNTIME_TOKENIZER_SCRIPTS_H_

#include <cstdint>

namespace linnet::tokenizer {

// Character ranges that tokenizers spell out, rather than name a Unicode property. White space is in none of
// them, even where the range as written covers it: llama.cpp replaces it before it looks.

// [一-龥ࠀ-一가-퟿] of DeepSeek Coder and LLM.
bool IsDeepseekCjk(uint32_t code);
// [一-龥぀-ゟ゠-ヿ]
bool IsHanOrKana(uint32_t code);
// The cased letters that deepseek-llm lists.
bool IsDeepseekLetter(uint32_t code);
// [!-/:-~！-／：-～‘-‟　-。]
bool IsDeepseekPunctuation(uint32_t code);
// The Asian blocks that AFMoE lists.
bool IsAfmoeAsian(uint32_t code);
// Youtu's [！…“”‘’—：；，、-〿︰-﹏].
bool IsYoutuPunctuation(uint32_t code);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_SCRIPTS_H_
