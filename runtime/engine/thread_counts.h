#ifndef LINNET_RUNTIME_ENGINE_THREAD_COUNTS_H_
#define LINNET_RUNTIME_ENGINE_THREAD_COUNTS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/thread_pool.h"
#include "runtime/model/transformer.h"

namespace linnet::engine {

// How many threads are fastest: one token at a time waits for memory, which a few cores use up; prompts want
// all cores. So each has a count of its own, measured once for a model and a machine, and kept in a file.
struct ThreadCounts {
  int decode = 0, prefill = 0;
  bool operator==(const ThreadCounts&) const = default;
};

// The smallest count that is at most a twentieth slower than the fastest: cores are others', too. `times`: of
// 1, 2, ... threads, never empty.
int FewestNearFastest(std::span<const absl::Duration> times);

// Evaluates some tokens with each number of the pool's threads, in turns: up to a second, some on the slowest
// machines. Nothing when somebody else had the cores meanwhile, or there is no memory. The pool is left with
// all of its threads.
std::optional<ThreadCounts> MeasureThreads(model::Transformer& model, base::ThreadPool& pool);

// Counts that were measured, newest first, at most 32: a line each. A file that is damaged, or of another
// version, is as none; it is written anew.
class ThreadFile {
 public:
  // `path` is read and written, and need not exist. `fs` outlives it.
  ThreadFile(base::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  // Of a model (IdentityOfModel) with this kernel set on this machine, with at most so many threads.
  static std::string KeyOf(const base::Sha256Digest& model, std::string_view kernel_set, int most);
  std::optional<ThreadCounts> Find(std::string_view key);
  // Errors: those of FileSystem.
  absl::Status Keep(std::string_view key, ThreadCounts counts);

 private:
  base::FileSystem& fs_;
  const std::string path_;
};

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_THREAD_COUNTS_H_
