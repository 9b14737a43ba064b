#include "agent/device/generator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/device/utf8.h"
#include "runtime/base/status_macros.h"
#include "runtime/grammar/grammar.h"
#include "runtime/grammar/json_schema.h"
#include "runtime/sampler/options.h"

namespace linnet::device {
namespace {

absl::Status CheckTexts(const Generation& g) {
  if (!IsUtf8(g.prompt)) return absl::InvalidArgumentError("prompt: not valid UTF-8");
  for (size_t i = 0; i < g.messages.size(); ++i) {
    const engine::ChatMessage& message = g.messages[i];
    if (message.role != "system" && message.role != "user" && message.role != "assistant" &&
        message.role != "tool") {
      return absl::InvalidArgumentError(
          absl::StrCat("messages[", i, "].role: expected system, user, assistant or tool"));
    }
    if (!IsUtf8(message.content)) {
      return absl::InvalidArgumentError(absl::StrCat("messages[", i, "].content: not valid UTF-8"));
    }
  }
  if (g.stop.size() > Generator::kMaxStops) {
    return absl::InvalidArgumentError(absl::StrCat("stop: at most ", Generator::kMaxStops, " texts"));
  }
  for (const std::string& stop : g.stop) {
    if (stop.empty() || stop.size() > Generator::kMaxStopBytes || !IsUtf8(stop)) {
      return absl::InvalidArgumentError(
          absl::StrCat("stop: each text has 1 to ", Generator::kMaxStopBytes, " bytes of UTF-8"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<grammar::Constraint>> ConstraintOf(
    const Generation& g, std::shared_ptr<const grammar::Vocabulary> vocabulary) {
  absl::StatusOr<grammar::Grammar> rules = g.format == Generation::Format::kJsonObject
                                               ? grammar::AnyJsonObject()
                                               : grammar::CompileSchema(g.json_schema);
  if (!rules.ok()) {
    // A schema that is too large is the caller's to change, not a queue that empties.
    return absl::InvalidArgumentError(absl::StrCat("json_schema: ", rules.status().message()));
  }
  LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<grammar::TokenGrammar> tokens,
                          grammar::TokenGrammar::Create(*std::move(rules), std::move(vocabulary)));
  return tokens->NewConstraint();
}

}  // namespace

absl::Status Generator::Start(Generation g, engine::OnDelta on_delta, engine::OnDone on_done,
                              std::shared_ptr<engine::Cancellation> cancellation, std::string* model) {
  LINNET_RETURN_IF_ERROR(CheckTexts(g));
  LINNET_RETURN_IF_ERROR(sampler::Validate(g.sampling));
  if (g.prompt.empty() && g.messages.empty()) return absl::InvalidArgumentError("the prompt is empty");
  const std::shared_ptr<engine::Engine> engine = models_.engine();
  if (engine == nullptr) {
    return absl::UnavailableError(
        "no model is installed on this device yet; roll one out, or start the agent "
        "with --model FILE");
  }
  if (model != nullptr) *model = engine->info().name;

  engine::GenerateRequest request;
  if (!g.messages.empty()) {
    LINNET_ASSIGN_OR_RETURN(
        request.prompt, engine->RenderConversation({.messages = std::move(g.messages),
                                                    .tools_json = std::move(g.tools_json),
                                                    .variables_json = std::move(g.template_variables_json)}));
  } else {
    request.prompt = engine->tokenizer().Encode(g.prompt, {});
  }
  if (request.prompt.empty()) return absl::InvalidArgumentError("the prompt is empty");
  const uint32_t context = engine->info().context_tokens;
  const auto size = static_cast<uint32_t>(std::min<size_t>(request.prompt.size(), UINT32_MAX / 2));
  if (size >= context) {
    return absl::OutOfRangeError(absl::StrCat("the prompt has ", size, " tokens, ", size - context + 1,
                                              " more than fit the model's context of ", context,
                                              " with one of an answer"));
  }
  const uint32_t room = context - size;
  if (g.context_shift_keep.has_value()) {
    request.context_shift_keep = g.context_shift_keep;
    request.max_tokens = g.max_tokens == 0 ? g.default_max_tokens : g.max_tokens;
  } else {
    request.max_tokens = g.max_tokens == 0 ? std::min(g.default_max_tokens, room) : g.max_tokens;
    if (request.max_tokens > room) {
      return absl::OutOfRangeError(absl::StrCat("prompt (", size, " tokens) and max_tokens (", g.max_tokens,
                                                ") exceed the model's context of ", context, " by ",
                                                request.max_tokens - room, " tokens"));
    }
  }
  request.sampling = g.sampling;
  request.stop = std::move(g.stop);
  request.priority = g.priority;
  request.deadline = g.deadline;
  if (g.format != Generation::Format::kText) {
    LINNET_ASSIGN_OR_RETURN(request.constraint, ConstraintOf(g, models_.VocabularyOf(engine)));
  }
  // The callback holds the engine, so that a switch in between lets this request end on it.
  return engine->Submit(
      std::move(request), std::move(on_delta),
      [engine, on_done = std::move(on_done)](absl::StatusOr<engine::GenerateResult> result) {
        on_done(std::move(result));
      },
      std::move(cancellation));
}

}  // namespace linnet::device
