#include "runtime/tools/bench.h"

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"
#include "runtime/tools/endless.h"
#include "runtime/tools/memory_use.h"

namespace linnet::tools {
namespace {

// The prompts' seeds when there are several sessions.
constexpr uint64_t kFirstOfSeveral = 100;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double PerSecond(uint32_t tokens, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  return seconds > 0 ? tokens / seconds : 0;
}

// Text tokens in a fixed order without meaning: the work is the same for any. `seed`: another prompt, so that
// nothing is left of it from an earlier request.
std::vector<tokenizer::TokenId> Prompt(const tokenizer::Tokenizer& tokenizer, uint32_t size, uint64_t seed) {
  std::vector<tokenizer::TokenId> prompt;
  uint64_t state = seed;
  for (uint32_t tries = 0; prompt.size() < size; ++tries) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto id =
        static_cast<tokenizer::TokenId>((state >> 33) % static_cast<uint64_t>(tokenizer.vocabulary_size()));
    if (tries > 100 * size || !tokenizer.IsControl(id)) prompt.push_back(id);
  }
  return prompt;
}

engine::GenerateRequest Request(const engine::Engine& engine, uint32_t prompt_tokens,
                                uint32_t generate_tokens, uint64_t seed) {
  engine::GenerateRequest request;
  request.prompt = Prompt(engine.tokenizer(), prompt_tokens, seed);
  request.max_tokens = generate_tokens;
  request.constraint = Endless(engine.tokenizer());
  return request;
}

absl::StatusOr<engine::GenerateResult> Generate(engine::Engine& engine, uint32_t prompt_tokens,
                                                uint32_t generate_tokens, uint64_t seed) {
  return engine.Generate(Request(engine, prompt_tokens, generate_tokens, seed));
}

// The results of one request for each session, all submitted at once.
absl::StatusOr<std::vector<engine::GenerateResult>> GenerateTogether(engine::Engine& engine,
                                                                     uint32_t sessions,
                                                                     uint32_t prompt_tokens,
                                                                     uint32_t generate_tokens) {
  std::vector<engine::GenerateRequest> requests;
  std::vector<std::promise<absl::StatusOr<engine::GenerateResult>>> promises(sessions);
  for (uint32_t s = 0; s < sessions; ++s) {
    requests.push_back(Request(engine, prompt_tokens, generate_tokens, kFirstOfSeveral + s));
  }
  for (uint32_t s = 0; s < sessions; ++s) {
    auto* promise = &promises[s];
    const absl::Status refused = engine.Submit(
        std::move(requests[s]), nullptr,
        [promise](absl::StatusOr<engine::GenerateResult> result) { promise->set_value(std::move(result)); },
        nullptr);
    if (!refused.ok()) promise->set_value(refused);
  }
  // All are waited for, also when one fails: they write to the promises.
  std::vector<absl::StatusOr<engine::GenerateResult>> answers;
  for (auto& promise : promises) answers.push_back(promise.get_future().get());
  std::vector<engine::GenerateResult> results;
  for (auto& answer : answers) {
    LINNET_ASSIGN_OR_RETURN(results.emplace_back(), std::move(answer));
  }
  return results;
}

// Prompts are evaluated before, so that in what is measured every session has one token of it left, and all
// decode from the first token to the last.
absl::Status SetTogether(engine::Engine& engine, const BenchOptions& options, uint32_t depth, BenchRun& run) {
  const uint32_t generate = options.generate_tokens + (options.depth ? 1 : 0);
  LINNET_RETURN_IF_ERROR(GenerateTogether(engine, options.sessions, depth, generate).status());
  LINNET_ASSIGN_OR_RETURN(const auto results, GenerateTogether(engine, options.sessions, depth, generate));
  absl::Duration longest;
  uint32_t tokens = 0;
  for (const engine::GenerateResult& result : results) {
    longest = std::max(longest, result.decode_time);
    tokens += static_cast<uint32_t>(result.ids.size()) - 1;
  }
  run.together_tokens_per_second = PerSecond(tokens, longest);
  run.together_ratio = run.together_tokens_per_second / run.decode_tokens_per_second;
  return absl::OkStatus();
}

// The first token comes with the prompt; the others are one pass each.
void SetDecode(const engine::GenerateResult& result, BenchRun& run) {
  const auto passes = static_cast<uint32_t>(result.ids.size()) - 1;
  run.decode_tokens_per_second = PerSecond(passes, result.decode_time);
  run.barriers_per_token = static_cast<double>(result.decode_barriers) / passes;
  const model::HeadUse& head = result.decode_head;
  const auto tokens = static_cast<double>(std::max<uint64_t>(1, head.tokens));
  run.head_bytes_per_token = static_cast<double>(head.bytes) / tokens;
  run.head_screened_percent = 100 * static_cast<double>(head.screened) / tokens;
  run.head_fallback_percent = 100 * static_cast<double>(head.fallbacks) / tokens;
  run.head_candidates_per_token =
      static_cast<double>(head.candidates) / static_cast<double>(std::max<uint64_t>(1, head.screened));
}

// The engine has worked, and is still there.
uint64_t MemoryOverModel(const engine::ModelInfo& info, uint64_t sessions) {
  // What is not mapped was read as a whole.
  const uint64_t file = MappedResidentBytes(info.path).value_or(info.file_bytes);
  const uint64_t peak = PeakRssBytes(), model = file + sessions * info.kv_bytes;
  return peak > model ? peak - model : 0;
}

absl::StatusOr<BenchRun> RunOnce(base::FileSystem& fs, const std::string& path, const BenchOptions& options,
                                 BenchResult& result) {
  engine::EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.kv = options.kv;
  if (options.huge_pages) engine_options.huge_pages = engine::HugePages::kOn;
  engine_options.speculate = false;  // how fast the model is, not how often its text repeats
  engine_options.max_sessions = options.sessions;
  engine_options.context_tokens =
      std::max(options.prompt_tokens, std::max(options.depth.value_or(0), 1u) + 1) + options.generate_tokens;
  const absl::Time start = absl::Now();
  LINNET_ASSIGN_OR_RETURN(const auto engine, engine::Engine::Load(fs, path, engine_options));
  BenchRun run;
  run.load_seconds = absl::ToDoubleSeconds(absl::Now() - start);
  // With a depth of its own, decode is not measured here, and two tokens are enough.
  LINNET_ASSIGN_OR_RETURN(const auto prompt, Generate(*engine, options.prompt_tokens,
                                                      options.depth ? 2 : options.generate_tokens, 1));
  run.prefill_tokens_per_second = PerSecond(prompt.prompt_tokens, prompt.prefill_time);
  run.first_token_seconds = absl::ToDoubleSeconds(prompt.queue_time + prompt.prefill_time);
  SetDecode(prompt, run);
  if (options.depth) {
    // The first token is evaluated with the prompt: at depth 0 there has to be one, as there is after BOS.
    LINNET_ASSIGN_OR_RETURN(const auto deep,
                            Generate(*engine, std::max(*options.depth, 1u), options.generate_tokens + 1, 2));
    SetDecode(deep, run);
  }
  if (options.sessions > 1) {
    if (engine->info().sessions < options.sessions) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": only ", engine->info().sessions, " sessions fit this machine's memory, not ",
                       options.sessions, "; ask for less, or for shorter prompts and answers"));
    }
    const uint32_t depth = options.depth ? std::max(*options.depth, 1u) : options.prompt_tokens;
    LINNET_RETURN_IF_ERROR(SetTogether(*engine, options, depth, run));
  }
  result.info = engine->info();
  result.memory_over_model_bytes = MemoryOverModel(result.info, options.sessions);
  return run;
}

}  // namespace

