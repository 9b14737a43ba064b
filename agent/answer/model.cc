#include "agent/answer/model.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"

namespace linnet::answer {
namespace {

// An answer of the smallest model takes about this long; with less time left asking is pointless.
constexpr absl::Duration kLeastTime = absl::Milliseconds(100);

void Count(const engine::GenerateResult& result, ModelUse* use) {
  if (use == nullptr) return;
  ++use->calls;
  use->prompt_tokens += result.prompt_tokens;
  use->generated_tokens += static_cast<uint32_t>(result.ids.size());
  use->forced_tokens += result.forced_tokens;
  use->queue_time += result.queue_time;
  use->prefill_time += result.prefill_time;
  use->decode_time += result.decode_time;
  use->finish = result.finish;
}

}  // namespace

std::unique_ptr<Model> Model::Of(engine::Engine* engine) {
  std::shared_ptr<engine::Engine> borrowed(engine, [](engine::Engine*) {});
  return std::make_unique<Model>([borrowed] { return borrowed; });
}

absl::StatusOr<std::shared_ptr<const grammar::Vocabulary>> Model::VocabularyOf(
    const std::shared_ptr<engine::Engine>& engine) {
  base::MutexLock lock(mutex_);
  if (vocabulary_ == nullptr || known_.lock() != engine) {
    vocabulary_ = grammar::Vocabulary::Build(engine->tokenizer());
    known_ = engine;
  }
  return vocabulary_;
}

absl::StatusOr<std::string> Model::Complete(const std::string& prompt, const grammar::Grammar* rules,
                                            const CompleteOptions& options) {
  const std::shared_ptr<engine::Engine> engine = source_ ? source_() : nullptr;
  if (engine == nullptr) return absl::UnavailableError("answer: no model is installed");
  if (options.caller.Gone()) return absl::CancelledError("answer: cancelled");
  if (options.deadline - absl::Now() < kLeastTime) {
    return absl::DeadlineExceededError("answer: the deadline is too near for the model");
  }
  engine::GenerateRequest request;
  LINNET_ASSIGN_OR_RETURN(request.prompt, engine->RenderChat({{"user", prompt}}));
  request.max_tokens = options.max_tokens;
  request.sampling.temperature = 0;
  request.priority = options.priority;
  request.deadline = options.deadline;
  // Kept until the request is done: the constraint walks the trie, the trie the tokenizer's pieces.
  std::shared_ptr<grammar::TokenGrammar> tokens;
  if (rules != nullptr) {
    LINNET_ASSIGN_OR_RETURN(auto vocabulary, VocabularyOf(engine));
    LINNET_ASSIGN_OR_RETURN(tokens, grammar::TokenGrammar::Create(*rules, std::move(vocabulary)));
    request.constraint = tokens->NewConstraint();
  }
  LINNET_ASSIGN_OR_RETURN(const engine::GenerateResult result,
                          engine->Generate(std::move(request), options.caller.cancellation));
  Count(result, options.caller.use);
  switch (result.finish) {
    case engine::FinishReason::kStop:
      return result.text;
    case engine::FinishReason::kLength:
      return absl::DataLossError(absl::StrCat("answer: cut after ", options.max_tokens, " tokens"));
    case engine::FinishReason::kDeadline:
      return absl::DeadlineExceededError("answer: the model was not done by the deadline");
    case engine::FinishReason::kCancelled:
      return absl::CancelledError("answer: cancelled");
  }
  return absl::InternalError("answer: unknown end of generation");
}

std::string_view Name(Fallback fallback) {
  switch (fallback) {
    case Fallback::kNone:
      return "none";
    case Fallback::kNoModel:
      return "no-model";
    case Fallback::kDeadline:
      return "deadline";
    case Fallback::kRefused:
      return "refused";
    case Fallback::kError:
      return "error";
  }
  return "error";
}

Fallback FallbackFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return Fallback::kNoModel;
    case absl::StatusCode::kDeadlineExceeded:
      return Fallback::kDeadline;
    case absl::StatusCode::kDataLoss:
      return Fallback::kRefused;
    default:
      return Fallback::kError;
  }
}

std::string_view TooLateNote(Language language) {
  return language == Language::kGerman ? "(Kurzfassung: für das Sprachmodell war keine Zeit.)"
                                       : "(Short form: there was no time for the language model.)";
}

}  // namespace linnet::answer
