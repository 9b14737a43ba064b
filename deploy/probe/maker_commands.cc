#include "deploy/probe/maker_commands.h"

#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "deploy/probe/progress.h"
#include "runtime/base/file_system.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/tools/perplexity.h"
#include "runtime/tools/quantize_rule.h"

namespace linnet::probe {
namespace {

constexpr uint64_t kMaxTextBytes = 256u << 20;

// The error of one of several files: that whose name the message begins with.
int FailOf(const std::vector<std::string>& inputs, const std::string& out, const absl::Status& status,
           bool json) {
  const std::string message = base::Message(status);
  // What a file would need, and where to write, is said on the command line.
  if (absl::IsFailedPrecondition(status) || message.starts_with(out + ":")) {
    return Fail("", status, Phase::kRequest, json);
  }
  for (const std::string& input : inputs) {
    if (!input.empty() && message.starts_with(input + ":")) return Fail(input, status, Phase::kFile, json);
  }
  return Fail("", status, Phase::kRequest, json);
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  auto text = base::FileSystem::Real().ReadFile(path, kMaxTextBytes);
  if (text.ok() && !base::IsUtf8(*text)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not UTF-8; convert it (iconv -t UTF-8)"));
  }
  return text;
}

double BitsPerWeight(uint64_t bytes, uint64_t weights) {
  return weights == 0 ? 0.0 : static_cast<double>(bytes) * 8 / static_cast<double>(weights);
}

void PrintTensors(const tools::QuantizeResult& result, bool verbose) {
  for (const tools::QuantizedTensor& tensor : result.tensors) {
    const bool fell_back = tensor.wanted != tensor.to && tensor.from != tensor.to;
    if (!verbose && !fell_back) continue;
    std::string line = absl::StrCat(std::string(tensor.from), " -> ", std::string(tensor.to));
    if (fell_back) {
      absl::StrAppend(&line, "  (its rows are no whole blocks of ", std::string(tensor.wanted), ")");
    }
    std::printf("%-34s %s", tensor.name.c_str(), line.c_str());
    if (verbose) std::printf("  %" PRIu64 " -> %" PRIu64 " bytes", tensor.bytes_before, tensor.bytes_after);
    if (tensor.rmse.has_value()) {
      std::printf("  RMSE %.3e (%.3f %%)", *tensor.rmse,
                  *tensor.rms > 0 ? *tensor.rmse / *tensor.rms * 100 : 0);
    }
    std::printf("\n");
  }
}

nlohmann::json ToJson(const tools::QuantizedTensor& tensor) {
  nlohmann::json json = {{"name", tensor.name},
                         {"from", tensor.from},
                         {"to", tensor.to},
                         {"wanted", tensor.wanted},
                         {"bytes_before", tensor.bytes_before},
                         {"bytes_after", tensor.bytes_after}};
  if (tensor.rmse.has_value()) {
    json["rmse"] = *tensor.rmse;
    json["rms"] = *tensor.rms;
  }
  return json;
}

// "PATTERN=TYPE"; the last '=' counts.
absl::Status SplitTensorTypes(const std::vector<std::string>& words,
                              std::vector<std::pair<std::string, std::string>>& out) {
  for (const std::string& word : words) {
    const size_t equals = word.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--tensor-type \"", base::OneLine(word, 60),
                                                     "\": expected PATTERN=TYPE, as in attn_v=Q8_0"));
    }
    const auto type = tools::ParseTensorType(std::string_view(word).substr(equals + 1));
    if (!type.ok()) return type.status();
    out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return absl::OkStatus();
}

template <typename Command>
CLI::App* AddMaker(CLI::App* model, const char* name, const char* what, Command& command,
                   std::function<int()>& run) {
  CLI::App* app = model->add_subcommand(name, what);
  app->add_option("in", command.in, "GGUF file")->required();
  app->add_flag("--force", command.out.replace, "replace the output file when it is there");
  app->add_flag("--json", command.json, "one JSON object on standard output");
  app->callback([&command, &run] { run = [&command] { return command.Run(); }; });
  return app;
}

}  // namespace

