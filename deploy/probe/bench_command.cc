#include "deploy/probe/bench_command.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/kv_flag.h"
#include "deploy/probe/output.h"
#include "deploy/probe/progress.h"
#include "runtime/base/file_system.h"
#include "runtime/base/utf8.h"
#include "runtime/tools/roofline.h"

namespace linnet::probe {
namespace {

using nlohmann::json;

constexpr uint64_t kMostCompareBytes = 16u << 20;

// A figure of the result: under this key in JSON, and so shown to people.
struct Figure {
  const char* key;
  const char* unit;
  double factor;  // from JSON's unit to the one shown
  int digits;
  bool more_is_better;
  double tools::BenchRun::* of_run;  // null: of the whole process
};
constexpr Figure kFigures[] = {
    {"prefill_tokens_per_second", "tokens/s", 1, 1, true, &tools::BenchRun::prefill_tokens_per_second},
    {"decode_tokens_per_second", "tokens/s", 1, 1, true, &tools::BenchRun::decode_tokens_per_second},
    {"first_token_seconds", "s", 1, 3, false, &tools::BenchRun::first_token_seconds},
    {"load_seconds", "s", 1, 3, false, &tools::BenchRun::load_seconds},
    {"peak_rss_bytes", "MiB", 1.0 / (1 << 20), 1, false, nullptr},
};
constexpr const char* kNotesToCompare[] = {"prompt_tokens", "generate_tokens", "decode_depth", "threads"};

std::string NameOf(const Figure& figure, const json& run) {
  const std::string_view key = figure.key;
  if (key.starts_with("prefill")) return absl::StrCat("prefill of ", run["prompt_tokens"].get<int64_t>());
  if (key.starts_with("decode")) {
    return absl::StrCat("decode of ", run["generate_tokens"].get<int64_t>(), " at depth ",
                        run["decode_depth"].get<int64_t>());
  }
  if (key.starts_with("first")) return "first token";
  return key.starts_with("load") ? "load" : "peak memory";
}

double ValueOf(const Figure& figure, const tools::BenchResult& result) {
  return figure.of_run == nullptr ? static_cast<double>(result.peak_rss_bytes) : result.median.*figure.of_run;
}

// Of several sessions; not compared with another measurement, which may have had another number of them.
void AddTogether(const tools::BenchRun& run, json& to) {
  to["together_tokens_per_second"] = run.together_tokens_per_second;
  to["together_ratio"] = run.together_ratio;
}

// What decode reads of the output head.
json HeadOf(const tools::BenchRun& run) {
  return {{"bytes_per_token", run.head_bytes_per_token},
          {"screened_percent", run.head_screened_percent},
          {"fallback_percent", run.head_fallback_percent},
          {"candidates_per_token", run.head_candidates_per_token}};
}

json ToJson(const tools::BenchResult& result, const tools::BenchOptions& options) {
  json runs = json::array();
  for (const tools::BenchRun& run : result.runs) {
    json one;
    for (const Figure& figure : kFigures) {
      if (figure.of_run != nullptr) one[figure.key] = run.*figure.of_run;
    }
    if (options.sessions > 1) AddTogether(run, one);
    one["head"] = HeadOf(run);
    runs.push_back(one);
  }
  json out = {{"prompt_tokens", options.prompt_tokens}, {"generate_tokens", options.generate_tokens},
              {"decode_depth", result.decode_depth},    {"repeat", options.repeat},
              {"threads", result.info.threads},         {"runs", runs},
              {"model", Describe(result.info)}};
  for (const Figure& figure : kFigures) out[figure.key] = ValueOf(figure, result);
  out["memory_over_model_bytes"] = result.memory_over_model_bytes;
  out["barriers_per_token"] = result.median.barriers_per_token;
  out["head"] = HeadOf(result.median);
  out["sessions"] = options.sessions;
  if (options.sessions > 1) AddTogether(result.median, out);
  return out;
}

// The shares of what the machine can do that the model's speed comes to.
json ToJson(const tools::Machine& machine, const tools::ModelCost& cost, const tools::BenchResult& result) {
  json peaks = json::array();
  for (const tools::MachinePeak& peak : machine.peaks) {
    peaks.push_back({{"threads", peak.threads},
                     {"read_bytes_per_second", peak.read_bytes_per_second},
                     {"int8_operations_per_second", peak.int8_operations_per_second}});
  }
  const tools::MachinePeak& at = machine.peaks.back();
  // Of the head what was read, and of the rest all.
  const double weight_bytes =
      static_cast<double>(cost.weight_bytes - cost.head_bytes) + result.median.head_bytes_per_token;
  const double decode_bytes =
      (weight_bytes + static_cast<double>(cost.kv_bytes)) * result.median.decode_tokens_per_second;
  const double prefill_operations =
      static_cast<double>(cost.prefill_operations) * result.median.prefill_tokens_per_second;
  return {{"int8_instructions", machine.int8_instructions},
          {"buffer_bytes", machine.buffer_bytes},
          {"peaks", peaks},
          {"weight_bytes_per_token", weight_bytes},
          {"kv_bytes_per_token", cost.kv_bytes},
          {"prefill_operations_per_token", cost.prefill_operations},
          {"decode_bytes_per_second", decode_bytes},
          {"decode_share_of_read_bandwidth", decode_bytes / at.read_bytes_per_second},
          {"prefill_operations_per_second", prefill_operations},
          {"prefill_share_of_int8_peak", prefill_operations / at.int8_operations_per_second}};
}

// The other measurement, if it is one.
absl::StatusOr<json> ReadOther(const std::string& path) {
  const auto text = base::FileSystem::Real().ReadFile(path, kMostCompareBytes);
  if (!text.ok()) return text.status();
  json other = json::parse(*text, nullptr, false);
  const auto wrong = [&](const std::string& what) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", what, "; expected what linnet model bench --json prints"));
  };
  if (!other.is_object()) return wrong("is no JSON object");
  for (const Figure& figure : kFigures) {
    const auto at = other.find(figure.key);
    if (at == other.end() || !at->is_number() || at->get<double>() <= 0) {
      return wrong(absl::StrCat("has no number above 0 under \"", figure.key, "\""));
    }
  }
  for (const char* key : kNotesToCompare) {
    if (other.contains(key) && !other[key].is_number_integer()) {
      return wrong(absl::StrCat("has no whole number under \"", key, "\""));
    }
  }
  // What it was measured with before there was a depth to choose.
  if (!other.contains("decode_depth") && other.contains("prompt_tokens")) {
    other["decode_depth"] = other["prompt_tokens"];
  }
  return other;
}

// Above 1: this one is better.
json Ratios(const json& run, const json& other) {
  json ratios;
  for (const Figure& figure : kFigures) {
    const double mine = run[figure.key].get<double>(), theirs = other[figure.key].get<double>();
    ratios[figure.key] = figure.more_is_better ? mine / theirs : theirs / mine;
  }
  return ratios;
}

// Where the two were not asked for the same: "threads 1 and 2".
std::string Differences(const json& run, const json& other) {
  std::vector<std::string> differences;
  for (const char* key : kNotesToCompare) {
    if (!other.contains(key) || other[key] == run[key]) continue;
    differences.push_back(absl::StrCat(key, " ", run[key].dump(), " and ", other[key].dump()));
  }
  return absl::StrJoin(differences, ", ");
}

std::string Shown(const Figure& figure, double value) {
  return absl::StrFormat("%.*f", figure.digits, value * figure.factor);
}

void PrintFigures(const json& run, const tools::BenchResult& result, const std::optional<json>& other) {
  const bool ranges = result.runs.size() > 1;
  std::printf("%-28s %10s %-8s", "", "median", "");
  if (other) std::printf(" %10s %8s", "the other", "ratio");
  std::printf("%s\n", ranges ? "   from .. to" : "");
  const json ratios = other ? Ratios(run, *other) : json();
  for (const Figure& figure : kFigures) {
    std::printf("%-28s %10s %-8s", NameOf(figure, run).c_str(),
                Shown(figure, run[figure.key].get<double>()).c_str(), figure.unit);
    if (other) {
      std::printf(" %10s %7.2fx", Shown(figure, (*other)[figure.key].get<double>()).c_str(),
                  ratios[figure.key].get<double>());
    }
    if (figure.of_run != nullptr && ranges) {
      const auto [least, most] = std::minmax_element(
          result.runs.begin(), result.runs.end(),
          [&](const auto& a, const auto& b) { return a.*figure.of_run < b.*figure.of_run; });
      std::printf("   %s .. %s", Shown(figure, (*least).*figure.of_run).c_str(),
                  Shown(figure, (*most).*figure.of_run).c_str());
    }
    std::printf("\n");
  }
  std::printf("%-28s %10.1f MiB\n", "beyond weights, keys, values",
              static_cast<double>(result.memory_over_model_bytes) / (1 << 20));
  if (!other) return;
  std::printf("ratio above 1x: this one is better than the other\n");
  if (const std::string differences = Differences(run, *other); !differences.empty()) {
    std::printf("careful: they were not asked for the same (this and the other): %s\n", differences.c_str());
  }
}

void PrintRoofline(const json& roofline) {
  std::printf("\nwhat this machine can do\n");
  for (const json& peak : roofline["peaks"]) {
    const int threads = peak["threads"].get<int>();
    std::printf("  %2d %-8s %6.1f GB/s read, %7.0f GOPS of 8 bits (%s)\n", threads,
                threads == 1 ? "thread" : "threads", peak["read_bytes_per_second"].get<double>() / 1e9,
                peak["int8_operations_per_second"].get<double>() / 1e9,
                roofline["int8_instructions"].get<std::string>().c_str());
  }
  const auto number = [&](const char* key) { return roofline[key].get<double>(); };
  std::printf("what this model makes of it\n");
  std::printf("  decode   %8.2f MB a token (weights %.2f, keys and values %.2f): %.1f GB/s, %.0f %%\n",
              (number("weight_bytes_per_token") + number("kv_bytes_per_token")) / 1e6,
              number("weight_bytes_per_token") / 1e6, number("kv_bytes_per_token") / 1e6,
              number("decode_bytes_per_second") / 1e9, 100 * number("decode_share_of_read_bandwidth"));
  std::printf("  prefill  %8.2f MOP a token (matrices of the blocks): %.0f GOPS, %.0f %%\n",
              number("prefill_operations_per_token") / 1e6, number("prefill_operations_per_second") / 1e9,
              100 * number("prefill_share_of_int8_peak"));
}

}  // namespace

