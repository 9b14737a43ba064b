#ifndef LINNET_AGENT_DEVICE_GENERATOR_H_
#define LINNET_AGENT_DEVICE_GENERATOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/device/model_slot.h"
#include "runtime/engine/engine.h"
#include "runtime/sampler/options.h"

namespace linnet::device {

// A generation as a door received it.
struct Generation {
  enum class Format : uint8_t { kText, kJsonObject, kJsonSchema };

  std::string prompt;                         // raw continuation, or
  std::vector<engine::ChatMessage> messages;  // a conversation; one of the two is empty
  std::string tools_json;                     // with messages: engine::Conversation has both
  std::string template_variables_json;
  uint32_t max_tokens = 0;  // 0: `default_max_tokens`, less if the context ends before
  uint32_t default_max_tokens = 256;
  sampler::SamplingOptions sampling;
  std::vector<std::string> stop;
  engine::Priority priority = engine::Priority::kInteractive;
  absl::Time deadline = absl::InfiniteFuture();
  std::optional<uint32_t> context_shift_keep;  // engine::GenerateRequest says what it does
  Format format = Format::kText;
  std::string json_schema;  // of kJsonSchema
};

// Turns a door's request into the engine's. Thread-safe.
class Generator {
 public:
  static constexpr size_t kMaxStops = 16;
  static constexpr size_t kMaxStopBytes = 256;

  // `models` must outlive this.
  explicit Generator(ModelSlot& models) : models_(models) {}

  // Renders the prompt and compiles the schema (milliseconds: not on a server's thread), then submits.
  // `model` (may be null) is set to the name of the model that answers. The callbacks come on the engine's
  // thread, `on_done` only if this returns OK. Errors: Unavailable: no model is installed. InvalidArgument
  // names the field that is wrong: empty prompt, text that is not UTF-8, sampling out of range, a schema's
  // keyword. OutOfRange: the prompt does not fit the context. ResourceExhausted: the queue is full.
  absl::Status Start(Generation generation, engine::OnDelta on_delta, engine::OnDone on_done,
                     std::shared_ptr<engine::Cancellation> cancellation, std::string* model);

 private:
  ModelSlot& models_;
};

}  // namespace linnet::device

#endif  // LINNET_AGENT_DEVICE_GENERATOR_H_
