#ifndef LINNET_TESTS_FUZZ_FUZZED_CALL_H_
#define LINNET_TESTS_FUZZ_FUZZED_CALL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::testing {

// One call of a service, as a fuzz target reads its bytes: method, caller, flags (a byte each), then
// messages, each a length (2 bytes, little-endian) and so many bytes, or what is left.
struct FuzzedCall {
  static constexpr size_t kMostMessages = 8;

  uint8_t method = 0;  // in the order of the .proto file; modulo their number
  uint8_t caller = 0;  // modulo the number of callers that the target has
  uint8_t flags = 0;   // the target says what they mean
  std::vector<std::string> messages;

  // nullopt: shorter than the three bytes.
  static std::optional<FuzzedCall> Parse(const uint8_t* data, size_t size) {
    if (size < 3) return std::nullopt;
    FuzzedCall call{.method = data[0], .caller = data[1], .flags = data[2], .messages = {}};
    std::string_view left(reinterpret_cast<const char*>(data) + 3, size - 3);
    while (left.size() >= 2 && call.messages.size() < kMostMessages) {
      const size_t length = static_cast<uint8_t>(left[0]) | size_t{static_cast<uint8_t>(left[1])} << 8;
      left.remove_prefix(2);
      const std::string_view message = left.substr(0, std::min(length, left.size()));
      call.messages.emplace_back(message);
      left.remove_prefix(message.size());
    }
    return call;
  }
  std::string ToBytes() const {
    std::string bytes = {static_cast<char>(method), static_cast<char>(caller), static_cast<char>(flags)};
    for (const std::string& message : messages) {
      bytes += static_cast<char>(message.size() & 255);
      bytes += static_cast<char>(message.size() >> 8);
      bytes += message;
    }
    return bytes;
  }
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_FUZZED_CALL_H_
