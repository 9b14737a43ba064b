#include "agent/device/utf8.h"

#include <algorithm>
#include <cstdint>

namespace linnet::device {

bool IsName(std::string_view text, size_t max_bytes) {
  if (text.empty() || text.size() > max_bytes || !IsUtf8(text)) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace linnet::device