int QuantizeCommand::Run() {
  if (const absl::Status split = SplitTensorTypes(tensor_types, options.tensor_types); !split.ok()) {
    return Fail("", split, Phase::kRequest, json);
  }
  options.measure = verbose;
  ProgressBar bar;
  const auto result = tools::Quantize(base::FileSystem::Real(), in, out, options, bar.Listener());
  bar.Clear();
  if (!result.ok()) return FailOf({in, options.imatrix}, out.path, result.status(), json);
  const double before = BitsPerWeight(result->tensor_bytes_before, result->parameters);
  const double after = BitsPerWeight(result->tensor_bytes_after, result->parameters);
  if (json) {
    nlohmann::json tensors = nlohmann::json::array();
    for (const tools::QuantizedTensor& tensor : result->tensors) tensors.push_back(ToJson(tensor));
    Print({{"out", out.path},
           {"dry_run", options.dry_run},
           {"type", result->kind},
           {"parameters", result->parameters},
           {"bytes_before", result->bytes_before},
           {"bytes_after", result->bytes_after},
           {"bits_per_weight_before", before},
           {"bits_per_weight_after", after},
           {"without_importance", result->without_importance},
           {"tensors", tensors}});
    return kOk;
  }
  PrintTensors(*result, verbose);
  if (result->without_importance > 0) {
    std::printf("the importance matrix says nothing of %zu matrices: they are quantized without it\n",
                result->without_importance);
  }
  std::printf("%s%s: %s, %" PRIu64 " -> %" PRIu64 " bytes, %.2f -> %.2f bits per weight\n",
              options.dry_run ? "would write " : "", out.path.c_str(), result->kind.c_str(),
              result->bytes_before, result->bytes_after, before, after);
  return kOk;
}

int ImatrixCommand::Run() const {
  base::FileSystem& fs = base::FileSystem::Real();
  if (const absl::Status free = tools::CheckOutput(fs, out, {in, text_file}); !free.ok()) {
    return FailOf({}, out.path, free, json);
  }
  const auto text = ReadText(text_file);
  if (!text.ok()) return FailOf({text_file}, out.path, text.status(), json);
  ProgressBar bar;
  auto matrix = tools::CollectImatrix(fs, in, *text, options, bar.Listener());
  bar.Clear();
  if (!matrix.ok()) return FailOf({in}, out.path, matrix.status(), json);
  matrix->dataset = text_file.substr(text_file.rfind('/') + 1);
  if (const absl::Status written = matrix->Write(fs, out); !written.ok())
    return FailOf({}, out.path, written, json);
  if (json) {
    Print({{"out", out.path},
           {"entries", matrix->entries.size()},
           {"chunks", matrix->chunks},
           {"chunk_tokens", matrix->chunk_tokens}});
  } else {
    std::printf("%s: importance of %zu matrices over %u chunks of up to %u tokens\n", out.path.c_str(),
                matrix->entries.size(), matrix->chunks, matrix->chunk_tokens);
  }
  return kOk;
}

namespace {

// What a change cost, over a text; an error where the text is too short to say.
struct Cost {
  absl::StatusOr<tools::PerplexityResult> before, after;
};

Cost MeasureCost(const std::string& in, const std::string& out, std::string_view text, int threads,
                 const tools::Progress& progress) {
  base::FileSystem& fs = base::FileSystem::Real();
  const tools::WindowOptions windows = {.threads = threads};
  Cost cost = {tools::Perplexity(fs, in, text, windows, progress), absl::UnknownError("")};
  cost.after = cost.before.ok() ? tools::Perplexity(fs, out, text, windows, progress) : cost.before;
  return cost;
}

}  // namespace

