#ifndef LINNET_TESTS_ANSWER_SCRIPTED_ENGINE_H_
#define LINNET_TESTS_ANSWER_SCRIPTED_ENGINE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "runtime/gguf/gguf_file.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::answer {

// Says what a test wants, so that answers of a bad model, errors and late engines can be tried. A real
// tokenizer, so that grammars are real.
class ScriptedEngine : public engine::Engine {
 public:
  explicit ScriptedEngine(std::string reply) : reply_(std::move(reply)) { LoadTokenizer(); }
  explicit ScriptedEngine(absl::Status error) : error_(std::move(error)) { LoadTokenizer(); }

  const engine::ModelInfo& info() const override { return info_; }
  const tokenizer::Tokenizer& tokenizer() const override { return *tokenizer_; }
  absl::Status Submit(engine::GenerateRequest request, engine::OnDelta, engine::OnDone on_done,
                      std::shared_ptr<engine::Cancellation> cancellation) override {
    ++asked;
    if (cancel_in_the_middle && cancellation != nullptr) cancellation->Cancel();
    constrained = request.constraint != nullptr;
    if (!error_.ok()) {
      on_done(error_);
      return absl::OkStatus();
    }
    engine::GenerateResult result;
    result.text = reply_;
    result.finish = cancel_in_the_middle ? engine::FinishReason::kCancelled : finish;
    result.prompt_tokens = 10;
    result.ids = {1, 2, 3};
    result.forced_tokens = 1;
    result.decode_time = absl::Milliseconds(5);
    on_done(std::move(result));
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<float>> Logits(const std::vector<tokenizer::TokenId>&) override {
    return absl::UnimplementedError("scripted");
  }
  absl::StatusOr<std::vector<tokenizer::TokenId>> RenderConversation(
      const engine::Conversation& conversation) const override {
    prompt = conversation.messages.back().content;
    return std::vector<tokenizer::TokenId>{1};
  }

  engine::FinishReason finish = engine::FinishReason::kStop;
  bool cancel_in_the_middle = false;  // as by a caller that goes while the model writes
  int asked = 0;
  bool constrained = false;
  mutable std::string prompt;  // the last one

 private:
  void LoadTokenizer() {
    testing::TempDir folder;
    testing::WriteTinyModel(folder / "tiny.gguf");
    file_ = *gguf::GgufFile::Open(base::FileSystem::Real(), folder / "tiny.gguf");
    tokenizer_ = *tokenizer::Tokenizer::Create(*file_);
  }

  std::string reply_;
  absl::Status error_;
  engine::ModelInfo info_;
  std::unique_ptr<gguf::GgufFile> file_;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
};

}  // namespace linnet::answer

#endif  // LINNET_TESTS_ANSWER_SCRIPTED_ENGINE_H_
