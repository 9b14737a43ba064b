#ifndef LINNET_RUNTIME_TOKENIZER_BYTE_NAMES_H_
#define LINNET_RUNTIME_TOKENIZER_BYTE_NAMES_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::tokenizer {

// Byte-level vocabularies write each byte as a visible character: itself where it is one in Latin-1, else
// U+0100 and on, in order. Source: openai/gpt-2 encoder.py, bytes_to_unicode.
const std::array<std::string, 256>& ByteNames();

// The bytes that a token's text stands for. Characters that name no byte stand for themselves.
void AppendNamedBytes(std::string& out, std::string_view text);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_BYTE_NAMES_H_
