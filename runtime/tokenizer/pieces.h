#ifndef LINNET_RUNTIME_TOKENIZER_PIECES_H_
#define LINNET_RUNTIME_TOKENIZER_PIECES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::tokenizer {

inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";  // SentencePiece's space, U+2581

// Of `tokenizer.ggml.model`: llama, gpt2, bert, t5. The numbers are stored (tables.h).
enum class Kind : uint32_t { kSpm = 1, kBpe = 2, kWordPiece = 3, kUnigram = 4 };

// Numbers of tokenizer.ggml.token_type.
enum class TokenType : uint8_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

// Control or unknown: only ever made by the program, never by user text.
constexpr bool IsSpecialType(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

// Appends the bytes that a token adds to a text, from its entry in the table: never more than `text` has,
// none for a special one.
void AppendPiece(Kind kind, TokenType type, std::string_view text, std::string& out);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_PIECES_H_
