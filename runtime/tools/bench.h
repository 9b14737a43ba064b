#ifndef LINNET_RUNTIME_TOOLS_BENCH_H_
#define LINNET_RUNTIME_TOOLS_BENCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct BenchOptions {
  uint32_t prompt_tokens = 128;
  uint32_t generate_tokens = 32;  // at least 2, so that there is a decode to measure
  // Decode is measured after so many tokens, in a request of its own; not set: after the prompt.
  std::optional<uint32_t> depth;
  std::optional<kernels::KvType> kv;  // not set: the engine's choice
  int threads = 0;                    // 0: the engine's choice
  bool huge_pages = false;            // engine::HugePages
  uint32_t sessions = 1;              // above 1: also so many that decode together, at the same depth
  uint32_t repeat = 3;                // each with a fresh load
};

struct BenchRun {
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  double barriers_per_token = 0;  // how often threads waited for each other in decode
  // Of the output head, in decode: what a token reads of it, and, of a hundred tokens, how many needed not
  // all of it, and how many were to but did. Rows that those looked at closer (runtime/model/head_screen.h).
  double head_bytes_per_token = 0;
  double head_screened_percent = 0;
  double head_fallback_percent = 0;
  double head_candidates_per_token = 0;
  double load_seconds = 0;
  double first_token_seconds = 0;  // from the request to the first token
  // With more than one session, else 0.
  double together_tokens_per_second = 0;  // all sessions' tokens
  double together_ratio = 0;              // to decode_tokens_per_second of the same run
};

struct BenchResult {
  engine::ModelInfo info;
  uint32_t decode_depth = 0;   // tokens before the first that was decoded alone
  uint32_t decode_tokens = 0;  // that were decoded alone: the first comes with the prompt
  BenchRun median;
  std::vector<BenchRun> runs;   // in order
  uint64_t peak_rss_bytes = 0;  // of this process, so far
  // Of that what is neither the model's file, as far as it is in memory, nor keys and values of the sessions'
  // whole contexts.
  uint64_t memory_over_model_bytes = 0;
};

// Loads and runs the model as the engine does for anybody. Errors: those of Engine::Load; OutOfRange when the
// tokens do not fit the model's context; InvalidArgument for a zero count; ResourceExhausted when the memory
// is not enough for so many sessions.
absl::StatusOr<BenchResult> Bench(base::FileSystem& fs, const std::string& path, const BenchOptions& options,
                                  const Progress& progress = nullptr);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_BENCH_H_