int PruneCommand::Run() {
  if (options.drop_layers.empty() && options.keep_layers == 0 && options.ffn_percent == 0 &&
      corpus_file.empty()) {
    return Fail(
        "",
        absl::InvalidArgumentError("say what to cut: --layers, --drop-layers, --ffn or --vocabulary-corpus"),
        Phase::kRequest, json);
  }
  std::string text, corpus;
  for (const auto& [path, into] : {std::pair(&text_file, &text), std::pair(&corpus_file, &corpus)}) {
    if (path->empty()) continue;
    auto read = ReadText(*path);
    if (!read.ok()) return FailOf({*path}, out.path, read.status(), json);
    *into = *std::move(read);
  }
  options.text = text;
  if (!corpus_file.empty()) options.corpus = corpus;
  ProgressBar bar;
  const auto result = tools::Prune(base::FileSystem::Real(), in, out, options, bar.Listener());
  bar.Clear();
  if (!result.ok()) return FailOf({in}, out.path, result.status(), json);
  Cost cost = {absl::UnknownError("no text"), absl::UnknownError("no text")};
  if (!text.empty()) cost = MeasureCost(in, out.path, text, options.threads, bar.Listener());
  bar.Clear();
  const bool measured = cost.before.ok() && cost.after.ok();
  if (json) {
    const auto perplexity = [&](const absl::StatusOr<tools::PerplexityResult>& of) {
      return measured ? nlohmann::json(of->perplexity) : nlohmann::json();
    };
    Print({{"out", out.path},
           {"perplexity_before", perplexity(cost.before)},
           {"perplexity_after", perplexity(cost.after)},
           {"bytes_before", result->bytes_before},
           {"bytes_after", result->bytes_after},
           {"layers_before", result->layers_before},
           {"layers_after", result->layers_after},
           {"dropped_layers", result->dropped_layers},
           {"similarity", result->similarity},
           {"ffn_before", result->ffn_before},
           {"ffn_after", result->ffn_after},
           {"vocabulary_before", result->vocabulary_before},
           {"vocabulary_after", result->vocabulary_after},
           {"scripts", result->scripts}});
    return kOk;
  }
  if (!result->dropped_layers.empty()) {
    std::printf("layers %u -> %u, without %s\n", result->layers_before, result->layers_after,
                absl::StrJoin(result->dropped_layers, ", ").c_str());
    for (const uint32_t l : result->dropped_layers) {
      if (l < result->similarity.size()) {
        std::printf("  layer %u: cosine of input and output %.4f\n", l, result->similarity[l]);
      }
    }
  }
  if (result->ffn_after != result->ffn_before) {
    std::printf("FFN channels %u -> %u%s\n", result->ffn_before, result->ffn_after,
                result->rounded_again ? "; ffn_down is quantized and was rounded again" : "");
  }
  if (!corpus_file.empty()) {
    std::printf(
        "vocabulary %u -> %u, for %s\n", result->vocabulary_before, result->vocabulary_after,
        result->scripts.empty() ? "no script of its own" : absl::StrJoin(result->scripts, ", ").c_str());
  }
  if (measured) {
    std::printf("perplexity over the text %.4f -> %.4f\n", cost.before->perplexity, cost.after->perplexity);
  } else if (!text.empty()) {
    std::printf("perplexity was not measured: %s\n",
                base::Message(cost.before.ok() ? cost.after.status() : cost.before.status()).c_str());
  }
  std::printf("%s: %" PRIu64 " -> %" PRIu64 " bytes\n", out.path.c_str(), result->bytes_before,
              result->bytes_after);
  return kOk;
}

int MergeLoraCommand::Run() const {
  ProgressBar bar;
  const auto result = tools::MergeLora(base::FileSystem::Real(), in, adapter, out, scale, bar.Listener());
  bar.Clear();
  if (!result.ok()) return FailOf({in, adapter}, out.path, result.status(), json);
  if (json) {
    Print({{"out", out.path},
           {"changed", result->changed},
           {"to_f16", result->to_f16},
           {"bytes_before", result->bytes_before},
           {"bytes_after", result->bytes_after}});
    return kOk;
  }
  std::printf("%s: %zu tensors changed", out.path.c_str(), result->changed);
  if (result->to_f16 > 0) std::printf(", %zu of them were quantized and are F16 now", result->to_f16);
  std::printf("; %" PRIu64 " -> %" PRIu64 " bytes\n", result->bytes_before, result->bytes_after);
  return kOk;
}

