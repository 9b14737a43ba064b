#ifndef LINNET_RUNTIME_ENGINE_ENGINE_H_
#define LINNET_RUNTIME_ENGINE_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/file_system.h"
#include "runtime/grammar/token_mask.h"
#include "runtime/kernels/types.h"
#include "runtime/model/head_use.h"
#include "runtime/sampler/options.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// A LoRA adapter that requests may choose by its name.
struct AdapterOptions {
  std::string name;
  std::string path;    // GGUF, as llama.cpp makes it
  float scale = 1.0f;  // times the adapter's own
};

// Keys and values of prompts on disk, so that a restart costs no evaluation of what was seen before. They are
// as private as the prompts. Models whose layers keep a state have no use for it (ModelInfo::prefix_cache).
struct PrefixCacheOptions {
  std::string folder;             // made with mode 0700; empty: there is none
  uint64_t max_bytes = 64 << 20;  // the least recently used go first
  uint32_t min_tokens = 128;      // a file is written for so many new ones, not for less
  std::string seal_key;           // 32 bytes: files are sealed under it; empty: they lie as they are
};

// Whether a packed model is read into huge pages, not mapped (base/huge_pages.h): slower to load, faster to
// run.
enum class HugePages : uint8_t { kOff, kWhereTheyPay, kOn };

struct EngineOptions {
  int threads = 0;  // 0: one per physical core, at most 4, or what thread_file says
  // Where it is kept how many threads are fastest for one token and for prompts (thread_counts.h); what is
  // not there is measured, which takes a second. Empty: nothing is measured. Of no use where `threads` are
  // said.
  std::string thread_file;
  uint32_t context_tokens = 0;        // 0: the model's own, at most 4,096
  std::optional<kernels::KvType> kv;  // how keys and values are kept; none: model::KvTypeFor
  HugePages huge_pages = HugePages::kOff;
  bool speculate = true;        // evaluate guesses along (prompt_lookup.h): the same answers, sooner
  uint32_t prefill_chunk = 96;  // most tokens of prompts in a pass over the weights (pass_pace.h)
  // Requests of a class that decode together, in one pass over the weights; 1 to 64. Each has a context of
  // its own, whose memory is touched as it fills; fewer where those would not fit (ModelInfo::sessions).
  uint32_t max_sessions = 4;
  uint32_t max_queued = 64;  // more are refused with ResourceExhausted
  std::vector<AdapterOptions> adapters;
  PrefixCacheOptions prefix_cache;
};

// Requests of a lower class run first; those of one class together, as many as may, and of others the
// earliest deadline first.
enum class Priority : uint8_t { kUrgent = 0, kInteractive = 1, kBackground = 2 };

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
  std::string more_json;  // an object: tool_calls and what else templates read; it goes before the above
};

// What a model's chat template is given.
struct Conversation {
  std::vector<ChatMessage> messages;
  std::string tools_json;      // a list, as OpenAI has it; empty: none
  std::string variables_json;  // an object: enable_thinking and the like; empty: none
  bool add_generation_prompt = true;
};

struct GenerateRequest {
  std::vector<tokenizer::TokenId> prompt;  // never empty
  uint32_t max_tokens = 256;
  sampler::SamplingOptions sampling;
  std::vector<std::string> stop;                    // the text ends before the first of these
  std::unique_ptr<grammar::Constraint> constraint;  // null: free
  std::string adapter;                              // one of EngineOptions::adapters; empty: none
  Priority priority = Priority::kInteractive;
  absl::Time deadline = absl::InfiniteFuture();  // FinishReason::kDeadline with what was made so far
  // Set: prompt and answer may outgrow the context. Whenever it is full, the older half of the tokens after
  // the first `keep` of the prompt is forgotten, and what is left is evaluated again from there: as exact as
  // a prompt of those tokens would be, on every family of models, at the price of that evaluation. Penalties
  // still see all tokens. At most context_tokens - 2.
  std::optional<uint32_t> context_shift_keep;
};

enum class FinishReason : uint8_t { kStop, kLength, kCancelled, kDeadline };

