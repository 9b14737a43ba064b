#ifndef LINNET_RUNTIME_TOOLS_SELF_CHECK_H_
#define LINNET_RUNTIME_TOOLS_SELF_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "runtime/tools/eval_suite.h"

namespace linnet::tools {

struct SelfCheckOptions {
  uint32_t generate_tokens = 16;  // at least 2
  int threads = 0;
  uint32_t context_tokens = 0;
  std::optional<EvalSuite> suite;  // asked too, when the rest is sound
};

struct SelfCheckResult {
  engine::ModelInfo info;
  uint32_t generated_tokens = 0;
  double load_seconds = 0;
  double first_token_seconds = 0;
  double decode_tokens_per_second = 0;
  uint64_t peak_rss_bytes = 0;
  std::optional<EvalScore> score;  // of the suite; nobody is refused here
};

// Whether a model file works here at all: it loads, texts survive the tokenizer, tokens come out with finite
// logits, and the prompt evaluated at once gives the same next token as token by token. Errors: those of
// Engine::Load; DataLoss says which check failed. Answers are judged by the
// suite only, and what score is enough is the caller's business.
absl::StatusOr<SelfCheckResult> SelfCheck(base::FileSystem& fs, const std::string& path,
                                          const SelfCheckOptions& options);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_SELF_CHECK_H_
