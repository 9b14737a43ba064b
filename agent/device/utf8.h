#ifndef LINNET_AGENT_DEVICE_UTF8_H_
#define LINNET_AGENT_DEVICE_UTF8_H_

#include <string_view>

#include "runtime/base/utf8.h"

namespace linnet::device {

using base::IsUtf8;

// A name that a person wrote: 1 to `max_bytes` bytes of UTF-8 without control characters.
bool IsName(std::string_view text, size_t max_bytes);

}  // namespace linnet::device

#endif  // LINNET_AGENT_DEVICE_UTF8_H_
