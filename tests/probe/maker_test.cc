#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "tests/support/lora_adapter.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

// The commands that make files, as people run them.
namespace linnet {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int exit = -1;
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class MakerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    linnet::testing::WriteTinyModel(model_);
    std::ofstream(text_) << "hello the hen and on and on hell rein";
    std::filesystem::create_directory(made_);
  }

  Outcome Run(const std::string& arguments) {
    const std::string out = folder_ / "stdout", err = folder_ / "stderr";
    const std::string command = std::string(LINNET_EMULATOR " " LINNET_BIN_DIR "/linnet-probe model ") +
                                arguments + " >" + out + " 2>" + err;
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, ReadAll(out), ReadAll(err)};
  }
  size_t FilesMade() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(made_), {}));
  }

  linnet::testing::TempDir folder_;
  const std::string model_ = folder_ / "tiny.gguf", text_ = folder_ / "text", made_ = folder_ / "made",
                    out_ = made_ + "/out.gguf";
};

TEST_F(MakerTest, WhatTheyMakeRuns) {
  const std::string imatrix = made_ + "/imatrix.gguf", adapter = folder_ / "lora.gguf";
  const auto base = gguf::GgufFile::Open(base::FileSystem::Real(), model_);
  std::ofstream(adapter, std::ios::binary)
      << linnet::testing::AdapterBytes({.alpha = 64, .tensors = {{"blk.0.ffn_up.weight", 4}}}, **base);
  const Outcome measured =
      Run("imatrix " + model_ + " --text-file " + text_ + " --out " + imatrix + " --json");
  ASSERT_EQ(measured.exit, 0) << measured.err;
  EXPECT_EQ(measured.json()["entries"], 14);
  for (const std::string& arguments :
       {"quantize " + model_ + " " + out_ + " --type Q4_K_M --imatrix " + imatrix,
        "quantize " + model_ + " " + out_ + " --type q8_0 --verbose",
        "prune " + model_ + " " + out_ + " --layers 1 --ffn 30 --text-file " + text_,
        "prune " + model_ + " " + out_ + " --drop-layers 0",
        "prune " + model_ + " " + out_ + " --vocabulary-corpus " + text_,
        "merge-lora " + model_ + " " + adapter + " " + out_ + " --scale 0.5"}) {
    const Outcome made = Run(arguments + " --force");
    ASSERT_EQ(made.exit, 0) << arguments << ": " << made.err;
    EXPECT_THAT(made.out, HasSubstr("bytes"));
    EXPECT_EQ(made.err, "");  // no progress bar where there is no terminal
    const Outcome run = Run("generate --prompt 'hello' --max-tokens 3 --temperature 0 " + out_);
    EXPECT_EQ(run.exit, 0) << arguments << ": " << run.err;
    EXPECT_EQ(Run(arguments).exit, 2) << arguments;  // it is there
    const Outcome json = Run(arguments + " --force --json");
    EXPECT_EQ(json.json()["out"], out_) << json.err;
  }
  EXPECT_EQ(FilesMade(), 2u);

  // merge-lora wrote the last one.
  const std::string generate = "generate --json --prompt 'hello the hen' --max-tokens 8 --temperature 0 ";
  const auto merged = Run(generate + out_).json()["ids"];
  EXPECT_EQ(Run(generate + model_ + " --lora " + adapter + "=0.5").json()["ids"], merged);
  EXPECT_NE(Run(generate + model_).json()["ids"], merged);
}

