#ifndef LINNET_AGENT_ANSWER_MODEL_H_
#define LINNET_AGENT_ANSWER_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/answer/catalog.h"
#include "runtime/base/mutex.h"
#include "runtime/engine/engine.h"
#include "runtime/grammar/grammar.h"

namespace linnet::answer {

// The engine that serves now, or null. Called at each question, so that an update can swap it. Thread-safe.
using EngineSource = std::function<std::shared_ptr<engine::Engine>()>;

// What a question cost the model, over all that was asked of it. All zero: the model was not asked.
struct ModelUse {
  uint32_t calls = 0;
  uint32_t prompt_tokens = 0, generated_tokens = 0, forced_tokens = 0;
  absl::Duration queue_time, prefill_time, decode_time;
  engine::FinishReason finish = engine::FinishReason::kStop;  // of the last call
};

// Whose question it is. Both may be null; `use` outlives the call and is added to by the calling thread.
struct Caller {
  std::shared_ptr<engine::Cancellation> cancellation;
  ModelUse* use = nullptr;

  bool Gone() const { return cancellation != nullptr && cancellation->cancelled(); }
};

struct CompleteOptions {
  uint32_t max_tokens = 160;
  engine::Priority priority = engine::Priority::kInteractive;
  absl::Time deadline = absl::InfiniteFuture();
  Caller caller;
};

// One question to the model: a prompt in, a whole answer out. Blocks the calling thread (never an engine or a
// gRPC thread). Thread-safe.
class Model {
 public:
  explicit Model(EngineSource source) : source_(std::move(source)) {}
  // For tests and tools that hold one engine. `engine` may be null and must outlive this.
  static std::unique_ptr<Model> Of(engine::Engine* engine);

  bool available() const { return source_ && source_() != nullptr; }

  // Greedy. `rules` may be null (free text). Unavailable: no model installed. DeadlineExceeded: not done by
  // the deadline. DataLoss: the answer was cut at max_tokens. Cancelled: by the caller. Else the engine's
  // errors.
  absl::StatusOr<std::string> Complete(const std::string& prompt, const grammar::Grammar* rules,
                                       const CompleteOptions& options);

 private:
  absl::StatusOr<std::shared_ptr<const grammar::Vocabulary>> VocabularyOf(
      const std::shared_ptr<engine::Engine>& engine);

  EngineSource source_;
  base::Mutex mutex_;
  std::weak_ptr<engine::Engine> known_ ABSL_GUARDED_BY(mutex_);  // whose pieces vocabulary_ holds
  std::shared_ptr<const grammar::Vocabulary> vocabulary_ ABSL_GUARDED_BY(mutex_);
};

// Why an answer's words are not the model's.
enum class Fallback : uint8_t {
  kNone = 0,      // the model's words
  kNoModel = 1,   // none installed
  kDeadline = 2,  // too near for the model; the text says so
  kRefused = 3,   // the model's answer failed its check
  kError = 4,     // the engine gave an error
};
std::string_view Name(Fallback fallback);  // "none", "no-model", "deadline", "refused", "error"
// For an error of Complete.
Fallback FallbackFor(const absl::Status& status);
// What an answer says when the deadline was too near for the model.
std::string_view TooLateNote(Language language);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_MODEL_H_
