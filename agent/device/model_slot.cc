#include "agent/device/model_slot.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/kernels/kv_types.h"

namespace linnet::device {
namespace {

// Forwards, and counts what ended well.
class CountingEngine final : public engine::Engine {
 public:
  CountingEngine(std::unique_ptr<engine::Engine> inner, std::shared_ptr<std::atomic<uint64_t>> count)
      : inner_(std::move(inner)), count_(std::move(count)) {}

  const engine::ModelInfo& info() const override { return inner_->info(); }
  const tokenizer::Tokenizer& tokenizer() const override { return inner_->tokenizer(); }
  absl::Status Submit(engine::GenerateRequest request, engine::OnDelta on_delta, engine::OnDone on_done,
                      std::shared_ptr<engine::Cancellation> cancellation) override {
    return inner_->Submit(
        std::move(request), std::move(on_delta),
        [count = count_, on_done = std::move(on_done)](absl::StatusOr<engine::GenerateResult> result) {
          if (result.ok() && (result->finish == engine::FinishReason::kStop ||
                              result->finish == engine::FinishReason::kLength)) {
            count->fetch_add(1);
          }
          on_done(std::move(result));
        },
        std::move(cancellation));
  }
  absl::StatusOr<std::vector<float>> Logits(const std::vector<tokenizer::TokenId>& tokens) override {
    return inner_->Logits(tokens);
  }
  absl::StatusOr<std::vector<tokenizer::TokenId>> RenderConversation(
      const engine::Conversation& conversation) const override {
    return inner_->RenderConversation(conversation);
  }

 private:
  const std::unique_ptr<engine::Engine> inner_;
  const std::shared_ptr<std::atomic<uint64_t>> count_;
};

}  // namespace

ModelSlot::~ModelSlot() {
  std::shared_ptr<engine::Engine> last;
  {
    base::MutexLock lock(mutex_);
    engine_.swap(last);
  }
  last = nullptr;
  base::MutexLock lock(mutex_);
  while (alive_ > 0) destroyed_.Wait(mutex_);
}

void ModelSlot::Destroy(engine::Engine* old) {
  const bool posted = reaper_.Post([this, old] {
    delete old;
    base::MutexLock lock(mutex_);
    --alive_;
    destroyed_.SignalAll();
  });
  LINNET_CHECK(posted);  // the reaper ends after the last engine
}

std::shared_ptr<engine::Engine> ModelSlot::engine() const {
  base::MutexLock lock(mutex_);
  return engine_;
}

std::shared_ptr<const grammar::Vocabulary> ModelSlot::VocabularyOf(
    const std::shared_ptr<engine::Engine>& engine) {
  base::MutexLock lock(vocabulary_mutex_);
  if (vocabulary_ == nullptr || vocabulary_of_.lock() != engine) {
    vocabulary_ = grammar::Vocabulary::Build(engine->tokenizer());
    vocabulary_of_ = engine;
  }
  return vocabulary_;
}

absl::Status ModelSlot::Switch(const std::string& path) {
  std::shared_ptr<engine::Engine> next;
  if (!path.empty()) {
    LINNET_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> loaded,
                            engine::Engine::Load(fs_, path, options_));
    auto* counting = new CountingEngine(std::move(loaded), inferences_);
    {
      base::MutexLock lock(mutex_);
      ++alive_;
    }
    next = std::shared_ptr<engine::Engine>(counting, [this](engine::Engine* old) { Destroy(old); });
    base::Log(base::Severity::kInfo, "model-loaded",
              {{"path", base::LogValue::Id(path)},
               {"kernels", base::LogValue::Id(next->info().kernel_set)},
               {"kv", base::LogValue::Id(kernels::NameOf(next->info().kv))},
               {"threads", next->info().threads}});
  }
  inferences_->store(0);
  {
    base::MutexLock lock(mutex_);
    engine_.swap(next);
  }
  {
    base::MutexLock lock(vocabulary_mutex_);
    vocabulary_ = nullptr;
  }
  return absl::OkStatus();
}

absl::Status ModelSlot::SelfCheck() {
  const std::shared_ptr<engine::Engine> engine = this->engine();
  if (engine == nullptr) return absl::FailedPreconditionError("self-check: no model is loaded");
  engine::GenerateRequest request;
  absl::StatusOr<std::vector<tokenizer::TokenId>> prompt = engine->RenderChat({{"user", "Hello"}});
  request.prompt = prompt.ok() ? *std::move(prompt) : engine->tokenizer().Encode("Hello", {});
  if (request.prompt.empty())
    return absl::DataLossError("self-check: the tokenizer gives no tokens for \"Hello\"");
  request.max_tokens = 8;
  request.priority = engine::Priority::kBackground;
  LINNET_ASSIGN_OR_RETURN(const engine::GenerateResult result, engine->Generate(std::move(request)));
  if (result.finish != engine::FinishReason::kStop && result.finish != engine::FinishReason::kLength) {
    return absl::AbortedError("self-check: the generation did not end");
  }
  return absl::OkStatus();
}

}  // namespace linnet::device
