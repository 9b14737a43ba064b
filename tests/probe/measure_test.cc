#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "tests/probe/probe_fixture.h"

// Sampling flags, and the commands that measure, as people run them.
namespace linnet {
namespace {

using ::linnet::testing::Outcome;
using ::testing::HasSubstr;

class MeasureTest : public linnet::testing::ProbeFixture {
 protected:
  MeasureTest() : ProbeFixture(LINNET_EMULATOR " " LINNET_BIN_DIR "/linnet-probe") {}

  std::string Text(size_t size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>('A' + i * 7 % 26);
    std::ofstream(folder_ / "text") << text;
    return folder_ / "text";
  }
};

TEST_F(MeasureTest, EverySamplingFlagIsTaken) {
  const std::string command = "model generate --json --prompt x --max-tokens 8 " + model_ + " ";
  const Outcome all =
      Run(command +
          "--temperature 1.1 --dynatemp-range 0.5 --dynatemp-exponent 1.5 --top-k 20 --top-p 0.9 "
          "--min-p 0.02 --typical-p 0.95 --top-n-sigma 3 --xtc-probability 0.5 --xtc-threshold 0.2 "
          "--repetition-penalty 1.1 --frequency-penalty 0.1 --presence-penalty -0.1 "
          "--repetition-window 32 --dry-multiplier 0.8 --dry-base 1.5 --dry-allowed-length 3 "
          "--dry-penalty-last-n 64 --dry-sequence-breaker x --logit-bias 65=2.5 --logit-bias "
          "66=never --samplers 'penalties;dry;top_k;xtc;temperature' --seed 3");
  EXPECT_EQ(all.exit, 0) << all.err;
  EXPECT_EQ(all.json()["generated_tokens"], 8);
  const Outcome mirostat = Run(command + "--temp 1 --mirostat 2 --mirostat-ent 3 --mirostat-lr 0.2");
  EXPECT_EQ(mirostat.exit, 0) << mirostat.err;
  // A bias large enough decides.
  const auto ids = Run(command + "--logit-bias 65=100").json()["ids"];
  for (const auto& id : ids) EXPECT_EQ(id, 65);
  EXPECT_THAT(Run("model generate --help").out, HasSubstr("--dry-multiplier"));
}

TEST_F(MeasureTest, ASamplingFlagOutOfRangeIsNamed) {
  for (const auto& [flag, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--temperature 11", "temperature"},
           {"--typical-p 0", "typical_p"},
           {"--xtc-threshold 2", "xtc_threshold"},
           {"--mirostat 1", "mirostat"},
           {"--dry-base 0.5", "dry_base"},
           {"--frequency-penalty 3", "frequency_penalty"},
           {"--samplers 'top_k;top_z'", "top_z"},
           {"--logit-bias 65", "--logit-bias"},
           {"--logit-bias x=1", "--logit-bias"},
           {"--logit-bias 5000=1", "logit_bias"},
           {"--context-shift 5", "--context-shift"},
           {"--top-k many", "--top-k"}}) {
    const Outcome outcome = Run("model generate --prompt x --max-tokens 2 " + model_ + " " + flag);
    EXPECT_EQ(outcome.exit, 2) << flag;
    EXPECT_THAT(outcome.err, HasSubstr(name));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST_F(MeasureTest, AnAnswerEndsWithTheContextUnlessItIsShifted) {
  const std::string command = "model generate --json --context 32 --prompt ABCDEFGHIJ " + model_ + " ";
  const auto ends = Run(command).json();  // no --max-tokens: what there is room for
  EXPECT_LE(ends["generated_tokens"], 22);
  const Outcome longer = Run(command + "--max-tokens 100");
  EXPECT_EQ(longer.exit, 2);
  EXPECT_THAT(longer.err, HasSubstr("by 78"));
  // Letters only, so that the tiny model does not end by itself.
  std::string bias;
  for (int id = 'a'; id <= 'z'; ++id) bias += " --logit-bias " + std::to_string(id) + "=90";
  const auto shifted = Run(command + "--max-tokens 100 --context-shift keep=4" + bias).json();
  EXPECT_EQ(shifted["generated_tokens"], 100);
  EXPECT_GT(shifted["context_shifts"], 4);
  EXPECT_EQ(shifted["finish"], "length");
  EXPECT_EQ(Run(command + "--max-tokens 100 --context-shift keep=all" + bias).json()["generated_tokens"],
            100);
}

TEST_F(MeasureTest, PerplexitySaysHowItWasMeasured) {
  const std::string command = "model perplexity " + model_ + " --text-file " + Text(70) + " --context 16";
  const Outcome text = Run(command);
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("28 tokens; windows of 16 tokens, the second half of each scored"));
  EXPECT_EQ(text.err, "");  // no bar where nobody looks
  const auto json = Run(command + " --json --stride 8").json();
  EXPECT_GT(json["perplexity"], 1);
  EXPECT_GT(json["standard_error"], 0);
  EXPECT_EQ(json["windows"], 7);
  EXPECT_EQ(json["scored_tokens"], 56);
}

TEST_F(MeasureTest, PerplexityNamesTheTextThatIsWrong) {
  const Outcome absent = Run("model perplexity " + model_ + " --text-file " + folder_ / "absent");
  EXPECT_EQ(absent.exit, 5);
  const Outcome brief = Run("model perplexity " + model_ + " --text-file " + Text(20));
  EXPECT_EQ(brief.exit, 2);
  EXPECT_THAT(brief.err, HasSubstr("text: the text has 20 tokens, 236 fewer"));
  const Outcome binary = Run("model perplexity " + model_ + " --text-file " + model_);
  EXPECT_EQ(binary.exit, 2);
  EXPECT_THAT(binary.err, HasSubstr("UTF-8"));
  EXPECT_EQ(Run("model perplexity " + model_).exit, 2);
  std::ofstream(folder_ / "empty") << "";
  EXPECT_EQ(Run("model perplexity " + model_ + " --text-file " + folder_ / "empty").exit, 2);
  EXPECT_EQ(Run("model perplexity " + folder_ / "text" + " --text-file " + folder_ / "text").exit, 3);
}

TEST_F(MeasureTest, DiffShowsFilesAndProbabilities) {
  const std::string other = folder_ / "other.gguf";
  linnet::testing::WriteTinyModel(other, {.type = kernels::WeightType::kQ8_0, .name = "smaller"});
  const Outcome text = Run("model diff " + model_ + " " + other + " --context 16 --text-file " + Text(64));
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("general.name"));
  EXPECT_THAT(text.out, HasSubstr("F32 [64, 64] -> Q8_0 [64, 64]"));
  EXPECT_THAT(text.out, HasSubstr("KL divergence"));
  const auto json =
      Run("model diff --json " + model_ + " " + other + " --context 16 --text-file " + Text(64)).json();
  EXPECT_EQ(json["same"], false);
  ASSERT_EQ(json["metadata"].size(), 1);
  EXPECT_EQ(json["metadata"][0]["key"], "general.name");
  EXPECT_GT(json["tensors"][0]["max_difference"], 0);
  EXPECT_GT(json["text"]["kl_divergence"], 0);
  EXPECT_LT(json["text"]["kl_divergence"], 0.01);  // 8 bits a weight
  EXPECT_EQ(json["text"]["a"]["scored_tokens"], 28);
  EXPECT_EQ(Run("model diff --json " + model_ + " " + model_).json()["same"], true);
  const auto kept = Run("model diff --json --kv f32 --kv-b q8 --context 16 --text-file " + Text(64) + " " +
                        model_ + " " + model_)
                        .json();
  EXPECT_EQ(kept["same"], true);  // the files
  EXPECT_GT(kept["text"]["kl_divergence"], 0);
  EXPECT_EQ(Run("model diff " + model_ + " " + folder_ / "absent").exit, 5);
}

TEST_F(MeasureTest, InspectGivesPlacesTotalsAndStats) {
  linnet::testing::WriteTinyModel(model_, {.type = kernels::WeightType::kQ8_0});
  const auto json = Run("model inspect --stats --json " + model_).json();
  const std::string bytes = linnet::testing::ReadAll(model_);
  uint64_t total = 0;
  for (const auto& tensor : json["tensors"]) {
    total += tensor["bytes"].get<uint64_t>();
    EXPECT_LE(tensor["offset"].get<uint64_t>() + tensor["bytes"].get<uint64_t>(), bytes.size());
    EXPECT_LT(tensor["min"], tensor["max"]);
    EXPECT_GT(tensor["rms"], 0);
    EXPECT_EQ(tensor["not_finite"], 0);
  }
  EXPECT_EQ(json["types"]["Q8_0"]["bits_per_weight"], 8.5);
  EXPECT_EQ(json["types"]["Q8_0"]["bytes"].get<uint64_t>() + json["types"]["F32"]["bytes"].get<uint64_t>(),
            total);
  EXPECT_NEAR(json["bits_per_weight"], 8.0 * static_cast<double>(total) / json["parameters"].get<double>(),
              1e-9);
  const Outcome text = Run("model inspect --tensors " + model_);
  EXPECT_THAT(text.out, HasSubstr("token_embd.weight"));
  EXPECT_THAT(text.out, HasSubstr("8.500 bits per weight"));
}

TEST_F(MeasureTest, BenchComparesWithAnotherRunAndWithTheMachine) {
  const std::string other = folder_ / "other.json";
  const std::string command = "model bench --prompt-tokens 8 --generate 4 --threads 1 --json " + model_ + " ";
  const Outcome before = Run(command + "--repeat 1");
  ASSERT_EQ(before.exit, 0) << before.err;
  std::ofstream(other) << before.out;
  const auto json = Run(command + "--repeat 2 --depth 16 --roofline --compare " + other).json();
  ASSERT_EQ(json["runs"].size(), 2);
  EXPECT_EQ(json["decode_depth"], 16);
  for (const char* key : {"prefill_tokens_per_second", "decode_tokens_per_second"}) {
    EXPECT_DOUBLE_EQ(json["compare"]["ratios"][key].get<double>(),
                     json[key].get<double>() / before.json()[key].get<double>());
  }
  // Less time is better.
  EXPECT_DOUBLE_EQ(json["compare"]["ratios"]["load_seconds"].get<double>(),
                   before.json()["load_seconds"].get<double>() / json["load_seconds"].get<double>());
  const auto& roofline = json["roofline"];
  const double bytes =
      roofline["weight_bytes_per_token"].get<double>() + roofline["kv_bytes_per_token"].get<double>();
  EXPECT_DOUBLE_EQ(roofline["decode_share_of_read_bandwidth"].get<double>(),
                   bytes * json["decode_tokens_per_second"].get<double>() /
                       roofline["peaks"][0]["read_bytes_per_second"].get<double>());
  EXPECT_GT(roofline["prefill_share_of_int8_peak"], 0);

  const Outcome table =
      Run("model bench --prompt-tokens 8 --generate 4 --threads 1 --repeat 2 --roofline --depth 16 " +
          model_ + " --compare " + other);
  EXPECT_EQ(table.exit, 0) << table.err;
  for (const char* part :
       {"prefill of 8", "decode of 4 at depth 16", "the other", "GB/s read", "MB a token",
        "careful: they were not asked for the same (this and the other): decode_depth 16 and 8"}) {
    EXPECT_THAT(table.out, HasSubstr(part));
  }
}

TEST_F(MeasureTest, BenchMeasuresSessionsThatDecodeTogether) {
  const std::string command = "model bench --prompt-tokens 8 --generate 4 --threads 1 --repeat 2 " + model_;
  const auto alone = Run(command + " --json").json();
  EXPECT_EQ(alone["sessions"], 1);
  EXPECT_FALSE(alone.contains("together_ratio"));
  const auto json = Run(command + " --json --sessions 5").json();
  EXPECT_EQ(json["sessions"], 5);
  EXPECT_EQ(json["model"]["sessions"], 5);
  for (const auto& run : json["runs"]) {
    EXPECT_DOUBLE_EQ(run["together_ratio"].get<double>(), run["together_tokens_per_second"].get<double>() /
                                                              run["decode_tokens_per_second"].get<double>());
    EXPECT_GT(run["together_ratio"], 0);
  }
  EXPECT_THAT(Run(command + " --sessions 3 --depth 0").out, HasSubstr("3 sessions together"));
  EXPECT_EQ(Run(command + " --sessions 0").exit, 2);
}

TEST_F(MeasureTest, BenchRefusesWhatIsNoMeasurementBeforeItMeasures) {
  const std::string command = "model bench --prompt-tokens 8 --generate 4 " + model_ + " ";
  EXPECT_EQ(Run(command + "--compare " + folder_ / "absent").exit, 5);
  for (const char* bad : {"", "[]", "{}", "{\"prefill_tokens_per_second\":\"fast\"}"}) {
    std::ofstream(folder_ / "bad") << bad;
    const Outcome outcome = Run(command + "--compare " + folder_ / "bad");
    EXPECT_EQ(outcome.exit, 3) << bad;
    EXPECT_THAT(outcome.err, HasSubstr("expected what linnet model bench --json prints")) << bad;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  const Outcome deep = Run(command + "--depth 100000");
  EXPECT_EQ(deep.exit, 2);
  EXPECT_THAT(deep.err, HasSubstr("context"));
}

}  // namespace
}  // namespace linnet
