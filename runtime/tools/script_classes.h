#ifndef LINNET_RUNTIME_TOOLS_SCRIPT_CLASSES_H_
#define LINNET_RUNTIME_TOOLS_SCRIPT_CLASSES_H_

#include <bitset>
#include <cstdint>
#include <string_view>

namespace linnet::tools {

// Writing systems, coarsely: by Unicode blocks (Blocks.txt), which is enough to say whether a text will ever
// need a character. Any partition of the code points would keep a cut vocabulary consistent; a coarse one
// costs a few tokens. Class 0 is everybody's: ASCII, punctuation, digits, symbols, emoji, combining marks.
inline constexpr uint8_t kCommon = 0;
inline constexpr uint8_t kMostClasses = 64;
using ScriptSet = std::bitset<kMostClasses>;

uint8_t ScriptClassOf(uint32_t code);
// "Latin", "Cyrillic", ...; "common" for 0.
std::string_view ScriptClassName(uint8_t script);
// Those of the characters of `text`, and what goes with them: East Asian scripts bring their punctuation.
// Bytes that are not UTF-8 have none.
ScriptSet ScriptsOf(std::string_view text);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_SCRIPT_CLASSES_H_
