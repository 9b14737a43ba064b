#include "runtime/tools/perplexity.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::tools {

absl::StatusOr<PerplexityResult> Perplexity(base::FileSystem& fs, const std::string& path,
                                            std::string_view text, const WindowOptions& options,
                                            const Progress& progress) {
  LINNET_ASSIGN_OR_RETURN(const auto model, MeasuredModel::Load(fs, path,
                                                                {.context_tokens = options.context_tokens,
                                                                 .threads = options.threads,
                                                                 .kv = options.kv}));
  WindowOptions used = options;
  used.context_tokens = model->context_tokens();
  LINNET_ASSIGN_OR_RETURN(const std::vector<TextWindow> windows, CutText(model->tokenizer(), text, used));
  MeanAndError surprise;
  for (size_t i = 0; i < windows.size(); ++i) {
    if (progress != nullptr) progress(i, windows.size(), "windows");
    ScoreWindow(*model, windows[i], [&](tokenizer::TokenId actual, std::span<const float> logits) {
      surprise.Add(LogSumExp(logits) - static_cast<double>(logits[static_cast<size_t>(actual)]));
    });
    if (!std::isfinite(surprise.mean())) {
      return absl::DataLossError(
          absl::StrCat(path, ": the logits of window ", i, " are not finite: the weights are damaged"));
    }
  }
  PerplexityResult result;
  result.perplexity = std::exp(surprise.mean());
  result.standard_error = result.perplexity * surprise.standard_error();
  result.scored_tokens = surprise.count();
  result.windows = windows.size();
  result.context_tokens = used.context_tokens;
  return result;
}

}  // namespace linnet::tools
