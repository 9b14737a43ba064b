#ifndef LINNET_RUNTIME_TOOLS_EVAL_SUITE_H_
#define LINNET_RUNTIME_TOOLS_EVAL_SUITE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/engine/engine.h"

namespace linnet::tools {

// One question, and what its answer must be like: everything that is given must hold. Answers are compared
// without white space at their ends.
struct EvalCase {
  std::string name;
  std::string prompt;  // taken as it is, control tokens in it count; or, when empty, `chat`
  std::vector<engine::ChatMessage> chat;
  std::string schema_json;  // the answer is held to this JSON schema; empty: free
  uint32_t max_tokens = 64;

  std::optional<std::string> equals, starts_with;
  std::vector<std::string> contains, absent;
  std::string json;  // an object whose members the answer, an object, must have with these values
};

// What a release must be able to do before a device runs it: signed beside the model (linnet model publish
// --suite), and asked on the device itself.
//
//   {"linnet_suite": 1, "cases": [
//     {"name": "lamp", "prompt": "...", "max_tokens": 32, "expect": {"starts_with": "{"}},
//     {"chat": [{"role": "user", "content": "..."}], "schema": {...}, "expect": {"json": {"on": true}}}]}
//
// `expect` has one or more of equals, starts_with (texts), contains, absent (texts, or lists of them), json.
struct EvalSuite {
  static constexpr size_t kMostBytes = 256 << 10;
  static constexpr size_t kMostCases = 1000;
  static constexpr uint32_t kMostTokens = 512;

  std::vector<EvalCase> cases;

  // InvalidArgument names the case and the member that is unknown, missing or wrong.
  static absl::StatusOr<EvalSuite> Parse(std::string_view text);
};

struct EvalScore {
  uint32_t cases = 0, passed = 0;
  std::vector<std::string> failed;  // names
};

// Asks all of it, greedily: the same answers on every machine (NUMERICS.md). A case whose prompt has no room
// in the context, or whose conversation the model's template refuses, has failed. Errors: the engine's.
absl::StatusOr<EvalScore> RunSuite(engine::Engine& engine, const EvalSuite& suite);

// Whether `answer` is what `question` expects.
bool Satisfies(std::string_view answer, const EvalCase& question);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_EVAL_SUITE_H_