struct GenerateResult {
  std::string text;                     // valid UTF-8
  std::vector<tokenizer::TokenId> ids;  // generated, without the end token
  FinishReason finish = FinishReason::kStop;
  uint32_t prompt_tokens = 0;
  uint32_t evaluated_tokens = 0;          // prompt and generated tokens that went through the model
  uint32_t prefix_tokens_from_store = 0;  // of the prompt, read from the prefix cache
  uint32_t forced_tokens = 0;             // of those generated, the grammar's
  uint32_t guessed_tokens = 0;            // evaluated as guesses of what comes
  uint32_t right_guesses = 0;             // of those, what came
  uint32_t context_shifts = 0;            // how often a part was forgotten
  uint64_t decode_barriers = 0;           // how often its passes after the prompt let threads wait for others
  model::HeadUse decode_head;             // what their output head took, with that of others in these passes
  absl::Duration prefill_time;            // with what was read
  absl::Duration decode_time, queue_time;
};

// Set from any thread; the request ends at the next token or prefill chunk with FinishReason::kCancelled.
class Cancellation {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Called on the engine's thread: must not block, may not call the engine. `delta` is valid UTF-8, never
// empty.
using OnDelta = std::function<void(std::string_view delta)>;
// Called once, last, on the engine's thread; in ~Engine for a request that had not begun.
using OnDone = std::function<void(absl::StatusOr<GenerateResult>)>;

struct ModelInfo {
  std::string name, architecture, license;
  std::string path;
  uint64_t file_bytes = 0, parameters = 0;
  uint32_t context_tokens = 0, vocabulary = 0, layers = 0;
  std::string kernel_set;
  kernels::KvType kv = kernels::KvType::kF32;
  uint64_t kv_bytes = 0;      // of the whole context of one session
  int threads = 0;            // for prompts
  int decode_threads = 0;     // for one token at a time
  uint32_t sessions = 1;      // that decode together at most
  bool prefix_cache = false;  // whether one is in use
};

// The one door to inference: owns the weights, the KV memory, its thread and its pool. Thread-safe.
class Engine {
 public:
  // Errors: those of pack::OpenModel; Unimplemented names an unsupported architecture, tensor type or kernel
  // set; DataLoss names a missing or misshapen tensor; ResourceExhausted when weights or KV do not fit;
  // those of LoraAdapter::Load; those of FileSystem for the folder of the prefix cache.
  static absl::StatusOr<std::unique_ptr<Engine>> Load(base::FileSystem& fs, const std::string& path,
                                                      const EngineOptions& options);
  virtual ~Engine() = default;  // cancels what is queued and waits

  virtual const ModelInfo& info() const = 0;
  virtual const tokenizer::Tokenizer& tokenizer() const = 0;

  // Never blocks. InvalidArgument: empty prompt, id outside the vocabulary, a sampling option out of its
  // range (named), an adapter that was not loaded. OutOfRange: prompt + max_tokens (with context_shift_keep
  // the prompt + 1) do not fit the context; the message says by how many tokens. `cancellation` may be null;
  // it must outlive OnDone.
  virtual absl::Status Submit(GenerateRequest request, OnDelta on_delta, OnDone on_done,
                              std::shared_ptr<Cancellation> cancellation) = 0;

  // Submit and wait. `cancellation` may be null.
  absl::StatusOr<GenerateResult> Generate(GenerateRequest request,
                                          std::shared_ptr<Cancellation> cancellation = nullptr);

  // Logits after the last of `tokens`: [vocabulary].
  virtual absl::StatusOr<std::vector<float>> Logits(const std::vector<tokenizer::TokenId>& tokens) = 0;

  // The prompt's ids for a conversation, by the file's own chat template, or by a named one for its control
  // tokens where it has none. Control tokens come from the template only, never from what messages or tools
  // say. Unimplemented: no template, or one that is not supported (named). InvalidArgument: the template
  // refuses the conversation, or fails on it. ResourceExhausted: it does not end within its limits.
  virtual absl::StatusOr<std::vector<tokenizer::TokenId>> RenderConversation(
      const Conversation& conversation) const = 0;
  absl::StatusOr<std::vector<tokenizer::TokenId>> RenderChat(std::vector<ChatMessage> messages) const {
    Conversation conversation;
    conversation.messages = std::move(messages);
    return RenderConversation(conversation);
  }
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_ENGINE_H_
