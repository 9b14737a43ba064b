#ifndef LINNET_RUNTIME_TEMPLATE_UNICODE_H_
#define LINNET_RUNTIME_TEMPLATE_UNICODE_H_

#include <cstdint>
#include <string_view>

#include "runtime/template/text.h"

namespace linnet::jinja {

// What Python's str asks about characters, by Unicode's tables (utf8proc).
bool IsSpace(uint32_t code);      // str.isspace, and \s
bool IsAlpha(uint32_t code);      // str.isalpha
bool IsDecimal(uint32_t code);    // str.isdecimal
bool IsWord(uint32_t code);       // \w
bool IsPrintable(uint32_t code);  // str.isprintable: what repr shows as it is
bool IsUpper(uint32_t code);
bool IsLower(uint32_t code);
bool IsTitle(uint32_t code);

enum class Case : uint8_t { kLower, kUpper, kTitle, kFold };
// Full mappings: "ß" becomes "SS", "Σ" at a word's end "ς". Each result has its source's provenance.
Text MapCase(const Text& text, Case to);
// str.title: a title-case letter after what has no case, lower case after what has. `first_only`:
// str.capitalize.
Text TitleCase(const Text& text, bool first_only);
Text SwapCase(const Text& text);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_UNICODE_H_
