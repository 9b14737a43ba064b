#include "agent/http/openai_chat.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/http/json_fields.h"
#include "agent/http/openai_messages.h"
#include "agent/http/openai_sampling.h"

namespace linnet::http {
namespace {

using nlohmann::json;

// Parameters that would change the answer, and the values of them that would not.
Problem CheckRefused(const json& root) {
  static const std::pair<const char*, std::function<bool(const json&)>> kRefused[] = {
      {"functions", [](const json& v) { return v.is_array() && v.empty(); }},
      {"function_call", [](const json& v) { return v == "none"; }},
      {"logprobs", [](const json& v) { return v == false; }},
      {"top_logprobs", [](const json& v) { return v == 0; }},
      {"modalities", [](const json& v) { return v == json::array({"text"}); }},
      {"audio", [](const json&) { return false; }},
      {"prediction", [](const json&) { return false; }},
      {"web_search_options", [](const json&) { return false; }},
      {"n", [](const json& v) { return v == 1; }},
      {"grammar", [](const json& v) { return v == ""; }},
      {"ignore_eos", [](const json& v) { return v == false; }},
      {"n_probs", [](const json& v) { return v == 0; }},
      {"min_keep", [](const json& v) { return v == 0; }},
      {"n_keep", [](const json& v) { return v == 0; }},
      {"n_predict", [](const json& v) { return v == -1; }},
  };
  for (const auto& [name, harmless] : kRefused) {
    if (!IsAbsent(root, name) && !harmless(root[name])) return Unsupported(name);
  }
  return std::nullopt;
}

Problem Stops(const json& root, std::vector<std::string>* out) {
  if (IsAbsent(root, "stop")) return std::nullopt;
  const json& stop = root["stop"];
  const json list = stop.is_string() ? json::array({stop}) : stop;
  if (!list.is_array() || list.size() > 4) return Wrong("stop", "expected a text or a list of at most 4");
  for (const json& text : list) {
    if (!text.is_string()) return Wrong("stop", "expected a text or a list of at most 4");
    out->push_back(text.get<std::string>());
  }
  return std::nullopt;
}

Problem Format(const json& root, device::Generation* out) {
  if (IsAbsent(root, "response_format")) return std::nullopt;
  const json& format = root["response_format"];
  const json type = format.is_object() ? format.value("type", json()) : json();
  if (type == "text") return std::nullopt;
  if (type != "json_object" && type != "json_schema") {
    return Wrong("response_format", "expected type text, json_object or json_schema");
  }
  // llama-server's clients put the schema beside the type.
  const json* schema = nullptr;
  if (format.contains("json_schema") && format["json_schema"].is_object() &&
      format["json_schema"].contains("schema")) {
    schema = &format["json_schema"]["schema"];
  } else if (format.contains("schema")) {
    schema = &format["schema"];
  }
  if (schema == nullptr) {
    if (type == "json_schema") return Wrong("response_format.json_schema.schema", "expected a JSON schema");
    out->format = device::Generation::Format::kJsonObject;
    return std::nullopt;
  }
  if (!schema->is_object()) return Wrong("response_format.json_schema.schema", "expected an object");
  out->format = device::Generation::Format::kJsonSchema;
  out->json_schema = schema->dump();
  return std::nullopt;
}

std::string_view FinishName(engine::FinishReason finish) {
  return finish == engine::FinishReason::kLength ? "length" : "stop";
}

nlohmann::ordered_json UsageOf(const engine::GenerateResult& result) {
  return {{"prompt_tokens", result.prompt_tokens},
          {"completion_tokens", result.ids.size()},
          {"total_tokens", result.prompt_tokens + result.ids.size()}};
}

nlohmann::ordered_json Chunk(const CompletionHead& head) {
  return {{"id", head.id},
          {"object", "chat.completion.chunk"},
          {"created", head.created_unix_seconds},
          {"model", head.model}};
}

template <typename Json>
std::string Event(const Json& data) {
  return absl::StrCat("data: ", data.dump(-1, ' ', false, Json::error_handler_t::replace), "\n\n");
}

std::string ChoiceEvent(const CompletionHead& head, nlohmann::ordered_json delta,
                        nlohmann::ordered_json finish) {
  nlohmann::ordered_json chunk = Chunk(head);
  chunk["choices"] = nlohmann::ordered_json::array(
      {{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}}});
  return Event(chunk);
}

}  // namespace

