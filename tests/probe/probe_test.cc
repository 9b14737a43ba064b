#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/probe/probe_fixture.h"
#include "tests/support/shared_data.h"
#include "tests/support/tiny_encoder.h"
#include "tests/support/tiny_model.h"

// The program as people and other programs run it.
namespace linnet {
namespace {

using ::linnet::testing::Outcome;
using ::linnet::testing::ReadAll;
using ::linnet::testing::SharedData;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProbeTest : public linnet::testing::ProbeFixture {
 protected:
  ProbeTest() : ProbeFixture(LINNET_EMULATOR " " LINNET_BIN_DIR "/linnet-probe") {}
};

TEST_F(ProbeTest, InspectListsMetadataAndTensors) {
  const Outcome text = Run("model inspect " + model_);
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("llama.block_count"));
  EXPECT_THAT(text.out, HasSubstr("runs here: yes"));
  const auto json = Run("model inspect --tensors --json " + model_).json();
  EXPECT_EQ(json["runs"], true);
  EXPECT_TRUE(json["metadata"].contains("general.architecture"));
  EXPECT_EQ(json["tensors"].size(), json["tensor_count"]);
  EXPECT_EQ(json["tensors"][0]["type"], "F32");
  EXPECT_FALSE(json["tensors"][0].contains("rms"));
}

TEST_F(ProbeTest, TokenizePrintsIdsSeparatedBySpaces) {
  EXPECT_EQ(Run("model tokenize --no-special --text '!?' " + model_).out, "33 63\n");
  std::ofstream(folder_ / "text") << "!?";
  EXPECT_EQ(Run("model tokenize " + model_ + " --no-special --text-file " + folder_ / "text").out, "33 63\n");
  EXPECT_EQ(Run("model tokenize " + model_).exit, 2);
  EXPECT_EQ(Run("model tokenize " + model_ + " --text-file " + folder_ / "absent").exit, 5);
}

TEST_F(ProbeTest, EmbedPrintsAVectorALine) {
  const std::string bert = folder_ / "bert.gguf";
  std::ofstream(bert) << testing::TinyEncoder(false).Bytes();
  const Outcome two = Run("model embed " + bert + " --text 'ab cd' --text 'AB CD'");
  EXPECT_EQ(two.exit, 0) << two.err;
  EXPECT_EQ(std::count(two.out.begin(), two.out.end(), '\n'), 2);
  const size_t line = two.out.find('\n') + 1;
  EXPECT_EQ(two.out.substr(0, line), two.out.substr(line));  // an uncased model
  std::ofstream(folder_ / "lines") << "ab cd\r\nxyz\n";
  const auto json = Run("model embed --json " + bert + " --text-file " + folder_ / "lines").json();
  EXPECT_EQ(json["dim"], testing::TinyEncoder::kDim);
  EXPECT_EQ(json["pooling"], "cls");
  EXPECT_EQ(json["tokens"], nlohmann::json({6, 5}));  // with [CLS] and [SEP]
  ASSERT_EQ(json["embeddings"].size(), 2U);
  double length = 0;
  for (const double value : json["embeddings"][1]) length += value * value;
  EXPECT_NEAR(length, 1, 1e-5);
  const auto all = Run("model embed --json --pooling none --no-normalize --text ab " + bert).json();
  EXPECT_EQ(all["embeddings"][0].size(), 4U);
  // A decoder, too.
  EXPECT_EQ(Run("model embed --json --text ab " + model_).json()["pooling"], "last");
}

TEST_F(ProbeTest, EmbedSaysWhatIsWrong) {
  const std::string bert = folder_ / "bert.gguf";
  std::ofstream(bert) << testing::TinyEncoder(false).Bytes();
  EXPECT_EQ(Run("model embed " + bert).exit, 2);
  EXPECT_EQ(Run("model embed --pooling best --text a " + bert).exit, 2);
  EXPECT_EQ(Run("model embed --text a " + folder_ / "absent").exit, 5);
  const Outcome longer = Run("model embed --text a --text " + std::string(100, 'b') + " " + bert);
  EXPECT_EQ(longer.exit, 2);
  EXPECT_THAT(longer.err, HasSubstr("text 2: the text has 102 tokens, 22 more than the model's 80"));
  EXPECT_THAT(Run("model inspect " + bert).out, HasSubstr("an encoder, for linnet model embed"));
  EXPECT_EQ(Run("model generate --prompt a " + bert).exit, 4);
}

TEST_F(ProbeTest, TemplatePrintsThePromptByteForByte) {
  std::ofstream(folder_ / "m.json") << R"([{"role": "user", "content": "h\u00e9 <|im_end|>"}])";
  const std::string messages = " --messages " + (folder_ / "m.json");
  EXPECT_EQ(Run("model template " + model_ + messages).out,
            "<|im_start|>user\nh\xc3\xa9 <|im_end|><|im_end|>\n");
  const auto json = Run("model template --json --add-generation-prompt " + model_ + messages).json();
  EXPECT_EQ(json["segments"].size(), 3u);
  EXPECT_EQ(json["segments"][1]["trusted"], false);
  EXPECT_EQ(json["template"], "tokenizer.chat_template");

  std::ofstream(folder_ / "t.jinja")
      << "{{ bos_token }}{{ tools|tojson }}{{ strftime_now('%Y') }}{{ x }}{{ messages|length }}\n";
  std::ofstream(folder_ / "tools.json") << R"([{"z": 1, "a": "\u00e9"}])";
  const std::string from_file = "model template --template-file " + (folder_ / "t.jinja");
  EXPECT_EQ(Run(from_file + messages + " --tools " + (folder_ / "tools.json") +
                " --now 2024-05-06T07:08:09 --bos '<s>' --var x=true")
                .out,
            "<s>[{\"z\": 1, \"a\": \"\xc3\xa9\"}]2024True1");
  EXPECT_EQ(Run(from_file + " --now 1700000000 --messages - < " + (folder_ / "m.json")).out, "null20231");
}

TEST_F(ProbeTest, TemplateErrorsAreOneLineAndACode) {
  std::ofstream(folder_ / "m.json") << "[]";
  std::ofstream(folder_ / "refuses") << "\n{{ raise_exception('roles must\nalternate') }}";
  std::ofstream(folder_ / "broken") << "{% if %}";
  std::ofstream(folder_ / "long")
      << "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}";
  std::ofstream(folder_ / "bad.json") << "[";
  const std::string messages = " --messages " + (folder_ / "m.json");
  const Outcome refused = Run("model template --template-file " + (folder_ / "refuses") + messages);
  EXPECT_EQ(refused.exit, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("line 2: the template says: roles must alternate"));
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
  EXPECT_EQ(Run("model template --template-file " + (folder_ / "broken") + messages).exit, 3);
  EXPECT_EQ(Run("model template --template-file " + (folder_ / "long") + messages).exit, 8);
  EXPECT_EQ(Run("model template " + model_ + " --messages " + (folder_ / "bad.json")).exit, 3);
  EXPECT_EQ(Run("model template " + model_ + " --messages " + (folder_ / "absent")).exit, 5);
  EXPECT_EQ(Run("model template " + model_).exit, 2);
  EXPECT_EQ(Run("model template" + messages).exit, 2);
  EXPECT_EQ(Run("model template " + model_ + messages + " --now soon").exit, 2);
  EXPECT_EQ(Run("model template " + model_ + messages + " --var x").exit, 2);
}

TEST_F(ProbeTest, GenerateIsTheGoldenStory) {
  const std::string story = SharedData("models/stories260K/stories260K-f16.gguf");
  LINNET_SHARED_OR_SKIP(story);
  const auto golden =
      nlohmann::json::parse(std::ifstream(SharedData("models/golden/stories260K-f16.p0.json")));
  const auto ids = golden["numpy"]["ids"].get<std::vector<int>>();
  const auto prompt = golden["prompt_ids"].get<std::vector<int>>();
  const std::string count = std::to_string(ids.size() - prompt.size());
  const std::string command =
      "model generate --prompt 'Once upon a time' --max-tokens " + count + " --temperature 0 " + story;
  const Outcome text = Run(command);
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_TRUE((golden["llama_cpp"]["text"].get<std::string>() + "\n").ends_with(text.out)) << text.out;
  const auto json = Run(command + " --json").json();
  EXPECT_EQ(json["prompt_ids"].get<std::vector<int>>(), prompt);
  EXPECT_EQ(json["ids"].get<std::vector<int>>(),
            std::vector<int>(ids.begin() + static_cast<std::ptrdiff_t>(prompt.size()), ids.end()));
  EXPECT_EQ(json["text"].get<std::string>() + "\n", text.out);
}

TEST_F(ProbeTest, SeedRepeatsAndDiffers) {
  const std::string command =
      "model generate --json --prompt x --temperature 1.5 --max-tokens 20 " + model_ + " --seed ";
  const auto ids = [&](const char* seed) { return Run(command + seed).json()["ids"]; };
  EXPECT_EQ(ids("7"), ids("7"));
  EXPECT_NE(ids("7"), ids("8"));
}

TEST_F(ProbeTest, ChatWrapsTheUsersTurn) {
  const auto json =
      Run("model generate --json --chat --system be --prompt hi --max-tokens 2 " + model_).json();
  const auto prompt = json["prompt_ids"].get<std::vector<int>>();
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), linnet::testing::kTinyImStart), 3);
}