absl::StatusOr<BenchResult> Bench(base::FileSystem& fs, const std::string& path, const BenchOptions& options,
                                  const Progress& progress) {
  if (options.prompt_tokens == 0 || options.generate_tokens < 2 || options.repeat == 0 ||
      options.sessions == 0) {
    return absl::InvalidArgumentError(
        "prompt tokens, repeats and sessions must be 1 or more, generated tokens 2 or more");
  }
  BenchResult result;
  result.decode_depth = options.depth ? std::max(*options.depth, 1u) : options.prompt_tokens;
  result.decode_tokens = options.generate_tokens - (options.depth ? 0 : 1);
  for (uint32_t i = 0; i < options.repeat; ++i) {
    if (progress != nullptr) progress(i, options.repeat, absl::StrCat("run ", i + 1, " of ", options.repeat));
    LINNET_ASSIGN_OR_RETURN(const BenchRun run, RunOnce(fs, path, options, result));
    result.runs.push_back(run);
  }
  for (double BenchRun::* const figure :
       {&BenchRun::prefill_tokens_per_second, &BenchRun::decode_tokens_per_second, &BenchRun::load_seconds,
        &BenchRun::first_token_seconds, &BenchRun::barriers_per_token, &BenchRun::together_tokens_per_second,
        &BenchRun::together_ratio, &BenchRun::head_bytes_per_token, &BenchRun::head_screened_percent,
        &BenchRun::head_fallback_percent, &BenchRun::head_candidates_per_token}) {
    std::vector<double> values;
    for (const BenchRun& run : result.runs) values.push_back(run.*figure);
    result.median.*figure = Median(std::move(values));
  }
  result.peak_rss_bytes = PeakRssBytes();
  return result;
}

}  // namespace linnet::tools
