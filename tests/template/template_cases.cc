// template_cases < CASES > RESULTS: renders templates for differential_test.py.
//
// CASES: a JSON list of {"source", "variables", "now"}. RESULTS: for each {"text", "segments": [[text,
// trusted], ...]}, or {"error", "limit"}.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/string_view.h"
#include "runtime/template/chat_prompt.h"
#include "runtime/template/template.h"

namespace {

using Json = nlohmann::ordered_json;
using linnet::jinja::Template;

Json Failure(const absl::Status& status) {
  return {{"error", linnet::base::Message(status)}, {"limit", absl::IsResourceExhausted(status)}};
}

Json Run(const Json& test) {
  const auto parsed = Template::Parse(test["source"].get<std::string>());
  if (!parsed.ok()) return Failure(parsed.status());
  linnet::jinja::RenderOptions options;
  const auto now = linnet::jinja::ReadWallClock(test.value("now", "2025-02-03T04:05:06"));
  if (!now.ok()) return Failure(now.status());
  options.now = *now;
  for (const auto& [name, value] : test["variables"].items()) {
    options.variables.push_back(
        {name, value, name == "bos_token" || name == "eos_token", name == "messages"});
  }
  const auto segments = (*parsed)->Render(options);
  if (!segments.ok()) return Failure(segments.status());
  std::string text;
  Json shown = Json::array();
  for (const auto& segment : *segments) {
    text += segment.text;
    shown.push_back({segment.text, segment.trusted});
  }
  return {{"text", text}, {"segments", shown}};
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  const Json cases = Json::parse(input, nullptr, /*allow_exceptions=*/false);
  if (!cases.is_array()) {
    std::fputs("template_cases: expected a JSON list on standard input\n", stderr);
    return 2;
  }
  Json results = Json::array();
  for (const Json& test : cases) results.push_back(Run(test));
  std::cout << results.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  return 0;
}
