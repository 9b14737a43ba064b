#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/sampler/philox.h"
#include "runtime/sampler/sampler.h"
#include "tests/support/status_matchers.h"

// data/recorded.json holds what reference.py chose, a second implementation on 50-digit numbers. The same
// choices must come from every machine: this test runs on aarch64, too.
namespace linnet::sampler {
namespace {

using nlohmann::json;

float LogitOf(uint32_t number, uint32_t step, uint32_t id) {
  const int64_t base = Philox({id, 0, 1, 0}, {number, 7})[0] >> 14;
  const int64_t move = Philox({id, step, 2, 0}, {number, 7})[0] >> 16;
  return static_cast<float>(base - (1 << 17)) / 16384.0f + static_cast<float>(move - (1 << 15)) / 32768.0f;
}

SamplingOptions OptionsOf(const json& given, const json& bias) {
  SamplingOptions o;
  const std::vector<std::pair<const char*, float*>> numbers = {{"temperature", &o.temperature},
                                                               {"dynatemp_range", &o.dynatemp_range},
                                                               {"dynatemp_exponent", &o.dynatemp_exponent},
                                                               {"top_p", &o.top_p},
                                                               {"min_p", &o.min_p},
                                                               {"typical_p", &o.typical_p},
                                                               {"top_n_sigma", &o.top_n_sigma},
                                                               {"xtc_probability", &o.xtc_probability},
                                                               {"xtc_threshold", &o.xtc_threshold},
                                                               {"repetition_penalty", &o.repetition_penalty},
                                                               {"frequency_penalty", &o.frequency_penalty},
                                                               {"presence_penalty", &o.presence_penalty},
                                                               {"dry_multiplier", &o.dry_multiplier},
                                                               {"dry_base", &o.dry_base},
                                                               {"mirostat_tau", &o.mirostat_tau},
                                                               {"mirostat_eta", &o.mirostat_eta}};
  const std::vector<std::pair<const char*, uint32_t*>> counts = {
      {"top_k", &o.top_k},
      {"repetition_window", &o.repetition_window},
      {"dry_allowed_length", &o.dry_allowed_length},
      {"mirostat", &o.mirostat}};
  size_t used = 0;
  for (const auto& [name, to] : numbers) {
    if (given.contains(name)) *to = given[name].get<float>(), ++used;
  }
  for (const auto& [name, to] : counts) {
    if (given.contains(name)) *to = given[name].get<uint32_t>(), ++used;
  }
  if (given.contains("dry_penalty_last_n")) o.dry_penalty_last_n = given["dry_penalty_last_n"], ++used;
  if (given.contains("seed")) o.seed = given["seed"].get<uint64_t>(), ++used;
  if (given.contains("order")) o.order = *ParseOrder(given["order"].get<std::vector<std::string>>()), ++used;
  EXPECT_EQ(used, given.size()) << "an option of the case is not known here: " << given;
  for (const json& entry : bias) {
    o.logit_bias.emplace_back(
        entry[0], entry[1].is_null() ? -std::numeric_limits<float>::infinity() : entry[1].get<float>());
  }
  return o;
}

TEST(RecordedTest, ChoosesWhatTheReferenceChose) {
  std::ifstream file(LINNET_SOURCE_DIR "/tests/sampler/data/recorded.json");
  const json recorded = json::parse(file);
  const auto vocabulary = recorded["vocabulary"].get<uint32_t>();
  DryBreakers breakers;
  for (const json& entry : recorded["breakers"]) {
    breakers[entry[0].get<int32_t>()].push_back(entry[1].get<std::vector<int32_t>>());
  }
  ASSERT_GE(recorded["cases"].size(), 28u);
  for (const json& one : recorded["cases"]) {
    const SamplingOptions options = OptionsOf(one["options"], one["logit_bias"]);
    ASSERT_TRUE(Validate(options).ok()) << one["name"] << Validate(options);
    Sampler sampler(options, breakers);
    std::vector<int32_t> history = {1, 2, 3};
    const auto expected = one["ids"].get<std::vector<int32_t>>();
    for (uint32_t step = 0; step < expected.size(); ++step) {
      std::vector<float> logits(vocabulary);
      for (uint32_t i = 0; i < vocabulary; ++i) logits[i] = LogitOf(one["number"], step, i);
      ASSERT_OK_AND_ASSIGN(const int32_t id, sampler.Sample(logits, nullptr, history, history.size()));
      ASSERT_EQ(id, expected[step]) << one["name"] << " at step " << step;
      history.push_back(id);
    }
  }
}

}  // namespace
}  // namespace linnet::sampler
