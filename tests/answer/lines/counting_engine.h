#ifndef LINNET_TESTS_ANSWER_LINES_COUNTING_ENGINE_H_
#define LINNET_TESTS_ANSWER_LINES_COUNTING_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/engine/engine.h"

namespace linnet::answer {

// Passes everything on and counts tokens. One request at a time.
class CountingEngine : public engine::Engine {
 public:
  explicit CountingEngine(engine::Engine& engine) : engine_(engine) {}

  void Reset() { evaluated = generated = forced = 0; }

  const engine::ModelInfo& info() const override { return engine_.info(); }
  const tokenizer::Tokenizer& tokenizer() const override { return engine_.tokenizer(); }
  absl::Status Submit(engine::GenerateRequest request, engine::OnDelta on_delta, engine::OnDone on_done,
                      std::shared_ptr<engine::Cancellation> cancellation) override {
    return engine_.Submit(
        std::move(request), std::move(on_delta),
        [this, done = std::move(on_done)](absl::StatusOr<engine::GenerateResult> result) {
          if (result.ok()) {
            evaluated += result->evaluated_tokens;
            generated += static_cast<uint32_t>(result->ids.size());
            forced += result->forced_tokens;
          }
          done(std::move(result));
        },
        std::move(cancellation));
  }
  absl::StatusOr<std::vector<float>> Logits(const std::vector<tokenizer::TokenId>& tokens) override {
    return engine_.Logits(tokens);
  }
  absl::StatusOr<std::vector<tokenizer::TokenId>> RenderConversation(
      const engine::Conversation& conversation) const override {
    prompt = conversation.messages.back().content;
    return engine_.RenderConversation(conversation);
  }

  uint32_t evaluated = 0, generated = 0, forced = 0;
  mutable std::string prompt;  // the last one

 private:
  engine::Engine& engine_;
};

}  // namespace linnet::answer

#endif  // LINNET_TESTS_ANSWER_LINES_COUNTING_ENGINE_H_
