#include "agent/http/openai_messages.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace linnet::http {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

Problem ContentOf(const json& message, const std::string& where, std::string* out) {
  if (IsAbsent(message, "content")) return Wrong(where + ".content", "expected a text");
  const json& content = message["content"];
  if (content.is_string()) {
    *out = content.get<std::string>();
    return std::nullopt;
  }
  if (!content.is_array()) return Wrong(where + ".content", "expected a text or a list of text parts");
  for (const json& part : content) {
    if (!part.is_object() || part.value("type", json()) != "text" || !part.contains("text") ||
        !part["text"].is_string()) {
      return Wrong(where + ".content", "this model reads text only; other parts are not supported",
                   "unsupported_content");
    }
    *out += part["text"].get<std::string>();
  }
  return std::nullopt;
}

// An assistant's calls, as templates read them: arguments as JSON, not as a text of it.
Problem ToolCalls(const ordered_json& calls, const std::string& where, ordered_json* out) {
  if (!calls.is_array()) return Wrong(where, "expected a list of calls");
  *out = calls;
  for (ordered_json& call : *out) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object() ||
        !call["function"].contains("name") || !call["function"]["name"].is_string()) {
      return Wrong(where, "each call needs a function with a name");
    }
    ordered_json& arguments = call["function"]["arguments"];
    if (arguments.is_null()) arguments = ordered_json::object();
    if (arguments.is_string()) {
      arguments = ordered_json::parse(arguments.get<std::string>(), nullptr, /*allow_exceptions=*/false);
    }
    if (!arguments.is_object())
      return Wrong(where, "arguments of a call: expected a JSON object, or a text of one");
  }
  return std::nullopt;
}

std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Problem Message(const json& message, const ordered_json& ordered, const std::string& where,
                engine::ChatMessage* out) {
  if (!message.is_object()) return Wrong(where, "expected an object with role and content");
  const json role = message.value("role", json());
  if (role == "system" || role == "developer") {
    out->role = "system";
  } else if (role == "user" || role == "assistant" || role == "tool") {
    out->role = role.get<std::string>();
  } else {
    return Wrong(where + ".role", "expected system, developer, user, assistant or tool");
  }
  ordered_json more = ordered_json::object();
  const bool calls = !IsAbsent(message, "tool_calls") && message["tool_calls"] != json::array();
  if (calls) {
    if (role != "assistant") return Wrong(where + ".tool_calls", "only an assistant calls tools");
    ordered_json list;
    if (Problem problem = ToolCalls(ordered["tool_calls"], where + ".tool_calls", &list)) return problem;
    more["tool_calls"] = std::move(list);
  }
  for (const char* name : {"name", "tool_call_id", "reasoning_content"}) {
    if (IsAbsent(message, name)) continue;
    if (!message[name].is_string()) return Wrong(absl::StrCat(where, ".", name), "expected a text");
    more[name] = message[name].get<std::string>();
  }
  // Who calls tools may say nothing.
  if (!calls || !IsAbsent(message, "content")) {
    if (Problem problem = ContentOf(message, where, &out->content)) return problem;
  }
  if (!more.empty()) out->more_json = Dump(more);
  return std::nullopt;
}

Problem Tools(const json& root, const ordered_json& ordered, device::Generation* out) {
  if (!IsAbsent(root, "tool_choice") && root["tool_choice"] != "none") return Unsupported("tool_choice");
  if (IsAbsent(root, "tools")) return std::nullopt;
  if (!root["tools"].is_array()) return Wrong("tools", "expected a list");
  if (root["tools"].empty()) return std::nullopt;
  if (IsAbsent(root, "tool_choice")) {
    return Wrong("tools",
                 "this device does not turn answers into calls of tools; send tool_choice \"none\" to have "
                 "tools described "
                 "to the model only",
                 "unsupported_parameter");
  }
  for (const json& tool : root["tools"]) {
    if (!tool.is_object() || tool.value("type", json()) != "function" || !tool.contains("function") ||
        !tool["function"].is_object()) {
      return Wrong("tools", "expected tools of type function");
    }
  }
  out->tools_json = Dump(ordered["tools"]);
  return std::nullopt;
}

}  // namespace

Problem ParseConversation(const json& root, std::string_view body, device::Generation* out) {
  if (IsAbsent(root, "messages") || !root["messages"].is_array() || root["messages"].empty()) {
    return Wrong("messages", "expected a list with at least one message");
  }
  const ordered_json ordered =
      ordered_json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  for (size_t i = 0; i < root["messages"].size(); ++i) {
    engine::ChatMessage next;
    const std::string where = absl::StrCat("messages[", i, "]");
    if (Problem problem = Message(root["messages"][i], ordered["messages"][i], where, &next)) return problem;
    out->messages.push_back(std::move(next));
  }
  if (Problem problem = Tools(root, ordered, out)) return problem;
  if (IsAbsent(root, "chat_template_kwargs")) return std::nullopt;
  if (!root["chat_template_kwargs"].is_object()) return Wrong("chat_template_kwargs", "expected an object");
  out->template_variables_json = Dump(ordered["chat_template_kwargs"]);
  return std::nullopt;
}

}  // namespace linnet::http
