#ifndef LINNET_AGENT_HTTP_OPENAI_MESSAGES_H_
#define LINNET_AGENT_HTTP_OPENAI_MESSAGES_H_

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "agent/device/generator.h"
#include "agent/http/json_fields.h"

namespace linnet::http {

// Inside agent/http: what becomes the prompt of a chat completion: messages, tools, chat_template_kwargs.
//
// Roles system, developer (as system), user, assistant, tool; content as text or text parts; an assistant's
// tool_calls (its content may then be null; arguments that are a JSON text are given to the template as
// JSON), reasoning_content and name; a tool's tool_call_id. `tools` are described to the model, but only with
// tool_choice "none": what the model writes is never parsed into calls, so no other choice could be kept.
// body: what `root` was read from; tools keep its order of keys.
Problem ParseConversation(const nlohmann::json& root, std::string_view body, device::Generation* out);

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_OPENAI_MESSAGES_H_
