#ifndef LINNET_RUNTIME_ENGINE_SCHEDULER_H_
#define LINNET_RUNTIME_ENGINE_SCHEDULER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/fetch_choice.h"
#include "runtime/engine/generation.h"
#include "runtime/engine/kv_slots.h"
#include "runtime/engine/pass_pace.h"
#include "runtime/engine/prefix_store.h"
#include "runtime/engine/request_queue.h"
#include "runtime/engine/thread_counts.h"
#include "runtime/model/transformer.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::engine {

// Who runs. In every step each session of the most urgent class that runs gets on by a token, or by a stretch
// of its prompt, all in one pass over the weights; those of other classes wait where they are. Between steps
// others come in, and whoever is cancelled or late ends. A pass that takes
// long is given up when somebody more urgent comes, and done again later (pass_pace.h). Engine's thread only.
//
// Invariants: (1) a session that runs has a slot of its own; (2) at most `sessions` run, and one more for
// each more urgent class, because a class that has none running gets in at once; (3) what a session computes
// does not depend on who else runs: runtime/NUMERICS.md.
class Scheduler {
 public:
  struct Options {
    uint32_t sessions = 1;  // that decode together
    uint32_t chunk = 96;    // most tokens of a step, unless there are more sessions
    bool speculate = true;
    ThreadCounts threads = {};  // 0: all of the model's
  };
  // Slots that `sessions` need.
  static constexpr size_t Slots(uint32_t sessions) { return sessions + 2; }
  // Tokens that the model must take at once.
  static uint32_t MaxBatch(const Options& options) { return std::max(options.chunk, options.sessions); }

  // Everything outlives it. `prefixes` may be null.
  Scheduler(RequestQueue& queue, model::Transformer& model, const tokenizer::Tokenizer& tokenizer,
            KvSlots& slots, PrefixStore* prefixes, const Options& options);
  ~Scheduler();

  // Until the queue is closed; what runs then is cancelled.
  void Serve();
  // Answers a request that has not begun.
  static void Refuse(Job& job, FinishReason reason);

 private:
  struct Session;
  void LetIn();
  void Begin(Job job);
  void Step();
  // The pending tokens of ready_, as many as a step has room for.
  void Evaluate();
  void EvaluateTogether(const model::LoraAdapter* adapter, size_t& spare, size_t& rows_used);
  // Whether a pass that began at `start` is to be given up.
  bool ShouldGiveUp(absl::Time start) const;
  void AnswerEnded();

  RequestQueue& queue_;
  model::Transformer& model_;
  const tokenizer::Tokenizer& tokenizer_;
  KvSlots& slots_;
  PrefixStore* const prefixes_;
  const Options options_;
  PassPace pace_, shared_pace_;                    // of a prompt alone, of one beside others
  FetchChoice fetch_;                              // of passes of one token
  std::vector<std::unique_ptr<Session>> running_;  // in the order in which they began

  // Of a step.
  Priority urgent_ = Priority::kBackground;  // the class that it is for
  std::vector<Session*> ready_;              // that it is for
  std::vector<Session*> group_;              // that go through the model together
  std::vector<model::Segment> batch_;
  std::vector<float> logits_;  // of groups of several, [sessions, vocabulary]
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_SCHEDULER_H_
