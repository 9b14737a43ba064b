#include "runtime/sampler/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "runtime/sampler/philox.h"
#include "tests/support/status_matchers.h"

namespace linnet::sampler {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

// Everything off but what a test turns on.
SamplingOptions Off(float temperature = 1.0f) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = 0;
  options.top_p = 1.0f;
  options.min_p = 0.0f;
  return options;
}

std::map<int32_t, int> Draw(const SamplingOptions& options, const std::vector<float>& logits, int draws,
                            const std::vector<int32_t>& history = {}) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i) {
    const auto id = sampler.Sample(logits, nullptr, history, static_cast<uint64_t>(i));
    EXPECT_THAT(id, IsOk());
    ++counts[*id];
  }
  return counts;
}

// Where it is said that a few logits decide, the others may be gone.
TEST(SamplerTest, SaysHowManyLogitsDecide) {
  EXPECT_EQ(Sampler(SamplingOptions()).Decisive(), 1u);  // greedy
  EXPECT_EQ(Sampler(Off(0.0f)).Decisive(), 1u);
  EXPECT_EQ(Sampler(Off()).Decisive(), 0u);
  SamplingOptions top = Off();
  top.top_k = 40;
  EXPECT_EQ(Sampler(top).Decisive(), 40u);
  top.top_p = 0.9f;
  top.min_p = 0.1f;
  EXPECT_EQ(Sampler(top).Decisive(), 40u);
  SamplingOptions other = top;
  other.repetition_penalty = 1.1f;
  EXPECT_EQ(Sampler(other).Decisive(), 0u);
  other = top;
  other.top_n_sigma = 2.0f;
  EXPECT_EQ(Sampler(other).Decisive(), 0u);
  other = top;
  other.logit_bias = {{3, 1.0f}};
  EXPECT_EQ(Sampler(other).Decisive(), 0u);
  other = top;
  other.mirostat = 2;
  EXPECT_EQ(Sampler(other).Decisive(), 0u);
  other = top;
  other.order = {Stage::kTypicalP, Stage::kTopK, Stage::kTemperature};
  EXPECT_EQ(Sampler(other).Decisive(), 40u);  // typical_p is off
  other.typical_p = 0.5f;
  EXPECT_EQ(Sampler(other).Decisive(), 0u);
  other = top;
  other.temperature = 0.0f;
  other.dry_multiplier = 1.0f;
  EXPECT_EQ(Sampler(other).Decisive(), 0u);
}

TEST(SamplerTest, LogitsThatDoNotDecideMayBeMinusInfinity) {
  std::vector<float> logits(500);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 37 % 101) * 0.1f;
  SamplingOptions options;
  options.temperature = 1.0f;
  options.top_k = 12;
  std::vector<float> sorted = logits;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  std::vector<float> few = logits;
  for (float& logit : few) {
    if (logit < sorted[11]) logit = -std::numeric_limits<float>::infinity();
  }
  Sampler whole(options), cut(options);
  for (uint64_t position = 0; position < 300; ++position) {
    EXPECT_EQ(*whole.Sample(logits, nullptr, {}, position), *cut.Sample(few, nullptr, {}, position));
  }
}

// Known answers of the authors' library (Random123, kat_vectors, philox4x32 10).
TEST(PhiloxTest, GivesTheKnownAnswers) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t f = 0xffffffff;
  EXPECT_EQ(Philox({f, f, f, f}, {f, f}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, UniformStaysBelowOne) {
  for (uint64_t i = 0; i < 1000; ++i) {
    const double u = Uniform(7, i, Purpose::kDraw);
    EXPECT_GE(u, 0.0);
    EXPECT_LT(u, 1.0);
  }
}

TEST(SamplerTest, GreedyTakesTheLowerIdOfEquals) {
  EXPECT_EQ(Draw(Off(0.0f), {1, 5, 5, 2}, 1), (std::map<int32_t, int>{{1, 1}}));
  SamplingOptions penalized = Off(0.0f);
  penalized.repetition_penalty = 1.5f;
  EXPECT_EQ(Draw(penalized, {1, 5, 5, 2}, 1), (std::map<int32_t, int>{{1, 1}}));
}

TEST(SamplerTest, DrawsInProportion) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto counts = Draw(Off(), logits, 20000);
  // Five standard deviations of a binomial.
  EXPECT_NEAR(counts.at(0), 10000, 5 * std::sqrt(20000 * 0.25));
  EXPECT_NEAR(counts.at(1), 6000, 5 * std::sqrt(20000 * 0.21));
  EXPECT_NEAR(counts.at(2), 4000, 5 * std::sqrt(20000 * 0.16));
}

