#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/tools/difference.h"

namespace linnet::tools {
namespace {

using tokenizer::TokenId;

size_t Top(std::span<const float> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// sum P log(P / Q), P and Q the softmax of the two.
double Divergence(std::span<const float> p, double log_sum_p, std::span<const float> q, double log_sum_q) {
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double log_p = static_cast<double>(p[i]) - log_sum_p;
    const double log_q = static_cast<double>(q[i]) - log_sum_q;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return sum;
}

PerplexityResult Result(const MeanAndError& surprise, uint64_t windows, uint32_t context_tokens) {
  PerplexityResult result;
  result.perplexity = std::exp(surprise.mean());
  result.standard_error = result.perplexity * surprise.standard_error();
  result.scored_tokens = surprise.count();
  result.windows = windows;
  result.context_tokens = context_tokens;
  return result;
}

// The value below which `share` of the sorted ones lie.
double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

}  // namespace

absl::StatusOr<TextDifference> CompareOnText(base::FileSystem& fs, const std::string& a, const std::string& b,
                                             std::string_view text, const WindowOptions& options,
                                             const Progress& progress) {
  MeasuredModel::Options load = {
      .context_tokens = options.context_tokens, .threads = options.threads, .kv = options.kv};
  LINNET_ASSIGN_OR_RETURN(const auto first, MeasuredModel::Load(fs, a, load));
  if (options.kv_b) load.kv = options.kv_b;
  LINNET_ASSIGN_OR_RETURN(const auto second, MeasuredModel::Load(fs, b, load));
  WindowOptions used = options;
  used.context_tokens = std::min(first->context_tokens(), second->context_tokens());
  LINNET_ASSIGN_OR_RETURN(const auto windows, CutText(first->tokenizer(), text, used));
  LINNET_ASSIGN_OR_RETURN(const auto others, CutText(second->tokenizer(), text, used));
  const auto vocabulary = static_cast<size_t>(first->tokenizer().vocabulary_size());
  const bool alike = first->tokenizer().vocabulary_size() == second->tokenizer().vocabulary_size() &&
                     std::equal(windows.begin(), windows.end(), others.begin(), others.end(),
                                [](const auto& x, const auto& y) { return x.tokens == y.tokens; });
  if (!alike) {
    return absl::FailedPreconditionError(
        absl::StrCat(b, ": its tokenizer does not cut the text as that of ", a,
                     " does; only models of one vocabulary are compared on a text"));
  }

  MeanAndError of_a, of_b, divergence;
  std::vector<double> divergences;
  uint64_t same_top = 0;
  std::vector<float> kept;  // a's logits of one window, [scored, vocabulary]
  for (size_t i = 0; i < windows.size(); ++i) {
    if (progress != nullptr) progress(i, windows.size(), "windows");
    kept.clear();
    ScoreWindow(*first, windows[i], [&](TokenId actual, std::span<const float> logits) {
      of_a.Add(LogSumExp(logits) - static_cast<double>(logits[static_cast<size_t>(actual)]));
      kept.insert(kept.end(), logits.begin(), logits.end());
    });
    size_t at = 0;
    ScoreWindow(*second, windows[i], [&](TokenId actual, std::span<const float> logits) {
      const std::span<const float> p = std::span<const float>(kept).subspan(at, vocabulary);
      at += vocabulary;
      const double log_sum = LogSumExp(logits);
      of_b.Add(log_sum - static_cast<double>(logits[static_cast<size_t>(actual)]));
      divergences.push_back(Divergence(p, LogSumExp(p), logits, log_sum));
      divergence.Add(divergences.back());
      same_top += Top(p) == Top(logits) ? 1 : 0;
    });
    if (!std::isfinite(divergence.mean()) || !std::isfinite(of_a.mean()) || !std::isfinite(of_b.mean())) {
      return absl::DataLossError(absl::StrCat(std::isfinite(of_a.mean()) ? b : a, ": the logits of window ",
                                              i, " are not finite: the weights are damaged"));
    }
  }
  std::sort(divergences.begin(), divergences.end());
  TextDifference out;
  out.a = Result(of_a, windows.size(), used.context_tokens);
  out.b = Result(of_b, windows.size(), used.context_tokens);
  out.kl_mean = divergence.mean();
  out.kl_standard_error = divergence.standard_error();
  out.kl_median = Quantile(divergences, 0.5);
  out.kl_99 = Quantile(divergences, 0.99);
  out.kl_most = divergences.back();
  out.same_top = static_cast<double>(same_top) / static_cast<double>(divergences.size());
  return out;
}

}  // namespace linnet::tools
