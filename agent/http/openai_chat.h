#ifndef LINNET_AGENT_HTTP_OPENAI_CHAT_H_
#define LINNET_AGENT_HTTP_OPENAI_CHAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/device/generator.h"
#include "agent/http/errors.h"
#include "runtime/engine/engine.h"

namespace linnet::http {

// What POST /v1/chat/completions asks for.
struct ChatCompletion {
  std::string model;  // empty: whichever answers now
  device::Generation generation;
  bool stream = false;
  bool include_usage = false;
};

// Reads a request body; returns what is wrong with it, by parameter.
//
// Understood: model, what openai_messages.h names (messages, tools with tool_choice "none",
// chat_template_kwargs), max_tokens, max_completion_tokens, what openai_sampling.h names, context_shift_keep
// (engine.h), stop, stream, stream_options.include_usage, response_format (text, json_object, json_schema), n
// (1 only). Refused, because answering without them would be a different answer: tools that are to be called,
// tool_choice (but "none"), functions, function_call, logprobs, top_logprobs, modalities (but ["text"]),
// audio, prediction, web_search_options, other roles and content parts; of llama.cpp's grammar, ignore_eos,
// n_probs, min_keep, n_keep, n_predict, where they would do anything. Passed over, because they do not change
// the answer: user, metadata, store, service_tier, parallel_tool_calls, reasoning_effort, verbosity,
// safety_identifier, prompt_cache_key, and other names that are not OpenAI's.
std::optional<ApiError> ParseChatCompletion(std::string_view body, ChatCompletion* out);

// Whose answer it is.
struct CompletionHead {
  std::string id;  // "chatcmpl-..."
  int64_t created_unix_seconds = 0;
  std::string model;
};

std::string CompletionJson(const CompletionHead& head, const engine::GenerateResult& result);
// One SSE event "data: {...}\n\n" each.
std::string RoleEvent(const CompletionHead& head);
std::string DeltaEvent(const CompletionHead& head, std::string_view delta);
std::string FinishEvent(const CompletionHead& head, const engine::GenerateResult& result);
std::string UsageEvent(const CompletionHead& head, const engine::GenerateResult& result);
std::string ErrorEvent(const ApiError& error);
inline constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

}  // namespace linnet::http

#endif  // LINNET_AGENT_HTTP_OPENAI_CHAT_H_