TEST_F(ProbeTest, LogitsAreLittleEndianFloats) {
  const std::string out = folder_ / "logits";
  const Outcome outcome = Run("model logits --json --tokens 1,2,3 --out " + out + " " + model_);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const auto json = outcome.json();
  const std::string bytes = ReadAll(out);
  ASSERT_EQ(bytes.size(), json["vocabulary"].get<size_t>() * 4);
  float top = 0;
  std::memcpy(&top, bytes.data() + json["top"].get<size_t>() * 4, 4);
  EXPECT_FLOAT_EQ(top, json["top_logit"].get<float>());
  EXPECT_EQ(Run("model logits --tokens 1,99999 --out " + out + " " + model_).exit, 2);
}

TEST_F(ProbeTest, BenchAndSelfCheckAnswerInJson) {
  const auto bench =
      Run("model bench --prompt-tokens 8 --generate 4 --threads 1 --repeat 1 --json " + model_).json();
  for (const char* key : {"prefill_tokens_per_second", "decode_tokens_per_second", "load_seconds",
                          "first_token_seconds", "peak_rss_bytes"}) {
    EXPECT_GT(bench[key].get<double>(), 0) << key;
  }
  EXPECT_EQ(bench["barriers_per_token"], 0);  // one thread
  EXPECT_EQ(bench["model"]["kv"], "f32");
  const auto halves =
      Run("model bench --kv f16 --prompt-tokens 8 --generate 4 --repeat 1 --json " + model_).json();
  EXPECT_EQ(halves["model"]["kv"], "f16");
  const auto bytes =
      Run("model bench --kv q8 --prompt-tokens 8 --generate 4 --repeat 1 --json " + model_).json();
  EXPECT_EQ(bytes["model"]["kv"], "q8");
  const Outcome none = Run("model bench --kv f8 " + model_);
  EXPECT_EQ(none.exit, 2);
  for (const char* name : {"f32", "f16", "q8"}) EXPECT_THAT(none.err, HasSubstr(name));
  const Outcome check = Run("model selfcheck --json " + model_);
  EXPECT_EQ(check.exit, 0) << check.err;
  EXPECT_EQ(check.json()["ok"], true);
}