void MakerCommands::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* sub = AddMaker(model, "quantize", "writes the model with smaller weights", quantize, run);
  sub->add_option("out", quantize.out.path, "file to write")->required();
  sub->add_option("--type", quantize.options.type, absl::StrJoin(tools::QuantizeRule::Kinds(), ", "))
      ->required();
  sub->add_option("--imatrix", quantize.options.imatrix, "importance matrix (linnet model imatrix)");
  sub->add_option("--keep-output", quantize.options.output_type, "type of the output head");
  sub->add_option("--tensor-type", quantize.tensor_types,
                  "PATTERN=TYPE: type of tensors whose name contains PATTERN ('*': anything); repeatable")
      ->allow_extra_args(false);
  sub->add_flag("--pure", quantize.options.pure, "every matrix the same type");
  sub->add_flag("--allow-requantize", quantize.options.allow_requantize,
                "from weights that lost bits already");
  sub->add_flag("--dry-run", quantize.options.dry_run, "only say what would be done");
  sub->add_flag("--verbose", quantize.verbose, "every tensor, with its error");
  sub->add_option("--threads", quantize.options.threads, "0: choose")->check(CLI::Range(0, 64));
  sub->footer(
      "Norms, biases, tables of positions and all tensors of one dimension stay as they are. The head\n"
      "gets Q6_K or Q8_0; mixes (_S, _M, _L) give attn_v, ffn_down and attn_output more bits as\n"
      "llama-quantize does: runtime/tools/README.md has the table. Rows that are no whole blocks get the\n"
      "nearest type that fits, and the output says so.");

  sub = AddMaker(model, "imatrix", "measures which weights matter, over a text", imatrix, run);
  sub->add_option("--text-file", imatrix.text_file, "UTF-8 text like what the model will see")->required();
  sub->add_option("--out", imatrix.out.path, "GGUF file to write")->required();
  sub->add_option("--context", imatrix.options.context_tokens, "tokens a chunk")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1u << 20));
  sub->add_option("--chunks", imatrix.options.most_chunks, "at most so many; 0: the whole text");
  sub->add_option("--threads", imatrix.options.threads, "0: choose")->check(CLI::Range(0, 64));

  sub =
      AddMaker(model, "prune", "writes the model without some of its layers, channels or tokens", prune, run);
  sub->add_option("out", prune.out.path, "file to write")->required();
  CLI::Option* layers = sub->add_option("--layers", prune.options.keep_layers,
                                        "keep so many: those that change their input most over --text-file")
                            ->check(CLI::PositiveNumber);
  sub->add_option("--drop-layers", prune.options.drop_layers, "drop these, counted from 0: 3,7,8")
      ->delimiter(',')
      ->excludes(layers);
  sub->add_option("--ffn", prune.options.ffn_percent,
                  "cut so many percent of the FFN channels: those that matter least over --text-file")
      ->check(CLI::Range(0.0, 99.0));
  sub->add_option("--vocabulary-corpus", prune.corpus_file,
                  "cut the vocabulary to the scripts of this text; it and the like keep their tokens");
  sub->add_option("--text-file", prune.text_file, "UTF-8 text like what the model will see");
  sub->add_option("--context", prune.options.context_tokens, "tokens a chunk of the text")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1u << 20));
  sub->add_option("--threads", prune.options.threads, "0: choose")->check(CLI::Range(0, 64));

  sub = AddMaker(model, "merge-lora", "writes the model with a LoRA adapter's changes in its weights",
                 merge_lora, run);
  sub->add_option("adapter", merge_lora.adapter, "GGUF adapter")->required();
  sub->add_option("out", merge_lora.out.path, "file to write")->required();
  sub->add_option("--scale", merge_lora.scale, "times the adapter's own")->capture_default_str();
}

}  // namespace linnet::probe
