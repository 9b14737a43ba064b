#include "runtime/sampler/stages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

// Each stage alone: cases worked out by hand, and properties on random logits with libm's long double.
namespace linnet::sampler {
namespace {

Candidates Of(const std::vector<double>& logits) {
  Candidates c;
  for (size_t i = 0; i < logits.size(); ++i) c.Add(static_cast<int32_t>(i), logits[i]);
  return c;
}

std::vector<double> Logs(const std::vector<double>& probabilities) {
  std::vector<double> logits;
  for (const double p : probabilities) logits.push_back(std::log(p));
  return logits;
}

std::vector<int32_t> Ids(const Candidates& c) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < c.size(); ++i) ids.push_back(c[i].id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<long double> Probabilities(const std::vector<double>& logits) {
  std::vector<long double> p;
  long double total = 0;
  for (const double x : logits) total += p.emplace_back(std::exp(static_cast<long double>(x)));
  for (long double& x : p) x /= total;
  return p;
}

std::vector<double> RandomLogits(std::mt19937& random) {
  std::vector<double> logits(3 + random() % 60);
  for (double& x : logits) x = static_cast<float>(static_cast<double>(random() % 100000) / 12500.0 - 4.0);
  return logits;
}

using Ids32 = std::vector<int32_t>;

TEST(StagesTest, TopKKeepsTheHighestAndTheLowerIdOfEquals) {
  Candidates c = Of({1, 4, 3, 4, 3});
  KeepTopK(c, 3);
  EXPECT_EQ(Ids(c), (Ids32{1, 2, 3}));
  EXPECT_EQ(c[0].id, 1);
  KeepTopK(c, 1000);
  EXPECT_EQ(c.size(), 3u);
}

TEST(StagesTest, TopPKeepsTheFewestThatReachIt) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::vector<double> logits = RandomLogits(random);
    const std::vector<long double> q = Probabilities(logits);
    const double p = 0.05 + 0.9 * static_cast<double>(random() % 1000) / 1000;
    Candidates c = Of(logits);
    KeepTopP(c, p);
    long double sum = 0, least = 1;
    for (size_t i = 0; i < c.size(); ++i) {
      sum += q[static_cast<size_t>(c[i].id)];
      least = std::min(least, q[static_cast<size_t>(c[i].id)]);
    }
    EXPECT_GE(sum, p - 1e-12L);
    EXPECT_LT(sum - least, p + 1e-12L) << "the last was not needed";
    for (size_t id = 0; id < q.size(); ++id) {
      const Ids32 kept = Ids(c);
      if (std::binary_search(kept.begin(), kept.end(), static_cast<int32_t>(id))) continue;
      EXPECT_LE(q[id], least);
    }
  }
}

TEST(StagesTest, MinPIsAShareOfTheLikeliest) {
  Candidates c = Of(Logs({0.5, 0.3, 0.15, 0.05}));
  KeepMinP(c, 0.2999);
  EXPECT_EQ(Ids(c), (Ids32{0, 1, 2}));
  KeepMinP(c, 0.31);
  EXPECT_EQ(Ids(c), (Ids32{0, 1}));
  KeepMinP(c, 0.999);
  EXPECT_EQ(Ids(c), (Ids32{0}));
}

// Entropy of (0.5, 0.25, 0.125, 0.125) is 1.75 bits; the surprises are 1, 2, 3, 3 bits: 1 (0.25 away), 0
// (0.75), then 2 and 3 (1.25).
TEST(StagesTest, TypicalTakesTheNearestToTheEntropy) {
  const std::vector<double> logits = Logs({0.5, 0.25, 0.125, 0.125});
  for (const auto& [p, expected] : std::vector<std::pair<double, Ids32>>{
           {0.1, {1}}, {0.24, {1}}, {0.26, {0, 1}}, {0.74, {0, 1}}, {0.8, {0, 1, 2}}, {0.99, {0, 1, 2, 3}}}) {
    Candidates c = Of(logits);
    KeepTypical(c, p);
    EXPECT_EQ(Ids(c), expected) << p;
  }
}

TEST(StagesTest, TypicalKeepsNoneFartherThanOneItDrops) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    const std::vector<double> logits = RandomLogits(random);
    const std::vector<long double> q = Probabilities(logits);
    long double entropy = 0;
    for (const long double x : q) entropy -= x * std::log(x);
    const auto distance = [&](int32_t id) {
      return std::fabs(-std::log(q[static_cast<size_t>(id)]) - entropy);
    };
    const double p = 0.05 + 0.9 * static_cast<double>(random() % 1000) / 1000;
    Candidates c = Of(logits);
    KeepTypical(c, p);
    const Ids32 kept = Ids(c);
    long double farthest = 0, sum = 0, last = 0;
    for (const int32_t id : kept) {
      sum += q[static_cast<size_t>(id)];
      if (distance(id) >= farthest) farthest = distance(id), last = q[static_cast<size_t>(id)];
    }
    for (int32_t id = 0; id < static_cast<int32_t>(q.size()); ++id) {
      if (std::binary_search(kept.begin(), kept.end(), id)) continue;
      EXPECT_GE(distance(id), farthest - 1e-12L);
    }
    EXPECT_GT(sum, p - 1e-12L);
    EXPECT_LE(sum - last, p + 1e-12L) << "the last was not needed";
  }
}

// Mean 4, standard deviation 2 (of 1, 3, 5, 7: squares 9 1 1 9, mean 5): sigma = sqrt(5) = 2.236.
TEST(StagesTest, TopNSigmaCountsFromTheHighest) {
  for (const auto& [n, expected] :
       std::vector<std::pair<double, Ids32>>{{0.5, {3}}, {0.9, {2, 3}}, {1.7, {2, 3}}, {1.8, {1, 2, 3}}}) {
    Candidates c = Of({1, 3, 5, 7});
    KeepTopNSigma(c, n);
    EXPECT_EQ(Ids(c), expected) << n;
  }
}

