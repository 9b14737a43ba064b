#include "runtime/tools/text_windows.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace linnet::tools {
namespace {

using tokenizer::TokenId;

// 64 MiB of logits at most are held at once.
constexpr size_t kMostLogits = size_t{1} << 24;

absl::Status Check(std::string_view text, const WindowOptions& options) {
  if (options.context_tokens < 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("a context of ", options.context_tokens, " tokens, expected 4 or more"));
  }
  if (options.stride >= options.context_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a stride of ", options.stride, ", expected less than the context of ", options.context_tokens));
  }
  if (!base::IsUtf8(text) || text.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("the text is not UTF-8; convert it (iconv -t UTF-8)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TextWindow>> CutText(const tokenizer::Tokenizer& tokenizer, std::string_view text,
                                                const WindowOptions& options) {
  LINNET_RETURN_IF_ERROR(Check(text, options));
  // BOS where the model wants it: encoding nothing shows it.
  const std::vector<TokenId> none = tokenizer.Encode("", {.add_special = true});
  const bool bos = !none.empty() && tokenizer.bos() == none.front();
  std::vector<TokenId> ids = tokenizer.Encode(text, {.add_special = false});
  if (bos) ids.insert(ids.begin(), none.front());
  const size_t size = options.context_tokens;
  if (ids.size() < size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the text has ", ids.size(), " tokens, ", size - ids.size(), " fewer than the one window of ", size,
        " that is needed; give a longer text or a smaller context"));
  }
  const size_t step = options.stride == 0 ? size : options.stride;
  size_t count = (ids.size() - size) / step + 1;
  if (options.most_windows != 0) count = std::min<size_t>(count, options.most_windows);
  std::vector<TextWindow> windows(count);
  for (size_t i = 0; i < count; ++i) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(i * step);
    windows[i].tokens.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
    if (bos) windows[i].tokens.front() = none.front();
    windows[i].first = options.stride == 0 ? size / 2 + 1 : size - options.stride;
  }
  return windows;
}

void ScoreWindow(MeasuredModel& model, const TextWindow& window, const OnScore& on_score) {
  const size_t stored = model.config().vocabulary;  // rows past the tokenizer's vocabulary are padding
  const auto vocabulary = static_cast<size_t>(model.tokenizer().vocabulary_size());
  const size_t rows = std::clamp<size_t>(kMostLogits / stored, 1, model.max_batch());
  std::vector<float> logits;
  model.Restart();
  // Token i scores token i + 1; those before first - 1 score nothing.
  const std::span<const TokenId> tokens = std::span(window.tokens).first(window.tokens.size() - 1);
  for (size_t at = 0; at < tokens.size();) {
    const bool scores = at + 1 >= window.first;
    const size_t end = scores ? tokens.size() : std::min(tokens.size(), window.first - 1);
    const size_t count = std::min(end - at, scores ? rows : model.max_batch());
    logits.resize(scores ? count * stored : 0);
    model.Forward(tokens.subspan(at, count), logits);
    for (size_t i = 0; scores && i < count; ++i) {
      on_score(window.tokens[at + i + 1], std::span<const float>(logits).subspan(i * stored, vocabulary));
    }
    at += count;
  }
}

double LogSumExp(std::span<const float> logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - highest);
  return highest + std::log(sum);
}

double MeanAndError::standard_error() const {
  if (count_ < 2) return 0;
  const double n = static_cast<double>(count_);
  return std::sqrt(std::max(0.0, squares_ / n - mean() * mean()) / (n - 1));
}

}  // namespace linnet::tools
