#ifndef LINNET_TESTS_TEMPLATE_RENDER_H_
#define LINNET_TESTS_TEMPLATE_RENDER_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/template/chat_prompt.h"
#include "runtime/template/template.h"

namespace linnet::jinja {

using Json = nlohmann::ordered_json;

// Renders with `variables`, all of them untrusted.
inline absl::StatusOr<std::vector<Segment>> Render(std::string_view source,
                                                   const Json& variables = Json::object(),
                                                   const Limits& limits = {}) {
  auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  RenderOptions options;
  options.limits = limits;
  for (const auto& [name, value] : variables.items())
    options.variables.push_back({name, value, false, false});
  return (*parsed)->Render(options);
}

// The segments with what is trusted in [brackets].
inline std::string Marked(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) out += segment.trusted ? "[" + segment.text + "]" : segment.text;
  return out;
}

inline std::string MarkedOf(std::string_view source, const Json& variables = Json::object()) {
  const auto segments = Render(source, variables);
  return segments.ok() ? Marked(*segments) : std::string(segments.status().ToString());
}

}  // namespace linnet::jinja

#endif  // LINNET_TESTS_TEMPLATE_RENDER_H_