int BenchCommand::Run() const {
  std::optional<nlohmann::json> other;
  if (!compare.empty()) {
    auto read = ReadOther(compare);
    if (!read.ok()) return Fail(compare, read.status(), Phase::kFile, json);
    other = *std::move(read);
  }
  const auto path = model_flags.Resolve(file);
  if (!path.ok()) return Fail(file, path.status(), Phase::kFile, json);
  ProgressBar bar;
  base::FileSystem& fs = base::FileSystem::Real();
  const auto result = tools::Bench(fs, *path, options, bar.Listener());
  bar.Clear();
  if (!result.ok()) {
    const bool request = result.status().code() == absl::StatusCode::kOutOfRange;
    return Fail(file, result.status(), request ? Phase::kRequest : Phase::kFile, json);
  }
  nlohmann::json out = ToJson(*result, options);
  if (roofline) {
    const auto cost = tools::CostOf(fs, *path, result->info.kv, result->decode_depth, result->decode_tokens);
    if (!cost.ok()) return Fail(file, cost.status(), Phase::kFile, json);
    const auto machine = tools::MeasureMachine(result->info.threads);
    if (!machine.ok()) return Fail("", machine.status(), Phase::kRequest, json);
    out["roofline"] = ToJson(*machine, *cost, *result);
  }
  if (json) {
    if (other) out["compare"] = {{"other", *other}, {"ratios", Ratios(out, *other)}};
    Print(out);
    return kOk;
  }
  const engine::ModelInfo& info = result->info;
  std::printf("%s: %s, %.1f MiB; kernels %s, %d %s, keys and values %s; %u %s\n\n",
              base::OneLine(info.name.empty() ? file : info.name, 60).c_str(), info.architecture.c_str(),
              static_cast<double>(info.file_bytes) / (1 << 20), info.kernel_set.c_str(), info.threads,
              info.threads == 1 ? "thread" : "threads", KvName(info.kv), options.repeat,
              options.repeat == 1 ? "run" : "runs");
  PrintFigures(out, *result, other);
  if (options.sessions > 1) {
    std::printf("%u sessions together %18.1f tokens/s, %.2fx of one alone\n", options.sessions,
                result->median.together_tokens_per_second, result->median.together_ratio);
  }
  const tools::BenchRun& median = result->median;
  if (median.head_screened_percent + median.head_fallback_percent > 0) {
    std::printf("output head %25.2f MB a token; %.0f %% of tokens without all of it, %.0f candidates each\n",
                median.head_bytes_per_token / 1e6, median.head_screened_percent,
                median.head_candidates_per_token);
  }
  if (roofline) PrintRoofline(out["roofline"]);
  return kOk;
}