TEST(SamplerTest, SeedAndPositionDecideAlone) {
  const std::vector<float> logits(100, 0.0f);
  SamplingOptions options = Off();
  options.seed = 42;
  std::vector<int32_t> first, second, other;
  Sampler a(options), b(options);
  options.seed = 43;
  Sampler c(options);
  for (uint64_t i = 0; i < 50; ++i) {
    first.push_back(*a.Sample(logits, nullptr, {}, i));
    second.push_back(*b.Sample(logits, nullptr, {}, i));
    other.push_back(*c.Sample(logits, nullptr, {}, i));
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
}

TEST(SamplerTest, TopKKeepsTheHighest) {
  SamplingOptions options = Off();
  options.top_k = 2;
  const auto counts = Draw(options, {0.1f, 0.4f, 0.3f, 0.4f}, 500);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.contains(1));
  EXPECT_TRUE(counts.contains(3));
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options = Off();
  options.top_p = 0.75f;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto counts = Draw(options, logits, 500);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_FALSE(counts.contains(2));
}

TEST(SamplerTest, MinPIsRelativeToTheLikeliest) {
  SamplingOptions options = Off();
  options.min_p = 0.5f;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto counts = Draw(options, logits, 500);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_FALSE(counts.contains(2));
}

TEST(SamplerTest, PenaltyHitsOnlyTheWindow) {
  SamplingOptions options = Off(0.0f);
  options.repetition_penalty = 2.0f;
  options.repetition_window = 2;
  EXPECT_TRUE(Draw(options, {3, 2, 1}, 1, {0, 5, 5}).contains(0));  // 0 is out of the window
  EXPECT_TRUE(Draw(options, {3, 2, 1}, 1, {5, 0, 5}).contains(1));
  EXPECT_TRUE(Draw(options, {-1, -1.5f, -9}, 1, {0}).contains(1));  // negative logits go further down
}

TEST(SamplerTest, NeverTakesWhatTheMaskForbids) {
  grammar::TokenMask mask(4);
  mask.Allow(2);
  for (const float temperature : {0.0f, 1.0f}) {
    Sampler sampler(Off(temperature));
    EXPECT_EQ(*sampler.Sample(std::vector<float>{9, 9, -50, 9}, &mask, {}, 0), 2);
  }
}

TEST(SamplerTest, DamagedLogitsAreDataLoss) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float temperature : {0.0f, 1.0f}) {
    Sampler sampler(Off(temperature));
    EXPECT_THAT(sampler.Sample(std::vector<float>{nan, nan}, nullptr, {}, 0),
                StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(*sampler.Sample(std::vector<float>{nan, 1, nan}, nullptr, {}, 0), 1);
  }
}

TEST(SamplerTest, LogitBiasAddsAndForbids) {
  const float never = -std::numeric_limits<float>::infinity();
  SamplingOptions options = Off(0.0f);
  options.logit_bias = {{0, 2.5f}, {3, never}};
  EXPECT_EQ(Draw(options, {1, 3, 2, 9}, 1), (std::map<int32_t, int>{{0, 1}}));
  options.logit_bias = {{1, never}, {2, never}};
  grammar::TokenMask mask(4);
  mask.Allow(1);
  Sampler sampler(options);
  EXPECT_THAT(sampler.Sample(std::vector<float>{1, 3, 2, 9}, &mask, {}, 0),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("logit_bias")));
}

