// The first two bytes are the length of a template (little-endian); the rest is a JSON text of messages, or
// of an object with messages. Whatever comes of it: it ends, what is rendered is UTF-8 in segments that
// differ, and text of messages is never trusted.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/template/chat_prompt.h"
#include "runtime/template/template.h"

namespace {

using linnet::jinja::ChatInput;
using linnet::jinja::Segment;
using linnet::jinja::Template;

// A character that no template of the search writes.
constexpr std::string_view kMark = "\xef\xbf\xbd";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t length = std::min(static_cast<size_t>(data[0] | data[1] << 8), bytes.size());
  const std::string_view source = bytes.substr(0, length);
  const auto parsed = Template::Parse(source);
  if (!parsed.ok()) {
    LINNET_CHECK(!parsed.status().message().empty());
    return 0;
  }
  ChatInput input;
  input.limits.steps = 20'000;
  input.limits.output_bytes = 1u << 20;
  input.limits.memory_bytes = 16u << 20;
  input.bos_token = "<s>";
  input.add_generation_prompt = true;
  if (!linnet::jinja::ReadMessages(bytes.substr(length), &input).ok()) {
    input.messages = {{{"role", "user"}, {"content", std::string(kMark)}}};
  }
  const auto segments = RenderChat(**parsed, input);
  if (!segments.ok()) {
    LINNET_CHECK(!segments.status().message().empty());
    return 0;
  }
  // A template can only write the mark if it has it, or builds it from escapes or code points.
  const bool may_write =
      source.find(kMark) != std::string_view::npos || source.find('\\') != std::string_view::npos ||
      source.find("c}") != std::string_view::npos || source.find('%') != std::string_view::npos;
  bool trusted = false, first = true;
  for (const Segment& segment : *segments) {
    LINNET_CHECK(!segment.text.empty() && linnet::base::IsUtf8(segment.text));
    LINNET_CHECK(first || segment.trusted != trusted);
    LINNET_CHECK(may_write || !segment.trusted || segment.text.find(kMark) == std::string::npos);
    trusted = segment.trusted;
    first = false;
  }
  return 0;
}