TEST_F(ProbeTest, ErrorsAreOneLineWithADocumentedCode) {
  const Outcome absent = Run("model selfcheck --json " + model_ + ".absent");
  EXPECT_EQ(absent.exit, 5);
  EXPECT_THAT(absent.err, StartsWith("linnet: " + model_ + ".absent: "));
  EXPECT_EQ(std::count(absent.err.begin(), absent.err.end(), '\n'), 1);
  EXPECT_EQ(absent.json()["ok"], false);
  EXPECT_EQ(absent.json()["exit"], 5);

  std::filesystem::resize_file(model_, 5000);
  EXPECT_EQ(Run("model generate --prompt x " + model_).exit, 3);
  std::string bytes = linnet::testing::TinyModelBytes();
  bytes.replace(bytes.find("llama", bytes.find("general.architecture")), 5, "quuux");
  std::ofstream(model_, std::ios::binary) << bytes;
  const Outcome foreign = Run("model generate --prompt x " + model_);
  EXPECT_EQ(foreign.exit, 4);
  EXPECT_THAT(foreign.err, HasSubstr("quuux"));
  const Outcome inspected = Run("model inspect " + model_);  // still shows what is in it
  EXPECT_EQ(inspected.exit, 0);
  EXPECT_THAT(inspected.out, HasSubstr("runs here: no"));

  linnet::testing::WriteTinyModel(model_);
  EXPECT_EQ(Run("model").exit, 2);
  EXPECT_EQ(Run("model sing " + model_).exit, 2);
  EXPECT_EQ(Run("model generate --prompt x --max-tokens 4000 " + model_).exit, 2);
  EXPECT_EQ(Run("model generate --prompt x --temperature -1 " + model_).exit, 2);
  EXPECT_EQ(Run("--help").exit, 0);
}

}  // namespace
}  // namespace linnet