TEST(SamplerTest, OrderDecides) {
  // Cold first, top_p has one to keep; top_p first, it has two.
  SamplingOptions options = Off(0.1f);
  options.top_p = 0.7f;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  options.order = {Stage::kTemperature, Stage::kTopP};
  EXPECT_EQ(Draw(options, logits, 3000).size(), 1u);
  options.order = {Stage::kTopP, Stage::kTemperature};
  EXPECT_EQ(Draw(options, logits, 3000).size(), 2u);
  options.order = {Stage::kTopP};  // a stage that is not named does not run
  const auto counts = Draw(options, logits, 3000);
  EXPECT_NEAR(counts.at(1), 3000 * 3 / 8.0, 5 * std::sqrt(3000 * 15 / 64.0));
}

TEST(SamplerTest, GreedyTakesTheFirstOfTheHighestFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Sampler sampler(Off(0.0f));
  uint32_t state = 7;
  const auto draw = [&state](uint32_t n) { return ((state = state * 1664525u + 1013904223u) >> 8) % n; };
  for (const size_t size : {1, 15, 16, 17, 1023, 1024, 1025, 5000}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<float> logits(size);
      // Few different values, so that many are equal, and what no answer may be.
      const std::vector<float> odd = {kInfinity, -kInfinity, kNan, -kNan, 0.0f, -0.0f};
      for (float& logit : logits) {
        logit = draw(4) == 0 ? odd[draw(6)] : static_cast<float>(draw(20)) - (round % 2 == 0 ? 10.0f : 40.0f);
      }
      int32_t expected = -1;
      grammar::TokenMask all(static_cast<int32_t>(size));
      for (size_t i = 0; i < size; ++i) {
        const auto id = static_cast<int32_t>(i);
        all.Allow(id);
        if (!std::isfinite(logits[i])) continue;
        if (expected < 0 || logits[i] > logits[static_cast<size_t>(expected)]) expected = id;
      }
      for (const grammar::TokenMask* mask :
           {static_cast<const grammar::TokenMask*>(nullptr), &std::as_const(all)}) {
        const absl::StatusOr<int32_t> id = sampler.Sample(logits, mask, {}, 0);
        if (expected < 0) {
          EXPECT_THAT(id, StatusIs(absl::StatusCode::kDataLoss)) << size;
        } else {
          ASSERT_THAT(id, IsOk());
          EXPECT_EQ(*id, expected) << size << " round " << round;
        }
      }
    }
  }
}

TEST(SamplerTest, GreedyStillRunsWhatCanChangeTheHighest) {
  SamplingOptions options = Off(0.0f);
  options.xtc_probability = 1;
  options.xtc_threshold = 0.25f;
  EXPECT_EQ(Draw(options, {std::log(0.5f), std::log(0.3f), std::log(0.2f)}, 1),
            (std::map<int32_t, int>{{1, 1}}));
  options = Off(0.0f);
  options.dry_multiplier = 5;
  EXPECT_EQ(Draw(options, {2, 3, 1}, 1, {0, 2, 1, 2, 2, 2, 0, 2}), (std::map<int32_t, int>{{0, 1}}));
}

TEST(SamplerTest, XtcAndTheDrawUseNumbersOfTheirOwn) {
  // Both coins fair: all four outcomes must come, or one decided the other.
  SamplingOptions options = Off();
  options.xtc_probability = 0.5f;
  options.xtc_threshold = 0.2f;
  const std::vector<float> logits = {std::log(0.4f), std::log(0.3f), std::log(0.3f)};
  const auto counts = Draw(options, logits, 20000);
  // Half the time 0 and 1 are out and 2 is certain.
  EXPECT_NEAR(counts.at(0), 20000 * 0.5 * 0.4, 5 * std::sqrt(20000 * 0.2 * 0.8));
  EXPECT_NEAR(counts.at(1), 20000 * 0.5 * 0.3, 5 * std::sqrt(20000 * 0.15 * 0.85));
}

