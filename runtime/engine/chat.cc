#include "runtime/engine/chat.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::engine {
namespace {

using Json = nlohmann::ordered_json;
using tokenizer::TokenId;

constexpr const char* kTemplateKey = "tokenizer.chat_template";
constexpr const char* kToolTemplateKey = "tokenizer.chat_template.tool_use";

absl::StatusOr<std::shared_ptr<const jinja::Template>> Parse(std::string_view key, std::string_view text) {
  // llama.cpp's files may name a kind instead.
  const std::string_view named = NamedTemplate(text);
  auto parsed = jinja::Template::Parse(named.empty() ? text : named);
  if (parsed.ok()) return parsed;
  return absl::UnimplementedError(absl::StrCat(std::string(key), ": ", base::Message(parsed.status())));
}

// The text of a token in the table, as templates write it.
std::optional<std::string> TextOf(const tokenizer::Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? std::optional(std::string(tokenizer.Text(*id))) : std::nullopt;
}

}  // namespace

ChatFormat ChatFormat::Of(const gguf::ModelFile& file, const tokenizer::Tokenizer& tokenizer) {
  ChatFormat format(tokenizer);
  format.bos_ = TextOf(tokenizer, tokenizer.bos());
  format.eos_ = TextOf(tokenizer, tokenizer.eos());
  if (const auto text = file.GetString(kToolTemplateKey); text.ok()) {
    format.tool_use_ = Parse(kToolTemplateKey, *text);
  }
  if (file.Has(kTemplateKey)) {
    format.source_ = kTemplateKey;
    const auto text = file.GetString(kTemplateKey);
    format.main_ =
        text.ok() ? Parse(kTemplateKey, *text) : absl::UnimplementedError(base::Message(text.status()));
    return format;
  }
  const std::string_view kind = KindOf(tokenizer);
  if (kind.empty()) {
    format.source_ = "none";
    format.main_ = absl::UnimplementedError(
        "the model has no chat template, and the control tokens of none that is known; give it a plain "
        "prompt");
    return format;
  }
  format.source_ = absl::StrCat(std::string(kind), " (the file has no template)");
  format.main_ = Parse(kind, NamedTemplate(kind));
  return format;
}

absl::StatusOr<std::vector<jinja::Segment>> ChatFormat::Render(jinja::ChatInput input) const {
  const bool with_tools = input.tools.is_array() && !input.tools.empty();
  const auto& chosen = with_tools && (!tool_use_.ok() || *tool_use_ != nullptr) ? tool_use_ : main_;
  LINNET_RETURN_IF_ERROR(chosen.status());
  if (!input.bos_token) input.bos_token = bos_;
  if (!input.eos_token) input.eos_token = eos_;
  return jinja::RenderChat(**chosen, input);
}

std::vector<TokenId> ChatFormat::Encode(const std::vector<jinja::Segment>& segments) const {
  std::string text;
  std::vector<tokenizer::TextRange> trusted;
  for (const jinja::Segment& segment : segments) {
    if (segment.trusted) trusted.push_back({text.size(), text.size() + segment.text.size()});
    text += segment.text;
  }
  std::vector<TokenId> ids =
      tokenizer_->Encode(text, {.add_special = false, .parse_special = true, .trusted = &trusted});
  const std::vector<TokenId> added = tokenizer_->Encode("", {.add_special = true});
  const bool wants_bos = !added.empty() && tokenizer_->bos() && added.front() == *tokenizer_->bos();
  if (wants_bos && (ids.empty() || ids.front() != added.front())) ids.insert(ids.begin(), added.front());
  return ids;
}

absl::StatusOr<jinja::ChatInput> InputOf(const Conversation& conversation) {
  if (conversation.messages.empty()) {
    return absl::InvalidArgumentError("a conversation needs at least one message");
  }
  const auto parse = [](const std::string& json, Json* out) {
    *out = Json::parse(json, nullptr, /*allow_exceptions=*/false);
    return !out->is_discarded();
  };
  jinja::ChatInput input;
  for (const ChatMessage& message : conversation.messages) {
    if (message.role != "system" && message.role != "user" && message.role != "assistant" &&
        message.role != "tool") {
      return absl::InvalidArgumentError(
          absl::StrCat("role \"", message.role, "\" is unknown; expected system, user, assistant or tool"));
    }
    Json json = {{"role", message.role}, {"content", message.content}};
    Json more;
    if (!message.more_json.empty() && (!parse(message.more_json, &more) || !more.is_object())) {
      return absl::InvalidArgumentError("a message's further fields are no JSON object");
    }
    for (const auto& [name, value] : more.items()) json[name] = value;
    input.messages.push_back(std::move(json));
  }
  if (!conversation.tools_json.empty() && !parse(conversation.tools_json, &input.tools)) {
    return absl::InvalidArgumentError("tools: not JSON");
  }
  if (!conversation.variables_json.empty() &&
      (!parse(conversation.variables_json, &input.variables) || !input.variables.is_object())) {
    return absl::InvalidArgumentError("the template's variables are no JSON object");
  }
  input.add_generation_prompt = conversation.add_generation_prompt;
  input.now = jinja::WallClock::Of(absl::Now(), absl::LocalTimeZone());
  return input;
}

}  // namespace linnet::engine