void BenchCommand::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* sub = model->add_subcommand("bench", "how fast; medians");
  sub->add_option("file", file, "GGUF file or packed file")->required();
  model_flags.Add(sub);
  AddKvFlag(sub, options.kv);
  sub->add_option("--prompt-tokens", options.prompt_tokens, "of the prompt that is timed")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1u << 20));
  sub->add_option("--generate", options.generate_tokens, "tokens that are decoded")
      ->capture_default_str()
      ->check(CLI::Range(2u, 1u << 20));
  sub->add_option("--depth", options.depth, "decode after so many tokens; else after the prompt")
      ->check(CLI::Range(0u, 1u << 20));
  sub->add_option("--threads", options.threads, "0: choose")->check(CLI::Range(0, 64));
  sub->add_option("--sessions", options.sessions, "also so many decoding together; 1: not")
      ->capture_default_str()
      ->check(CLI::Range(1u, 64u));
  sub->add_option("--repeat", options.repeat, "runs, each with a fresh load")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1000u));
  sub->add_flag("--huge-pages", options.huge_pages,
                "read a packed file into huge pages, as an agent does, instead of mapping it");
  sub->add_option("--compare", compare, "file with what bench --json printed of another run");
  sub->add_flag("--roofline", roofline, "also what the machine can do, and the share that is reached");
  sub->add_flag("--json", json, "one JSON object on standard output");
  sub->footer(
      "Prompts are random tokens. decode counts tokens that go through the model alone, sampling included;\n"
      "with --sessions N also those of N sessions that go through it together, and how that compares.\n"
      "--roofline reads memory with 1 to T threads, and multiplies 8-bit numbers in registers; decode's "
      "bytes\n"
      "are the weights and the keys and values that a token reads, prefill's operations those of the\n"
      "blocks' matrices.");
  sub->callback([this, &run] { run = [this] { return Run(); }; });
}

}  // namespace linnet::probe
