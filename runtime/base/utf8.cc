#include "runtime/base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace linnet::base {

bool IsUtf8(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0) == 0x80; };
  for (size_t i = 0; i < text.size();) {
    const uint8_t lead = at(i);
    if (lead < 0x80) {
      i += 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      if (!tail(i + 1)) return false;
      i += 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      const uint8_t second = at(i + 1);
      if (!tail(i + 1) || !tail(i + 2)) return false;
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return false;
      i += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      const uint8_t second = at(i + 1);
      if (!tail(i + 1) || !tail(i + 2) || !tail(i + 3)) return false;
      if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return false;
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

std::string OneLine(std::string_view text, size_t max_bytes) {
  const bool cut = text.size() > max_bytes;
  size_t size = cut ? max_bytes - std::min<size_t>(max_bytes, 3) : text.size();
  // Not in the middle of a character.
  while (cut && size > 0 && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  std::string line(text.substr(0, size));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }, ' ');
  return cut ? line + "..." : line;
}

}  // namespace linnet::base
