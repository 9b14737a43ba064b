#ifndef LINNET_RUNTIME_TOOLS_TEXT_WINDOWS_H_
#define LINNET_RUNTIME_TOOLS_TEXT_WINDOWS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tools/measured_model.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct WindowOptions {
  uint32_t context_tokens = 512;  // of a window; at least 4, at most the model's
  // 0: windows stand side by side and the second half of each is scored, as llama.cpp's perplexity does by
  // default. Else a window begins every `stride` tokens, and its last `stride` tokens are scored.
  uint32_t stride = 0;
  uint32_t most_windows = 0;          // 0: the whole text
  int threads = 0;                    // 0: choose
  std::optional<model::KvType> kv;    // none: model::KvTypeFor
  std::optional<model::KvType> kv_b;  // of the second model where two are compared; none: as kv
};

// Pieces of a text that are evaluated each from an empty context. Token i, first <= i, is scored by what the
// model says after the tokens before it.
struct TextWindow {
  std::vector<tokenizer::TokenId> tokens;  // the first replaced by BOS where the model wants one
  size_t first = 0;                        // at least 1
};

// InvalidArgument: no whole window fits (says by how many tokens), options that make no sense, bytes that are
// no UTF-8 text.
absl::StatusOr<std::vector<TextWindow>> CutText(const tokenizer::Tokenizer& tokenizer, std::string_view text,
                                                const WindowOptions& options);

// Evaluates a window and gives the logits, [vocabulary], that score each of its tokens from `first` on, in
// order.
using OnScore = std::function<void(tokenizer::TokenId actual, std::span<const float> logits)>;
void ScoreWindow(MeasuredModel& model, const TextWindow& window, const OnScore& on_score);

// log of the sum of exp of all logits.
double LogSumExp(std::span<const float> logits);

// Of numbers that come one by one.
class MeanAndError {
 public:
  void Add(double x) { ++count_, sum_ += x, squares_ += x * x; }
  uint64_t count() const { return count_; }
  double mean() const { return sum_ / static_cast<double>(count_); }
  double standard_error() const;  // of the mean; 0 for fewer than two

 private:
  uint64_t count_ = 0;
  double sum_ = 0, squares_ = 0;
};

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_TEXT_WINDOWS_H_
