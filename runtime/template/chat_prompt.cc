#include "runtime/template/chat_prompt.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"

namespace linnet::jinja {
namespace {

using Json = nlohmann::ordered_json;

absl::StatusOr<Json> ParseJson(std::string_view text) {
  // A parser that recursion cannot reach has no limit of its own; values that are too deep fail at Render.
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("not JSON in UTF-8");
  return json;
}

absl::Status CheckMessages(const Json& messages) {
  if (!messages.is_array()) return absl::InvalidArgumentError("messages: expected a list");
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].is_object()) continue;
    return absl::InvalidArgumentError(absl::StrCat("messages[", i, "]: expected an object"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Segment>> RenderChat(const Template& chat_template, const ChatInput& input) {
  LINNET_RETURN_IF_ERROR(CheckMessages(input.messages));
  if (!input.tools.is_null() && !input.tools.is_array()) {
    return absl::InvalidArgumentError("tools: expected a list");
  }
  RenderOptions options;
  options.now = input.now;
  options.limits = input.limits;
  const auto set = [&](const char* name, Json value, bool trusted = false) {
    options.variables.push_back({name, std::move(value), trusted, false});
  };
  options.variables.push_back({"messages", input.messages, false, true});
  // transformers gives these two always.
  set("tools", input.tools.is_array() && input.tools.empty() ? Json() : input.tools);
  set("documents", nullptr);
  set("add_generation_prompt", input.add_generation_prompt);
  if (input.bos_token) set("bos_token", *input.bos_token, true);
  if (input.eos_token) set("eos_token", *input.eos_token, true);
  for (const auto& [name, value] : input.variables.items()) {
    for (const std::string_view own :
         {"messages", "tools", "add_generation_prompt", "bos_token", "eos_token"}) {
      if (name != own) continue;
      return absl::InvalidArgumentError(absl::StrCat("the variable ", name, " is set by the program"));
    }
    set(name.c_str(), value);
  }
  return chat_template.Render(options);
}

absl::Status ReadMessages(std::string_view json, ChatInput* input) {
  LINNET_ASSIGN_OR_RETURN(Json root, ParseJson(json));
  if (root.is_array()) {
    input->messages = std::move(root);
    return CheckMessages(input->messages);
  }
  if (!root.is_object() || !root.contains("messages")) {
    return absl::InvalidArgumentError("expected a list of messages, or an object with \"messages\"");
  }
  for (auto& [name, value] : root.items()) {
    if (name == "messages") {
      input->messages = std::move(value);
    } else if (name == "tools") {
      input->tools = std::move(value);
    } else if (name == "add_generation_prompt") {
      if (!value.is_boolean())
        return absl::InvalidArgumentError("add_generation_prompt: expected true or false");
      input->add_generation_prompt = value.get<bool>();
    } else if (name == "chat_template_kwargs") {
      if (!value.is_object()) return absl::InvalidArgumentError("chat_template_kwargs: expected an object");
      for (auto& [key, kwarg] : value.items()) input->variables[key] = std::move(kwarg);
    } else {
      input->variables[name] = std::move(value);
    }
  }
  return CheckMessages(input->messages);
}

absl::Status ReadTools(std::string_view json, ChatInput* input) {
  LINNET_ASSIGN_OR_RETURN(input->tools, ParseJson(json));
  if (input->tools.is_array() || input->tools.is_null()) return absl::OkStatus();
  return absl::InvalidArgumentError("expected a list of tools");
}

absl::StatusOr<WallClock> ReadWallClock(std::string_view text) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(base::ToAbsl(text), &seconds) && seconds > 9999) {
    return WallClock::Of(absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
  }
  std::string clock(text);
  // What follows the time of day says where; the clock there is what counts.
  const size_t time = clock.find_first_of("Tt ");
  const size_t zone = time == std::string::npos ? time : clock.find_first_of("Zz+-", time);
  if (zone != std::string::npos) clock.resize(zone);
  if (time != std::string::npos) clock[time] = 'T';
  int microsecond = 0;
  if (const size_t dot = clock.find('.'); dot != std::string::npos) {
    std::string digits = clock.substr(dot + 1).substr(0, 6);
    digits.resize(6, '0');
    if (!absl::SimpleAtoi(digits, &microsecond)) microsecond = -1;
    clock.resize(dot);
  }
  WallClock now;
  now.microsecond = microsecond;
  if (microsecond < 0 || !absl::ParseLenientCivilTime(clock, &now.second) || now.second.year() < 1 ||
      now.second.year() > 9999) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", base::OneLine(text, 60),
                     "\" is no time; expected 2025-01-31, 2025-01-31T08:30:00, or seconds since 1970"));
  }
  return now;
}

}  // namespace linnet::jinja
