#include "deploy/probe/measure_commands.h"

#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/kv_flag.h"
#include "deploy/probe/output.h"
#include "deploy/probe/progress.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tools/difference.h"
#include "runtime/tools/perplexity.h"

namespace linnet::probe {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxTextBytes = 256u << 20;

absl::StatusOr<std::string> ReadText(const std::string& path) {
  return base::FileSystem::Real().ReadFile(path, kMaxTextBytes);
}

// The text is at fault, or the model file.
int FailOf(const std::string& model, const std::string& text_file, const absl::Status& status, bool as_json) {
  const bool text = absl::IsInvalidArgument(status);
  return Fail(text ? text_file : model, status, text ? Phase::kRequest : Phase::kFile, as_json);
}

std::string Method(const tools::WindowOptions& options, uint32_t context_tokens) {
  if (options.stride == 0) {
    return absl::StrCat("windows of ", context_tokens, " tokens, the second half of each scored");
  }
  return absl::StrCat("a window of ", context_tokens, " tokens every ", options.stride, ", its last ",
                      options.stride, " scored");
}

json ToJson(const tools::PerplexityResult& result) {
  return {{"perplexity", result.perplexity},
          {"standard_error", result.standard_error},
          {"scored_tokens", result.scored_tokens},
          {"windows", result.windows},
          {"context_tokens", result.context_tokens}};
}

json OrNull(const std::optional<std::string>& text) { return text.has_value() ? json(*text) : json(); }

json ToJson(const tools::FileDifference& difference) {
  json metadata = json::array(), tensors = json::array();
  for (const tools::MetadataDifference& m : difference.metadata) {
    metadata.push_back({{"key", m.key}, {"a", OrNull(m.a)}, {"b", OrNull(m.b)}});
  }
  for (const tools::TensorDifference& t : difference.tensors) {
    json one = {{"name", t.name}, {"a", OrNull(t.a)}, {"b", OrNull(t.b)}};
    if (t.values.has_value()) {
      one["max_difference"] = t.values->most;
      one["rms_difference"] = t.values->rms;
      one["rms_of_a"] = t.values->rms_of_a;
      one["not_finite"] = t.values->not_finite;
    }
    tensors.push_back(one);
  }
  return {{"same", difference.none()},
          {"metadata", metadata},
          {"same_metadata", difference.same_metadata},
          {"tensors", tensors},
          {"same_tensors", difference.same_tensors}};
}

void PrintFiles(const tools::FileDifference& difference) {
  for (const tools::MetadataDifference& m : difference.metadata) {
    std::printf("%s\n  a: %s\n  b: %s\n", m.key.c_str(), m.a.value_or("(absent)").c_str(),
                m.b.value_or("(absent)").c_str());
  }
  for (const tools::TensorDifference& t : difference.tensors) {
    const std::string kinds =
        t.a == t.b ? *t.a : absl::StrCat(t.a.value_or("(absent)"), " -> ", t.b.value_or("(absent)"));
    std::printf("%-36s %s", t.name.c_str(), kinds.c_str());
    if (t.values.has_value()) {
      std::printf("  max %.3g, rms %.3g", t.values->most, t.values->rms);
      if (t.values->rms_of_a > 0) std::printf(" (%.2f %%)", 100 * t.values->rms / t.values->rms_of_a);
      if (t.values->not_finite > 0) std::printf(", %" PRIu64 " not finite", t.values->not_finite);
    }
    std::printf("\n");
  }
  std::printf("metadata: %zu keys differ, %" PRIu64 " are the same; tensors: %zu differ, %" PRIu64
              " are the same\n",
              difference.metadata.size(), difference.same_metadata, difference.tensors.size(),
              difference.same_tensors);
}

void PrintText(const tools::TextDifference& text) {
  std::printf("perplexity of a    %.4f +- %.4f\nperplexity of b    %.4f +- %.4f\n", text.a.perplexity,
              text.a.standard_error, text.b.perplexity, text.b.standard_error);
  std::printf("KL divergence      %.6f +- %.6f nats; median %.6f, 99 %% below %.6f, most %.6f\n",
              text.kl_mean, text.kl_standard_error, text.kl_median, text.kl_99, text.kl_most);
  std::printf("same likeliest     %.2f %% of %" PRIu64 " tokens\n", 100 * text.same_top,
              text.a.scored_tokens);
}

void AddWindows(CLI::App* app, tools::WindowOptions& options) {
  app->add_option("--context", options.context_tokens, "tokens of a window; at most the model's")
      ->capture_default_str()
      ->check(CLI::Range(4u, 1u << 20));
  app->add_option("--stride", options.stride,
                  "a window every so many tokens, its last so many scored; 0: side by side, second halves");
  app->add_option("--chunks", options.most_windows, "at most so many windows; 0: the whole text");
  app->add_option("--threads", options.threads, "0: choose")->check(CLI::Range(0, 64));
  AddKvFlag(app, options.kv);
}

}  // namespace