std::optional<ApiError> ParseChatCompletion(std::string_view body, ChatCompletion* out) {
  const json root = json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) {
    return ApiError{400, "the request body is not JSON in UTF-8", "invalid_request_error", "",
                    "invalid_json"};
  }
  if (!root.is_object()) {
    return ApiError{400, "the request body is not a JSON object", "invalid_request_error", "",
                    "invalid_json"};
  }
  if (Problem problem = CheckRefused(root)) return problem;
  if (!IsAbsent(root, "model")) {
    if (!root["model"].is_string()) return Wrong("model", "expected a text");
    out->model = root["model"].get<std::string>();
  }
  device::Generation& generation = out->generation;
  generation.default_max_tokens = 1024;
  if (Problem problem = ParseConversation(root, body, &generation)) return problem;
  if (Problem problem = ParseSampling(root, &generation.sampling)) return problem;
  if (Problem problem = Stops(root, &generation.stop)) return problem;
  if (Problem problem = Format(root, &generation)) return problem;
  if (Problem problem = Count(root, "max_tokens", 1, 1 << 20, &generation.max_tokens)) return problem;
  if (Problem problem = Count(root, "max_completion_tokens", 1, 1 << 20, &generation.max_tokens))
    return problem;
  if (!IsAbsent(root, "context_shift_keep")) {
    uint32_t keep = 0;
    if (Problem problem = Count(root, "context_shift_keep", 0, 1 << 20, &keep)) return problem;
    generation.context_shift_keep = keep;
  }
  if (Problem problem = Boolean(root, "stream", &out->stream)) return problem;
  if (!IsAbsent(root, "stream_options")) {
    if (!root["stream_options"].is_object()) return Wrong("stream_options", "expected an object");
    if (Problem problem = Boolean(root["stream_options"], "include_usage", &out->include_usage))
      return problem;
  }
  return std::nullopt;
}

std::string CompletionJson(const CompletionHead& head, const engine::GenerateResult& result) {
  const nlohmann::ordered_json message = {
      {"role", "assistant"}, {"content", result.text}, {"refusal", nullptr}};
  const nlohmann::ordered_json body = {
      {"id", head.id},
      {"object", "chat.completion"},
      {"created", head.created_unix_seconds},
      {"model", head.model},
      {"choices", nlohmann::ordered_json::array({{{"index", 0},
                                                  {"message", message},
                                                  {"logprobs", nullptr},
                                                  {"finish_reason", FinishName(result.finish)}}})},
      {"usage", UsageOf(result)}};
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string RoleEvent(const CompletionHead& head) {
  return ChoiceEvent(head, {{"role", "assistant"}, {"content", ""}}, nullptr);
}

std::string DeltaEvent(const CompletionHead& head, std::string_view delta) {
  return ChoiceEvent(head, {{"content", std::string(delta)}}, nullptr);
}

std::string FinishEvent(const CompletionHead& head, const engine::GenerateResult& result) {
  return ChoiceEvent(head, nlohmann::ordered_json::object(), std::string(FinishName(result.finish)));
}

std::string UsageEvent(const CompletionHead& head, const engine::GenerateResult& result) {
  nlohmann::ordered_json chunk = Chunk(head);
  chunk["choices"] = nlohmann::ordered_json::array();
  chunk["usage"] = UsageOf(result);
  return Event(chunk);
}

std::string ErrorEvent(const ApiError& error) { return absl::StrCat("data: ", ErrorBody(error), "\n\n"); }

}  // namespace linnet::http
