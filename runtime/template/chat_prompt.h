#ifndef LINNET_RUNTIME_TEMPLATE_CHAT_PROMPT_H_
#define LINNET_RUNTIME_TEMPLATE_CHAT_PROMPT_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/template/template.h"

namespace linnet::jinja {

// What apply_chat_template of transformers gives to a template.
struct ChatInput {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools;  // null: none
  bool add_generation_prompt = false;
  std::optional<std::string> bos_token, eos_token;                      // as texts; trusted
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();  // enable_thinking and the like
  WallClock now;
  Limits limits;
};

// The prompt of a conversation. Errors: those of Template::Render; InvalidArgument when messages are no list
// of objects, tools no list, or a variable has one of the names above.
absl::StatusOr<std::vector<Segment>> RenderChat(const Template& chat_template, const ChatInput& input);

// A file of messages: a JSON list of them, or an object with "messages" whose other entries are "tools",
// "add_generation_prompt", "chat_template_kwargs" (an object of variables), or variables.
absl::Status ReadMessages(std::string_view json, ChatInput* input);
// A JSON list of tools; key order is kept.
absl::Status ReadTools(std::string_view json, ChatInput* input);

// "2025-01-31", "2025-01-31T08:30:00", with "Z" or an offset (the clock is read as it is written), or seconds
// since 1970 in UTC.
absl::StatusOr<WallClock> ReadWallClock(std::string_view text);

}  // namespace linnet::jinja

#endif  // LINNET_RUNTIME_TEMPLATE_CHAT_PROMPT_H_
