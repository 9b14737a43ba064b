#include <algorithm>
#include <bit>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/engine/engine.h"

// What runs the model.
namespace linnet::probe {
namespace {

constexpr uint64_t kMaxPromptBytes = 16u << 20;
constexpr uint32_t kDefaultTokens = 256;

const char* FinishName(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop:
      return "stop";
    case engine::FinishReason::kLength:
      return "length";
    case engine::FinishReason::kCancelled:
      return "cancelled";
    case engine::FinishReason::kDeadline:
      return "deadline";
  }
  return "?";
}

absl::StatusOr<std::unique_ptr<engine::Engine>> Load(const ModelFlags& model, const std::string& file,
                                                     const engine::EngineOptions& options) {
  LINNET_ASSIGN_OR_RETURN(const std::string path, model.Resolve(file));
  return engine::Engine::Load(base::FileSystem::Real(), path, options);
}

// Waits, while text appears as it is made.
absl::StatusOr<engine::GenerateResult> Generate(engine::Engine& engine, engine::GenerateRequest request,
                                                bool show) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  absl::StatusOr<engine::GenerateResult> result;
  const auto on_delta = [&](std::string_view delta) {
    if (!show) return;
    std::fwrite(delta.data(), 1, delta.size(), stdout);
    std::fflush(stdout);
  };
  const auto on_done = [&](absl::StatusOr<engine::GenerateResult> value) {
    const std::lock_guard lock(mutex);
    result = std::move(value);
    done = true;
    changed.notify_one();
  };
  if (absl::Status status = engine.Submit(std::move(request), on_delta, on_done, nullptr); !status.ok())
    return status;
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return done; });
  return result;
}

// "FILE" or "FILE=SCALE"; what is no number after the last '=' belongs to the name.
engine::AdapterOptions ParseLora(const std::string& word) {
  engine::AdapterOptions adapter = {.name = "lora", .path = word};
  const size_t equals = word.rfind('=');
  if (equals != std::string::npos && absl::SimpleAtof(word.substr(equals + 1), &adapter.scale)) {
    adapter.path = word.substr(0, equals);
  } else {
    adapter.scale = 1.0F;
  }
  return adapter;
}

absl::StatusOr<std::vector<tokenizer::TokenId>> PromptIds(const GenerateCommand& command,
                                                          const engine::Engine& engine,
                                                          const std::string& prompt) {
  if (!command.chat) {
    return engine.tokenizer().Encode(prompt, {.add_special = true, .parse_special = command.parse_special});
  }
  std::vector<engine::ChatMessage> messages;
  if (!command.system.empty()) messages.push_back({"system", command.system});
  messages.push_back({"user", prompt});
  return engine.RenderChat(messages);
}

}  // namespace

int GenerateCommand::Run() const {
  std::string text = prompt;
  if (!prompt_file.empty()) {
    auto read = base::FileSystem::Real().ReadFile(prompt_file, kMaxPromptBytes);
    if (!read.ok()) return Fail(prompt_file, read.status(), Phase::kFile, json);
    text = *std::move(read);
  }
  if (!base::IsUtf8(text)) {
    return Fail(prompt_file,
                absl::InvalidArgumentError(
                    absl::StrCat(prompt_file, ": the prompt is not UTF-8; convert it (iconv -t UTF-8)")),
                Phase::kRequest, json);
  }
  const auto options = sampling.Parse();
  if (!options.ok()) return Fail("", options.status(), Phase::kRequest, json);
  const auto keep = ParseContextShift(context_shift);
  if (!keep.ok()) return Fail("", keep.status(), Phase::kRequest, json);
  const absl::Time start = absl::Now();
  engine::EngineOptions load = {
      .threads = threads, .context_tokens = context_tokens, .kv = kv, .speculate = !no_speculation};
  load.prefix_cache.folder = prefix_cache;
  if (!lora.empty()) load.adapters.push_back(ParseLora(lora));
  auto engine = Load(model, file, load);
  if (!engine.ok()) {
    const bool adapters_fault =
        !lora.empty() && base::Message(engine.status()).starts_with(load.adapters[0].path);
    return Fail(adapters_fault ? load.adapters[0].path : file, engine.status(), Phase::kFile, json);
  }
  if (!prefix_cache.empty() && !(*engine)->info().prefix_cache) {
    std::fprintf(stderr,
                 "linnet: %s: --prefix-cache is not used: this model's layers keep a state, no beginning of "
                 "which can be kept\n",
                 file.c_str());
  }
  const double load_seconds = absl::ToDoubleSeconds(absl::Now() - start);
  engine::GenerateRequest request;
  auto ids = PromptIds(*this, **engine, text);
  if (!ids.ok()) return Fail(file, ids.status(), Phase::kRequest, json);
  request.prompt = *ids;
  request.context_shift_keep = *keep;
  const uint32_t context = (*engine)->info().context_tokens;
  const auto size = static_cast<uint32_t>(std::min<size_t>(ids->size(), context));
  request.max_tokens = max_tokens;
  // What is not asked for ends with the context; a prompt that is too long is the engine's to refuse.
  if (max_tokens == 0) {
    request.max_tokens = *keep ? kDefaultTokens : std::max(1u, std::min(kDefaultTokens, context - size));
  }
  request.sampling = *options;
  if (!lora.empty()) request.adapter = load.adapters[0].name;
  request.stop = stop;
  const auto result = Generate(**engine, std::move(request), !json);
  if (!result.ok()) return Fail(file, result.status(), Phase::kRequest, json);
  if (!json) {
    std::printf("\n");
    return kOk;
  }
  Print({{"text", result->text},
         {"ids", result->ids},
         {"prompt_ids", *ids},
         {"finish", FinishName(result->finish)},
         {"prompt_tokens", result->prompt_tokens},
         {"generated_tokens", result->ids.size()},
         {"guessed_tokens", result->guessed_tokens},
         {"right_guesses", result->right_guesses},
         {"prefix_tokens_from_store", result->prefix_tokens_from_store},
         {"evaluated_tokens", result->evaluated_tokens},
         {"context_shifts", result->context_shifts},
         {"seed", options->seed},
         {"generator", "philox4x32-10"},
         {"load_seconds", load_seconds},
         {"prefill_seconds", absl::ToDoubleSeconds(result->prefill_time)},
         {"decode_seconds", absl::ToDoubleSeconds(result->decode_time)},
         {"model", Describe((*engine)->info())}});
  return kOk;
}

