#include "runtime/engine/thread_counts.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/string_view.h"

namespace linnet::engine {
namespace {

constexpr char kHeader[] = "linnet-threads-1";
constexpr size_t kMostLines = 32;
constexpr uint64_t kMostBytes = 16 << 10;

constexpr size_t kPrefillTokens = 12, kDecodeTokens = 4;
constexpr int kRounds = 3;
// A round more is begun within it.
constexpr absl::Duration kEnough = absl::Seconds(1);
// Of its wall clock, what a single thread has to get of a core.
constexpr double kUndisturbed = 0.9;

absl::Duration ThreadTime() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

// Which processor it is: a card may be put into another board.
std::string Processor() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("model name") || line.starts_with("CPU part")) return line;
  }
  return "";
}

struct Entry {
  std::string key;
  ThreadCounts counts;
};

std::vector<Entry> Parse(const std::string& text) {
  std::vector<Entry> entries;
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kHeader) return entries;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    Entry entry;
    if (!(words >> entry.key >> entry.counts.decode >> entry.counts.prefill) || !words.eof()) return {};
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

int FewestNearFastest(std::span<const absl::Duration> times) {
  const absl::Duration fastest = *std::min_element(times.begin(), times.end());
  const auto near = std::find_if(times.begin(), times.end(),
                                 [&](absl::Duration time) { return time <= fastest + fastest / 20; });
  return static_cast<int>(near - times.begin()) + 1;
}

std::optional<ThreadCounts> MeasureThreads(model::Transformer& model, base::ThreadPool& pool) {
  const auto most = static_cast<size_t>(pool.threads());
  const size_t chunk = std::min<size_t>(kPrefillTokens, model.max_batch());
  const auto kv = model::KvCache::Create(model.config(), kPrefillTokens + kDecodeTokens,
                                         model::KvTypeFor(model.weights()));
  if (!kv.ok()) return std::nullopt;
  const std::array<int32_t, kPrefillTokens> tokens = {};
  std::vector<float> logits(model.config().vocabulary);
  std::vector<absl::Duration> prefill(most, absl::InfiniteDuration()), decode = prefill;
  absl::Duration alone, of_core;  // with one thread: how long it took, and what it got
  const absl::Time begun = absl::Now();
  for (int round = 0; round < kRounds && (round == 0 || absl::Now() - begun < kEnough); ++round) {
    for (size_t count = 1; count <= most; ++count) {
      pool.Limit(static_cast<int>(count));
      (*kv)->Truncate(0);
      const absl::Duration cpu = ThreadTime();
      const absl::Time start = absl::Now();
      model.Forward(std::span(tokens).first(chunk), **kv, {});
      const absl::Time middle = absl::Now();
      for (size_t i = 0; i < kDecodeTokens; ++i) model.Forward(std::span(tokens).first(1), **kv, logits);
      const absl::Time end = absl::Now();
      prefill[count - 1] = std::min(prefill[count - 1], middle - start);
      decode[count - 1] = std::min(decode[count - 1], end - middle);
      if (count > 1) continue;
      alone += end - start;
      of_core += ThreadTime() - cpu;
    }
  }
  pool.Limit(static_cast<int>(most));
  if (of_core < kUndisturbed * alone) return std::nullopt;
  return ThreadCounts{FewestNearFastest(decode), FewestNearFastest(prefill)};
}

std::string ThreadFile::KeyOf(const base::Sha256Digest& model, std::string_view kernel_set, int most) {
  const std::string what = absl::StrCat(base::Hex(base::AsView(model)), "\n", base::ToAbsl(kernel_set), "\n",
                                        most, "\n", Processor());
  return base::Hex(base::AsView(base::Sha256(what)));
}

std::optional<ThreadCounts> ThreadFile::Find(std::string_view key) {
  const absl::StatusOr<std::string> text = fs_.ReadFile(path_, kMostBytes);
  if (!text.ok()) return std::nullopt;
  for (const Entry& entry : Parse(*text)) {
    if (entry.key == key) return entry.counts;
  }
  return std::nullopt;
}

absl::Status ThreadFile::Keep(std::string_view key, ThreadCounts counts) {
  std::string text =
      absl::StrCat(kHeader, "\n", base::ToAbsl(key), " ", counts.decode, " ", counts.prefill, "\n");
  size_t lines = 1;
  if (const absl::StatusOr<std::string> old = fs_.ReadFile(path_, kMostBytes); old.ok()) {
    for (const Entry& entry : Parse(*old)) {
      if (entry.key == key || ++lines > kMostLines) continue;
      absl::StrAppend(&text, entry.key, " ", entry.counts.decode, " ", entry.counts.prefill, "\n");
    }
  }
  return fs_.WriteFileAtomic(path_, text, 0600);
}

}  // namespace linnet::engine
