#include "runtime/tools/self_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tools/endless.h"
#include "runtime/tools/memory_use.h"

namespace linnet::tools {
namespace {

// ASCII, both languages of the reports, JSON, white space.
constexpr std::string_view kTexts[] = {
    "Once upon a time, 42 linnets sang.",
    "Die Lüftung läuft: 21,5 °C, größer als gewöhnlich.",
    "{\"uses\":[1,2,3],\"on\":true}",
    "one\ntwo\tthree  four",
};

absl::Status CheckTokenizer(const std::string& path, const tokenizer::Tokenizer& tokenizer) {
  for (const std::string_view text : kTexts) {
    const auto ids = tokenizer.Encode(text, {.add_special = true});
    if (const std::string back = tokenizer.Decode(ids); back != text) {
      return absl::DataLossError(absl::StrCat(path, ": the tokenizer does not give back \"",
                                              std::string(text), "\" but \"", back, "\""));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SelfCheckResult> SelfCheck(base::FileSystem& fs, const std::string& path,
                                          const SelfCheckOptions& options) {
  if (options.generate_tokens < 2) return absl::InvalidArgumentError("tokens to generate must be 2 or more");
  SelfCheckResult result;
  engine::EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.context_tokens = options.context_tokens;
  // A start samples a packed file's checksums; here is the place for all of them.
  LINNET_RETURN_IF_ERROR(pack::VerifyIfPacked(fs, path));
  const absl::Time start = absl::Now();
  LINNET_ASSIGN_OR_RETURN(const auto engine, engine::Engine::Load(fs, path, engine_options));
  result.load_seconds = absl::ToDoubleSeconds(absl::Now() - start);
  result.info = engine->info();
  const tokenizer::Tokenizer& tokenizer = engine->tokenizer();
  LINNET_RETURN_IF_ERROR(CheckTokenizer(path, tokenizer));

  engine::GenerateRequest request;
  request.prompt = tokenizer.Encode(kTexts[0], {.add_special = true});
  std::vector<tokenizer::TokenId> tokens = request.prompt;
  const uint64_t room =
      result.info.context_tokens - std::min<uint64_t>(tokens.size(), result.info.context_tokens);
  request.max_tokens = static_cast<uint32_t>(std::min<uint64_t>(options.generate_tokens, room));
  request.constraint = Endless(tokenizer);
  LINNET_ASSIGN_OR_RETURN(const engine::GenerateResult run, engine->Generate(std::move(request)));
  result.generated_tokens = static_cast<uint32_t>(run.ids.size());
  result.first_token_seconds = absl::ToDoubleSeconds(run.queue_time + run.prefill_time);
  const double decode_seconds = absl::ToDoubleSeconds(run.decode_time);
  if (decode_seconds > 0) result.decode_tokens_per_second = (result.generated_tokens - 1) / decode_seconds;

  // What came token by token must follow from all of it at once.
  tokens.insert(tokens.end(), run.ids.begin(), run.ids.end() - 1);
  LINNET_ASSIGN_OR_RETURN(const std::vector<float> logits, engine->Logits(tokens));
  const std::unique_ptr<grammar::Constraint> endless = Endless(tokenizer);
  int32_t best = -1;
  for (int32_t id = 0; id < static_cast<int32_t>(logits.size()); ++id) {
    if (!endless->Allowed().allowed(id)) continue;
    if (best < 0 || logits[static_cast<size_t>(id)] > logits[static_cast<size_t>(best)]) best = id;
  }
  if (best != run.ids.back()) {
    return absl::DataLossError(
        absl::StrCat(path, ": the same tokens give ", best, " at once and ", run.ids.back(), " one by one"));
  }
  if (options.suite.has_value()) {
    LINNET_ASSIGN_OR_RETURN(result.score, RunSuite(*engine, *options.suite));
  }
  result.peak_rss_bytes = PeakRssBytes();
  return result;
}

}  // namespace linnet::tools