int PerplexityCommand::Run() const {
  const auto text = ReadText(text_file);
  if (!text.ok()) return Fail(text_file, text.status(), Phase::kFile, json);
  ProgressBar bar;
  const auto result = tools::Perplexity(base::FileSystem::Real(), file, *text, options, bar.Listener());
  bar.Clear();
  if (!result.ok()) return FailOf(file, text_file, result.status(), json);
  const std::string method = Method(options, result->context_tokens);
  if (json) {
    nlohmann::json out = ToJson(*result);
    out["method"] = method;
    out["stride"] = options.stride;
    Print(out);
    return kOk;
  }
  std::printf("perplexity %.4f +- %.4f (%" PRIu64 " tokens; %s)\n", result->perplexity,
              result->standard_error, result->scored_tokens, method.c_str());
  return kOk;
}

int DiffCommand::Run() const {
  // The text first: it is cheap to find it absent.
  std::string text;
  if (!text_file.empty()) {
    auto read = ReadText(text_file);
    if (!read.ok()) return Fail(text_file, read.status(), Phase::kFile, json);
    text = *std::move(read);
  }
  base::FileSystem& fs = base::FileSystem::Real();
  const auto file_a = pack::OpenAsGguf(fs, a);
  if (!file_a.ok()) return Fail(a, file_a.status(), Phase::kFile, json);
  const auto file_b = pack::OpenAsGguf(fs, b);
  if (!file_b.ok()) return Fail(b, file_b.status(), Phase::kFile, json);
  ProgressBar bar;
  const tools::FileDifference difference = tools::CompareFiles(**file_a, **file_b, bar.Listener());
  bar.Clear();
  nlohmann::json out = ToJson(difference);
  if (!json) PrintFiles(difference);
  if (!text_file.empty()) {
    const auto on_text = tools::CompareOnText(fs, a, b, text, options, bar.Listener());
    bar.Clear();
    if (!on_text.ok()) return FailOf("", text_file, on_text.status(), json);
    out["text"] = {{"a", ToJson(on_text->a)},
                   {"b", ToJson(on_text->b)},
                   {"kl_divergence", on_text->kl_mean},
                   {"kl_standard_error", on_text->kl_standard_error},
                   {"kl_median", on_text->kl_median},
                   {"kl_99", on_text->kl_99},
                   {"kl_max", on_text->kl_most},
                   {"same_top", on_text->same_top},
                   {"method", Method(options, on_text->a.context_tokens)}};
    if (!json) PrintText(*on_text);
  }
  if (json) Print(out);
  return kOk;
}

void MeasureCommands::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* sub = model->add_subcommand("perplexity", "how surprising a text is to the model");
  sub->add_option("file", perplexity.file, "GGUF file")->required();
  sub->add_option("--text-file", perplexity.text_file, "UTF-8 text")->required();
  AddWindows(sub, perplexity.options);
  sub->add_flag("--json", perplexity.json, "one JSON object on standard output");
  sub->footer(
      "Measured as llama-perplexity does by default: the text is cut into windows of 512 tokens, each\n"
      "evaluated from an empty context with BOS in front where the model wants one; the second half of each\n"
      "is scored, what is left at the end is not used. After +-: the standard error.");
  sub->callback([this, &run] { run = [this] { return perplexity.Run(); }; });

  sub = model->add_subcommand("diff", "how two model files differ, and what that does to a text");
  sub->add_option("a", diff.a, "GGUF file")->required();
  sub->add_option("b", diff.b, "GGUF file")->required();
  sub->add_option("--text-file", diff.text_file, "UTF-8 text to compare the models' probabilities on");
  AddWindows(sub, diff.options);
  AddKvFlag(sub, diff.options.kv_b, "--kv-b",
            "the same of b, where it is another: what that alone does, with b = a");
  sub->add_flag("--json", diff.json, "one JSON object on standard output");
  sub->footer(
      "Lists metadata keys and tensors that differ; of tensors the largest and the root-mean-square\n"
      "difference of the dequantized values (and that as a share of a's). With a text: the perplexity of\n"
      "both, the Kullback-Leibler divergence of b's probabilities from a's at every scored token, and how\n"
      "often both have the same likeliest token.");
  sub->callback([this, &run] { run = [this] { return diff.Run(); }; });
}

}  // namespace linnet::probe