int LogitsCommand::Run() const {
  static_assert(std::endian::native == std::endian::little);
  std::vector<tokenizer::TokenId> ids;
  for (const std::string& word : std::vector<std::string>(absl::StrSplit(tokens, ','))) {
    if (!absl::SimpleAtoi(word, &ids.emplace_back())) {
      return Fail(
          "",
          absl::InvalidArgumentError(absl::StrCat("--tokens: \"", base::OneLine(word, 40),
                                                  "\" is no token id; expected numbers separated by commas")),
          Phase::kRequest, json);
    }
  }
  auto engine = Load(model, file, {.threads = threads, .kv = kv});
  if (!engine.ok()) return Fail(file, engine.status(), Phase::kFile, json);
  const auto logits = (*engine)->Logits(ids);
  if (!logits.ok()) return Fail(file, logits.status(), Phase::kRequest, json);
  const std::string bytes(reinterpret_cast<const char*>(logits->data()), logits->size() * sizeof(float));
  const absl::Status written = base::FileSystem::Real().WriteFileAtomic(out, bytes, 0644);
  if (!written.ok()) return Fail(out, written, Phase::kRequest, json);
  size_t best = 0;
  for (size_t i = 1; i < logits->size(); ++i) best = (*logits)[i] > (*logits)[best] ? i : best;
  if (json)
    Print({{"out", out}, {"vocabulary", logits->size()}, {"top", best}, {"top_logit", (*logits)[best]}});
  return kOk;
}

int SelfCheckCommand::Run() const {
  base::FileSystem& fs = base::FileSystem::Real();
  tools::SelfCheckOptions with = options;
  if (!suite.empty()) {
    const auto text = fs.ReadFile(suite, tools::EvalSuite::kMostBytes);
    if (!text.ok()) return Fail(suite, text.status(), Phase::kFile, json);
    auto parsed = tools::EvalSuite::Parse(*text);
    if (!parsed.ok()) return Fail(suite, absl::DataLossError(parsed.status().message()), Phase::kFile, json);
    with.suite = *std::move(parsed);
  }
  const auto result = tools::SelfCheck(fs, file, with);
  if (!result.ok()) return Fail(file, result.status(), Phase::kFile, json);
  if (json) {
    nlohmann::json out = {{"ok", true},
                          {"generated_tokens", result->generated_tokens},
                          {"load_seconds", result->load_seconds},
                          {"first_token_seconds", result->first_token_seconds},
                          {"decode_tokens_per_second", result->decode_tokens_per_second},
                          {"peak_rss_bytes", result->peak_rss_bytes},
                          {"model", Describe(result->info)}};
    if (const auto& score = result->score) {
      // Names of what failed are for the person who wrote the suite: so many as a line shows.
      const size_t told = std::min<size_t>(score->failed.size(), 20);
      out["suite"] = {
          {"cases", score->cases},
          {"passed", score->passed},
          {"failed", std::vector<std::string>(score->failed.begin(), score->failed.begin() + told)}};
    }
    Print(out);
  } else {
    std::printf("%s: works: %u tokens, %.1f tokens/s\n", file.c_str(), result->generated_tokens,
                result->decode_tokens_per_second);
    if (const auto& score = result->score) {
      std::printf("%s: %u of %u passed\n", suite.c_str(), score->passed, score->cases);
      for (const std::string& name : score->failed)
        std::printf("  failed: %s\n", base::OneLine(name, 100).c_str());
    }
  }
  return kOk;
}

}  // namespace linnet::probe
