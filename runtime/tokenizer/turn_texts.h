#ifndef LINNET_RUNTIME_TOKENIZER_TURN_TEXTS_H_
#define LINNET_RUNTIME_TOKENIZER_TURN_TEXTS_H_

#include <cstdint>
#include <string_view>

// Tokens that shape a conversation, by their texts: what a file calls them is not to be relied on, so they
// count as control tokens.
namespace linnet::tokenizer {

// Texts that end a generation in the formats in use; models often name only one of them as eos. Source:
// llama.cpp, llama_vocab::impl::load (special_eog_ids).
inline constexpr std::string_view kEndTexts[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "[EOS]",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<turn|>",
    "<|tool_response>",
    "<end_of_utterance>",
    "[e~[",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    // Of fill in the middle: padding, repository, file.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
};
// Texts that begin a turn or a stretch of code. Some files call them normal or user-defined, which would let
// user text forge turns.
inline constexpr std::string_view kMarkerTexts[] = {
    "<|im_start|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<start_of_turn>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|begin_of_text|>",
    "<|start|>",
    "<|channel|>",
    "<|message|>",
    "<|constrain|>",
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<\uff5cfim\u2581begin\uff5c>",
    "<PRE>",
    "\u2581<PRE>",
    "<|code_prefix|>",
    "<|prefix|>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<\uff5cfim\u2581hole\uff5c>",
    "<SUF>",
    "\u2581<SUF>",
    "<|code_suffix|>",
    "<|suffix|>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
    "<\uff5cfim\u2581end\uff5c>",
    "<MID>",
    "\u2581<MID>",
    "<|code_middle|>",
    "<|middle|>",
};

// Another list, another digest: tables that were made with it say other types (tables.h). FNV-1a, 64 bits.
constexpr uint64_t TurnTextsDigest() {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  const auto add_all = [&](const auto& texts) {
    for (const std::string_view text : texts) {
      for (const char c : text) add(static_cast<uint8_t>(c));
      add(0);
    }
    add(1);
  };
  add_all(kEndTexts);
  add_all(kMarkerTexts);
  return hash;
}

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_TURN_TEXTS_H_
