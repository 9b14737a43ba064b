#ifndef LINNET_RUNTIME_TOOLS_PERPLEXITY_H_
#define LINNET_RUNTIME_TOOLS_PERPLEXITY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/progress.h"
#include "runtime/tools/text_windows.h"

namespace linnet::tools {

struct PerplexityResult {
  double perplexity = 0;
  double standard_error = 0;  // of the perplexity, to first order
  uint64_t scored_tokens = 0;
  uint64_t windows = 0;
  uint32_t context_tokens = 0;  // as used: at most the model's
};

// exp of the mean surprise of a text's tokens. With the default options this is llama.cpp's llama-perplexity:
// windows of 512 tokens side by side, what is left over at the end unused, BOS in place of each window's
// first token where the model wants one, the second half scored (255 tokens of a window). With a stride it is
// its
// --ppl-stride, but for the context, which llama.cpp enlarges by half of the stride. Errors: those of loading
// a model and of CutText; DataLoss when logits are not finite.
absl::StatusOr<PerplexityResult> Perplexity(base::FileSystem& fs, const std::string& path,
                                            std::string_view text, const WindowOptions& options,
                                            const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_PERPLEXITY_H_