TEST_F(MakerTest, MistakesAreOneLineAndADocumentedCode) {
  const auto refused = [&](int code, const std::string& arguments, const std::string& says) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.exit, code) << arguments << ": " << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(says)) << arguments;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(FilesMade(), 0u) << arguments;
  };
  const std::string absent = folder_ / "absent";
  refused(2, "quantize " + model_ + " " + out_, "--type");
  refused(2, "quantize " + model_ + " " + out_ + " --type Q9", "Q4_K_M");
  refused(2, "quantize " + model_ + " " + model_ + " --type Q8_0 --force", "input");
  refused(2, "quantize " + model_ + " " + out_ + " --type Q8_0 --tensor-type attn_v", "PATTERN=TYPE");
  refused(5, "quantize " + absent + " " + out_ + " --type Q8_0", absent);
  refused(3, "quantize " + text_ + " " + out_ + " --type Q8_0", "GGUF");
  refused(5, "quantize " + model_ + " " + out_ + " --type Q8_0 --imatrix " + absent, absent);
  refused(3, "quantize " + model_ + " " + out_ + " --type Q8_0 --imatrix " + model_, "general.type");
  refused(5, "imatrix " + model_ + " --text-file " + absent + " --out " + out_, absent);
  refused(2, "prune " + model_ + " " + out_, "--drop-layers");
  refused(2, "prune " + model_ + " " + out_ + " --layers 1", "--text-file");
  refused(2, "prune " + model_ + " " + out_ + " --drop-layers 7", "0 to 1");
  refused(3, "merge-lora " + model_ + " " + model_ + " " + out_, "adapter");
  refused(5, "generate " + model_ + " --prompt a --lora " + absent, absent);
  refused(3, "generate " + model_ + " --prompt a --lora " + model_ + "=2", "adapter");
}

TEST_F(MakerTest, AKilledCommandLeavesNoHalfFile) {
  linnet::testing::WriteTinyModel(model_, {.dim = 256, .layers = 2, .ffn = 512});
  if (std::string_view(LINNET_EMULATOR) != "")
    GTEST_SKIP() << "the emulator would be killed, too slow to time";
  const std::string probe = LINNET_BIN_DIR "/linnet-probe";
  bool killed = false, finished = false;
  for (int round = 0; round < 40 && !(killed && finished); ++round) {
    std::vector<std::string> words = {probe, "model", "quantize", model_, out_, "--type", "Q4_K_M"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ASSERT_EQ(posix_spawn(&child, probe.c_str(), &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    usleep(static_cast<useconds_t>(1000 * std::pow(1.3, round)));  // up to half a minute
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (!std::filesystem::exists(out_)) {
      killed |= WIFSIGNALED(status);
      // A disk without nameless files keeps the temporary one, under a name of its own.
      for (const auto& left : std::filesystem::directory_iterator(made_)) {
        EXPECT_THAT(left.path().string(), HasSubstr(".tmp-"));
      }
      continue;
    }
    finished = true;
    EXPECT_TRUE(gguf::GgufFile::Open(base::FileSystem::Real(), out_).ok());
    EXPECT_EQ(Run("selfcheck " + out_).exit, 0);
  }
  EXPECT_TRUE(killed);
  EXPECT_TRUE(finished);
}

TEST_F(MakerTest, SynthMakesAModelThatRuns) {
  const auto list = Run("synth --list --json").json();
  EXPECT_EQ(list["shapes"].size(), 6);
  EXPECT_THAT(Run("synth --list").out, HasSubstr("Qwen2.5-0.5B"));
  const std::string made = made_ + "/synth.gguf";
  const auto json =
      Run("synth smollm2-135m " + made + " --type q4_0 --layers 1 --vocabulary 400 --json").json();
  EXPECT_EQ(json["shape"], "SmolLM2-135M");
  EXPECT_EQ(json["type"], "Q4_0");
  EXPECT_EQ(json["bytes"], ReadAll(made).size());
  EXPECT_EQ(json["tensors"][0]["type"], "Q8_0");  // the embedding is the head, and 576 is no multiple of 256
  EXPECT_EQ(Run("generate " + made + " --chat --prompt hello --max-tokens 3").exit, 0);

  for (const auto& [arguments, why] : std::initializer_list<std::pair<std::string, const char*>>{
           {"smollm2-135m " + made + " --type q4_0", "--force"},
           {"gpt-9 " + made + " --type q4_0", "SmolLM2-135M"},
           {"smollm2-135m " + made + " --force", "--type is required"},
           {"smollm2-135m", "is required"},
           {"", "SHAPE (see --list) is required"}}) {
    const Outcome outcome = Run("synth " + arguments);
    EXPECT_EQ(outcome.exit, 2) << arguments;
    EXPECT_THAT(outcome.err, HasSubstr(why));
  }
  EXPECT_THAT(Run("synth llama-3.2-1b --type Q4_K_M --dry-run").out, HasSubstr("1235814432 parameters"));
}

}  // namespace
}  // namespace linnet
