#ifndef LINNET_RUNTIME_TOKENIZER_UTF8_H_
#define LINNET_RUNTIME_TOKENIZER_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::tokenizer {

inline constexpr uint32_t kReplacement = 0xfffd;

struct Decoded {
  uint32_t code;  // kReplacement when not valid
  uint8_t size;   // bytes it takes; of what is not valid: the longest start of a sequence (Unicode 15, 3.9)
  bool valid;
  bool cut;  // not valid, but might be with more bytes after the end of the text
};

// The code point at `at` (< text.size()), strictly: no overlong forms, surrogates, or values beyond U+10FFFF.
Decoded DecodeUtf8(std::string_view text, size_t at);
void AppendUtf8(std::string& out, uint32_t code);

// What pre-tokenizers ask about a code point.
enum CharClass : uint8_t {
  kLetter = 1,       // \p{L}
  kNumber = 2,       // \p{N}
  kPunctuation = 4,  // \p{P}
  kSpace = 8,        // White_Space
  kMark = 16,        // \p{M}
  kSymbol = 32,      // \p{S}
};
// A set of CharClass bits, of which at most one is set; 0 for controls and unassigned codes.
uint8_t ClassOf(uint32_t code);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_UTF8_H_
