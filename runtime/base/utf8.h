#ifndef LINNET_RUNTIME_BASE_UTF8_H_
#define LINNET_RUNTIME_BASE_UTF8_H_

#include <string>
#include <string_view>

namespace linnet::base {

// Whole, shortest-form UTF-8 without surrogates (Unicode 15, table 3-7)?
bool IsUtf8(std::string_view text);

// One printable line of at most `max_bytes` bytes, for messages that repeat what somebody typed: control
// characters become spaces, the end that does not fit becomes "...". Valid UTF-8 stays so.
std::string OneLine(std::string_view text, size_t max_bytes);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_UTF8_H_