TEST(StagesTest, XtcDropsAllAboveTheThresholdButTheLeast) {
  const std::vector<double> logits = Logs({0.1, 0.4, 0.3, 0.2});
  const auto kept = [&](double probability, double threshold, double u) {
    Candidates c = Of(logits);
    ExcludeTopChoices(c, probability, threshold, u);
    return Ids(c);
  };
  EXPECT_EQ(kept(1.0, 0.15, 0.999), (Ids32{0, 3}));      // 0.4 and 0.3 go, 0.2 is the least above
  EXPECT_EQ(kept(1.0, 0.25, 0.0), (Ids32{0, 2, 3}));     // 0.4 goes
  EXPECT_EQ(kept(1.0, 0.35, 0.0), (Ids32{0, 1, 2, 3}));  // one alone above stays
  EXPECT_EQ(kept(1.0, 0.45, 0.0), (Ids32{0, 1, 2, 3}));  // none above
  EXPECT_EQ(kept(1.0, 0.51, 0.0), (Ids32{0, 1, 2, 3}));
  EXPECT_EQ(kept(0.5, 0.15, 0.4999), (Ids32{0, 3}));  // the coin
  EXPECT_EQ(kept(0.5, 0.15, 0.5), (Ids32{0, 1, 2, 3}));
  EXPECT_EQ(kept(0.0, 0.15, 0.0), (Ids32{0, 1, 2, 3}));
  EXPECT_EQ(kept(1.0, 0.0, 0.0), (Ids32{0}));  // threshold 0: only the least likely of all is left
}

TEST(StagesTest, PenaltiesCountAndLookBackAWindow) {
  SamplingOptions options;
  options.repetition_penalty = 2.0f;
  options.frequency_penalty = 0.5f;
  options.presence_penalty = 0.25f;
  options.repetition_window = 4;
  Candidates c = Of({3.0, -1.0, 5.0, 0.0});
  const std::vector<int32_t> history = {2, 0, 1, 0, 3};  // token 2 is out of the window
  Penalize(c, history, options);
  EXPECT_DOUBLE_EQ(c[0].logit, 3.0 / 2 - 2 * 0.5 - 0.25);
  EXPECT_DOUBLE_EQ(c[1].logit, -1.0 * 2 - 0.5 - 0.25);
  EXPECT_DOUBLE_EQ(c[2].logit, 5.0);
  EXPECT_DOUBLE_EQ(c[3].logit, 0.0 - 0.5 - 0.25);
}

TEST(StagesTest, DynamicTemperatureGoesFromLeastToMost) {
  SamplingOptions options;
  options.temperature = 1.0f;
  options.dynatemp_range = 0.5f;
  Candidates flat = Of({2, 2, 2, 2});  // entropy at its maximum: temperature 1.5
  ApplyTemperature(flat, options);
  EXPECT_NEAR(flat[0].logit, 2 / 1.5, 1e-14);
  Candidates certain = Of({900, 0});  // entropy 0: temperature 0.5
  ApplyTemperature(certain, options);
  EXPECT_NEAR(certain[0].logit, 1800, 1e-9);
  // p = (0.8, 0.2): entropy 0.7219281 bits of 1.
  Candidates between = Of(Logs({0.8, 0.2}));
  options.dynatemp_exponent = 2.0f;
  ApplyTemperature(between, options);
  EXPECT_NEAR(between[0].logit, std::log(0.8) / (0.5 + std::pow(0.72192809488736234787, 2)), 1e-12);
}

TEST(StagesTest, MirostatTruncatesDrawsAndLearns) {
  const std::vector<double> logits = Logs({0.5, 0.25, 0.125, 0.0625, 0.0625});  // 1, 2, 3, 4, 4 bits
  Mirostat mirostat(1.25, 0.5);
  EXPECT_DOUBLE_EQ(mirostat.mu(), 2.5);
  Candidates c = Of(logits);
  // 1 and 2 bits stay: probabilities 2/3 and 1/3. 0.7 is in the second's part: its surprise is log2 3.
  EXPECT_EQ(c[mirostat.Choose(c, 0.7)].id, 1);
  EXPECT_EQ(Ids(c), (Ids32{0, 1}));
  const double mu = 2.5 - 0.5 * (std::log2(3.0) - 1.25);
  EXPECT_NEAR(mirostat.mu(), mu, 1e-14);
  c = Of(logits);
  EXPECT_EQ(c[mirostat.Choose(c, 0.5)].id, 0);
  EXPECT_NEAR(mirostat.mu(), mu - 0.5 * (std::log2(1.5) - 1.25), 1e-14);
  // A target of 0 leaves the likeliest alone, whatever its surprise.
  Mirostat strict(0.0, 0.1);
  c = Of(logits);
  EXPECT_EQ(c[strict.Choose(c, 0.99)].id, 0);
  EXPECT_DOUBLE_EQ(strict.mu(), 0.0);
}

TEST(StagesTest, DrawDividesTheLine) {
  const std::vector<double> logits = Logs({0.2, 0.5, 0.3});  // in order: id 1, 2, 0
  for (const auto& [u, id] : std::vector<std::pair<double, int32_t>>{
           {0.0, 1}, {0.4999, 1}, {0.5001, 2}, {0.7999, 2}, {0.8001, 0}, {0.999999, 0}}) {
    Candidates c = Of(logits);
    EXPECT_EQ(c[Draw(c, u)].id, id) << u;
  }
}

}  // namespace
}  // namespace linnet::sampler
