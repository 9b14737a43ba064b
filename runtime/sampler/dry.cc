#include <algorithm>
#include <cstdint>

#include "runtime/base/exact_math.h"
#include "runtime/sampler/stages.h"

// "Don't repeat yourself": p-e-w, oobabooga/text-generation-webui pull request 5677; what a breaker is and
// how it limits, as in llama.cpp's llama-sampler.cpp.
namespace linnet::sampler {
namespace {

// log of the largest float: as far as llama.cpp lets the penalty grow.
constexpr double kMaxLogPenalty = 88.7228391;

// Whether `tail` stands in `newest_first` right before (that is, younger than) place i.
bool Follows(std::span<const int32_t> newest_first, size_t i, const std::vector<int32_t>& tail) {
  if (tail.size() > i) return false;
  for (size_t j = 0; j < tail.size(); ++j) {
    if (newest_first[i - 1 - j] != tail[j]) return false;
  }
  return true;
}

// How many of the newest tokens come after the last breaker.
size_t SinceBreaker(std::span<const int32_t> newest_first, const DryBreakers& breakers) {
  for (size_t i = 0; i < newest_first.size(); ++i) {
    const auto found = breakers.find(newest_first[i]);
    if (found == breakers.end()) continue;
    bool complete = false;
    size_t longest = 0;
    for (const std::vector<int32_t>& tail : found->second) {
      if (!Follows(newest_first, i, tail)) continue;
      complete = true;
      longest = std::max(longest, tail.size());
    }
    if (complete) return i - longest;
  }
  return newest_first.size();
}

// z[k]: how many tokens at place k and on equal those at place 0 and on (Gusfield 1997, section 1.4); z[0] is
// not set. Linear, because every comparison either fails or moves `right` on.
std::vector<size_t> ZFunction(std::span<const int32_t> s) {
  std::vector<size_t> z(s.size(), 0);
  size_t left = 0, right = 0;  // s[left, right) equals s[0, right - left)
  for (size_t k = 1; k < s.size(); ++k) {
    size_t n = k < right ? std::min(right - k, z[k - left]) : 0;
    while (k + n < s.size() && s[n] == s[k + n]) ++n;
    z[k] = n;
    if (k + n > right) {
      left = k;
      right = k + n;
    }
  }
  return z;
}

// By squaring: exact where the result is, and the same everywhere.
double Power(double x, size_t n) {
  double power = 1.0;
  for (; n > 0; n /= 2, x *= x) {
    if (n % 2 == 1) power *= x;
  }
  return power;
}

bool BreaksAlone(const DryBreakers& breakers, int32_t id) {
  const auto found = breakers.find(id);
  return found != breakers.end() && std::any_of(found->second.begin(), found->second.end(),
                                                [](const auto& tail) { return tail.empty(); });
}

}  // namespace

void PenalizeRepeats(Candidates& candidates, std::span<const int32_t> history, const DryBreakers& breakers,
                     const SamplingOptions& options) {
  const size_t allowed = options.dry_allowed_length;
  const size_t reach =
      options.dry_penalty_last_n < 0 ? history.size() : static_cast<size_t>(options.dry_penalty_last_n);
  const auto window = history.last(std::min(reach, history.size()));
  if (window.size() <= allowed) return;
  const std::vector<int32_t> newest_first(window.rbegin(), window.rend());
  const size_t limit = SinceBreaker(newest_first, breakers);
  if (limit < allowed) return;

  // The end of the history, `length` tokens of it, also stands at place k; what came after it there would now
  // make the repeat longer.
  const std::vector<size_t> z = ZFunction(newest_first);
  std::map<int32_t, size_t> longest;
  for (size_t k = 1; k < newest_first.size(); ++k) {
    const size_t length = std::min(z[k], limit);
    if (length < allowed) continue;
    size_t& best = longest[newest_first[k - 1]];
    best = std::max(best, length);
  }
  if (longest.empty()) return;

  const double log_base = base::ExactLog(options.dry_base);
  const size_t most = log_base > 1e-6 ? static_cast<size_t>(kMaxLogPenalty / log_base) : SIZE_MAX;
  candidates.Change([&](Candidate& c) {
    const auto found = longest.find(c.id);
    if (found == longest.end() || BreaksAlone(breakers, c.id)) return;
    c.logit -= static_cast<double>(options.dry_multiplier) *
               Power(options.dry_base, std::min(found->second - allowed, most));
  });
}

}  // namespace linnet::sampler
