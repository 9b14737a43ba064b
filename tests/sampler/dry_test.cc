#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "runtime/sampler/stages.h"

namespace linnet::sampler {
namespace {

std::vector<int32_t> Tokens(const std::string& letters) { return {letters.begin(), letters.end()}; }

// What is subtracted from each letter's logit, where anything is.
std::map<char, double> Penalties(const std::string& history, const SamplingOptions& options,
                                 const DryBreakers& breakers = {}) {
  Candidates c;
  for (char letter = 'a'; letter <= 'z'; ++letter) c.Add(letter, 0.0);
  PenalizeRepeats(c, Tokens(history), breakers, options);
  std::map<char, double> found;
  for (size_t i = 0; i < c.size(); ++i) {
    if (c[i].logit != 0.0) found[static_cast<char>(c[i].id)] = -c[i].logit;
  }
  return found;
}

// multiplier 1, base 2: the penalty is 2 to the power of how much longer than allowed the repeat is.
SamplingOptions Powers(uint32_t allowed) {
  SamplingOptions options;
  options.dry_multiplier = 1.0f;
  options.dry_base = 2.0f;
  options.dry_allowed_length = allowed;
  return options;
}

using Found = std::map<char, double>;

// The worked example of the authors: after "abccbcyabc", c would repeat "abc" (3 long), y "bc" (2), b "c"
// (1).
TEST(DryTest, PenalizesWhatWouldGoOnByTheLongestMatch) {
  EXPECT_EQ(Penalties("abccbcyabc", Powers(1)), (Found{{'c', 4}, {'y', 2}, {'b', 1}}));
  EXPECT_EQ(Penalties("abccbcyabc", Powers(2)), (Found{{'c', 2}, {'y', 1}}));
  EXPECT_EQ(Penalties("abccbcyabc", Powers(3)), (Found{{'c', 1}}));
  EXPECT_EQ(Penalties("abccbcyabc", Powers(4)), Found());
}

TEST(DryTest, OverlappingRepeatsCount) {
  EXPECT_EQ(Penalties("aaaa", Powers(1)), (Found{{'a', 4}}));  // "aaa" stands one earlier
  EXPECT_EQ(Penalties("xabab", Powers(2)), (Found{{'a', 1}}));
}

TEST(DryTest, LooksBackOnlySoFar) {
  SamplingOptions options = Powers(2);
  options.dry_penalty_last_n = 5;
  EXPECT_EQ(Penalties("abcxxab", options), Found());
  options.dry_penalty_last_n = 6;
  EXPECT_EQ(Penalties("abcxxab", options), Found());  // only "b" is inside
  options.dry_penalty_last_n = 7;
  EXPECT_EQ(Penalties("abcxxab", options), (Found{{'c', 1}}));
  options.dry_penalty_last_n = -1;
  EXPECT_EQ(Penalties("abcxxab", options), (Found{{'c', 1}}));
}

TEST(DryTest, ABreakerEndsTheMatchAndIsNeverPenalized) {
  const DryBreakers newline = {{'n', {{}}}};
  // The match "abnab" is cut to "ab", the part after the breaker.
  EXPECT_EQ(Penalties("abnabcxabnab", Powers(1)), (Found{{'c', 16}, {'n', 2}}));
  EXPECT_EQ(Penalties("abnabcxabnab", Powers(1), newline), (Found{{'c', 2}}));
  // A breaker at the very end leaves nothing to match.
  EXPECT_EQ(Penalties("abnabn", Powers(1), newline), Found());
}

TEST(DryTest, ABreakerOfSeveralTokensNeedsThemAll) {
  const DryBreakers role = {{'q', {{'r', 's'}, {'r'}}}};  // "qrs" or "qr"
  EXPECT_EQ(Penalties("xqrabcyxqrab", Powers(1), role), (Found{{'c', 2}}));
  EXPECT_EQ(Penalties("xqabcyxqab", Powers(1), role), (Found{{'c', 8}}));      // q alone is none
  EXPECT_EQ(Penalties("xqrsabcyxqrsab", Powers(1), role), (Found{{'c', 2}}));  // the longer one counts
  EXPECT_EQ(Penalties("abqabq", Powers(1), role), (Found{{'a', 4}}));          // and is not forbidden
}

// The longest number of letters before `at` that also end the history, by trying.
size_t MatchBefore(const std::string& history, size_t at) {
  size_t n = 0;
  while (n < at && n < history.size() && history[at - 1 - n] == history[history.size() - 1 - n]) ++n;
  return n;
}

TEST(DryTest, IsTheDefinitionOnRandomTexts) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    std::string history;
    const size_t size = 3 + random() % 60;
    for (size_t i = 0; i < size; ++i) history += static_cast<char>('a' + random() % 3);
    const auto allowed = static_cast<uint32_t>(random() % 4);
    // The letter c breaks in every other round.
    const bool breaks = round % 2 == 1;
    size_t limit = history.size();
    if (breaks)
      limit = std::min(limit, history.size() - 1 - std::min(history.size() - 1, history.rfind('c')));
    if (breaks && history.find('c') == std::string::npos) limit = history.size();
    Found expected;
    for (size_t at = 1; at < history.size(); ++at) {
      const size_t match = std::min(MatchBefore(history, at), limit);
      if (match < allowed || (breaks && history[at] == 'c') || limit < allowed) continue;
      double& penalty = expected[history[at]];
      penalty = std::max(penalty, std::pow(2.0, static_cast<double>(match - allowed)));
    }
    const Found found =
        Penalties(history, Powers(allowed), breaks ? DryBreakers{{'c', {{}}}} : DryBreakers{});
    ASSERT_EQ(found.size(), expected.size()) << history << " allowed " << allowed;
    for (const auto& [letter, penalty] : expected) {
      EXPECT_NEAR(found.at(letter), penalty, 1e-12 * penalty) << history << " allowed " << allowed;
    }
  }
}

TEST(DryTest, ALongRepeatStaysFinite) {
  SamplingOptions options = Powers(1);
  options.dry_base = 100.0f;
  options.dry_multiplier = 1000.0f;
  const Found found = Penalties(std::string(3000, 'a'), options);
  EXPECT_GT(found.at('a'), 1e30);
  EXPECT_TRUE(std::isfinite(found.at('a')));
}

}  // namespace
}  // namespace linnet::sampler
