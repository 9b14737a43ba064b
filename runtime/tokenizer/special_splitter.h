#ifndef LINNET_RUNTIME_TOKENIZER_SPECIAL_SPLITTER_H_
#define LINNET_RUNTIME_TOKENIZER_SPECIAL_SPLITTER_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/tokenizer/vocabulary.h"

namespace linnet::tokenizer {

// A stretch of text that is still to be encoded, or one token found in it.
struct Fragment {
  std::string_view text;
  TokenId token = -1;  // -1: raw text
};

// Cuts tokens that are written out in a text from the rest of it: user-defined ones always (the model's maker
// wants them whole), control and unknown ones only when asked. Longest first over the whole text, then from
// the left, as llama.cpp does it (llama-vocab.cpp, tokenizer_st_partition). Thread-safe.
class SpecialSplitter {
 public:
  // The vocabulary must outlive this.
  explicit SpecialSplitter(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // In order, without empty stretches; together they are the text, less white space that a token strips.
  // trusted: see EncodeOptions.
  std::vector<Fragment> Split(std::string_view text, bool parse_special,
                              const std::vector<TextRange>* trusted = nullptr) const;

 private:
  const Vocabulary& vocabulary_;
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_SPECIAL_SPLITTER_H_