TEST(SamplerTest, ParseOrderKnowsTheNames) {
  SamplingOptions options;
  std::vector<std::string> names;
  for (const Stage stage : options.order) names.emplace_back(Name(stage));
  EXPECT_EQ(names, (std::vector<std::string>{"penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p",
                                             "min_p", "xtc", "temperature"}));
  ASSERT_THAT(ParseOrder(names), IsOk());
  EXPECT_EQ(*ParseOrder(names), options.order);
  EXPECT_THAT(ParseOrder({"top_k", "top_z"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("top_z")));
  EXPECT_THAT(ParseOrder({"top_k", "top_k"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
}

TEST(SamplerTest, ValidateNamesTheOption) {
  EXPECT_THAT(Validate(SamplingOptions()), IsOk());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  const auto refused = [](const char* name, void (*change)(SamplingOptions&, float),
                          std::vector<float> values) {
    for (const float value : values) {
      SamplingOptions options;
      change(options, value);
      EXPECT_THAT(Validate(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                              ::testing::StartsWith(std::string(name) + ":")))
          << value;
    }
  };
  using O = SamplingOptions;
  refused("temperature", [](O& o, float v) { o.temperature = v; }, {-1, 10.1f, nan});
  refused("dynatemp_range", [](O& o, float v) { o.dynatemp_range = v; }, {-0.1f, nan});
  refused("dynatemp_exponent", [](O& o, float v) { o.dynatemp_exponent = v; }, {0, nan});
  refused("top_p", [](O& o, float v) { o.top_p = v; }, {0, 1.01f, nan});
  refused("min_p", [](O& o, float v) { o.min_p = v; }, {-0.1f, 1, nan});
  refused("typical_p", [](O& o, float v) { o.typical_p = v; }, {0, 1.5f, nan});
  refused("top_n_sigma", [](O& o, float v) { o.top_n_sigma = v; }, {-1, nan});
  refused("xtc_probability", [](O& o, float v) { o.xtc_probability = v; }, {-0.1f, 1.1f, nan});
  refused("xtc_threshold", [](O& o, float v) { o.xtc_threshold = v; }, {-0.1f, 1.1f, nan});
  refused("repetition_penalty", [](O& o, float v) { o.repetition_penalty = v; }, {0.5f, 2.5f, nan});
  refused("frequency_penalty", [](O& o, float v) { o.frequency_penalty = v; }, {-2.1f, 2.1f, nan});
  refused("presence_penalty", [](O& o, float v) { o.presence_penalty = v; }, {-2.1f, 2.1f, nan});
  refused("dry_multiplier", [](O& o, float v) { o.dry_multiplier = v; }, {-1, infinite, nan});
  refused("dry_base", [](O& o, float v) { o.dry_base = v; }, {0.9f, infinite, nan});
  refused("dry_penalty_last_n", [](O& o, float v) { o.dry_penalty_last_n = static_cast<int>(v); }, {-2});
  refused("mirostat", [](O& o, float v) { o.mirostat = static_cast<uint32_t>(v); }, {1, 3});
  refused("mirostat_tau", [](O& o, float v) { o.mirostat_tau = v; }, {-1, nan});
  refused("mirostat_eta", [](O& o, float v) { o.mirostat_eta = v; }, {-1, 2, nan});
  refused("logit_bias", [](O& o, float v) { o.logit_bias = {{1, v}}; }, {nan, infinite});
  SamplingOptions options;
  options.logit_bias = {{1, 1.0f}, {2, 1.0f}, {1, 2.0f}};
  EXPECT_THAT(Validate(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("token 1 is there twice")));
  options.logit_bias = {{-1, 1.0f}};
  EXPECT_THAT(Validate(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("logit_bias")));
  options = {};
  options.dry_sequence_breakers = {""};
  EXPECT_THAT(Validate(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dry_sequence_breakers")));
  options = {};
  options.order = {Stage::kTopK, Stage::kTopK};
  EXPECT_THAT(Validate(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("top_k is there twice")));
}

}  // namespace
}  // namespace linnet::sampler
