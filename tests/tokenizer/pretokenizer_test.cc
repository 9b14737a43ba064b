#include "runtime/tokenizer/pretokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace linnet::tokenizer {
namespace {

using ::linnet::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Split(const std::string& name, std::string_view text) {
  const auto pretokenizer = Pretokenizer::Create(name);
  EXPECT_TRUE(pretokenizer.ok()) << name;
  const auto views = pretokenizer->Split(text);
  return {views.begin(), views.end()};
}

const char* const kNames[] = {
    "default", "llama-bpe", "llama3",    "falcon3", "qwen2",          "stablelm2", "gpt-2",  "mpt",
    "olmo",    "starcoder", "refact",    "smollm",  "codeshell",      "command-r", "exaone", "falcon",
    "viking",  "dbrx",      "poro-chat", "bloom",   "deepseek-coder", "glm4",
};

TEST(PretokenizerTest, NamesWhatItDoesNotKnow) {
  EXPECT_THAT(Pretokenizer::Create("gpt-77"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("'gpt-77'")));
  EXPECT_THAT(Pretokenizer::Create(""), StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(PretokenizerTest, Gpt2LeavesOneSpaceForTheWord) {
  EXPECT_THAT(Split("gpt-2", "Hello  world, 42x"), ElementsAre("Hello", " ", " world", ",", " 42", "x"));
  EXPECT_THAT(Split("gpt-2", "a \n\n b  "), ElementsAre("a", " \n\n", " b", "  "));
  EXPECT_THAT(Split("gpt-2", "\tx"), ElementsAre("\t", "x"));
  EXPECT_THAT(Split("gpt-2", ""), IsEmpty());
}

TEST(PretokenizerTest, Gpt2ContractionsAreLowerCase) {
  EXPECT_THAT(Split("gpt-2", "I'll we've 'S it's'"),
              ElementsAre("I", "'ll", " we", "'ve", " '", "S", " it", "'s", "'"));
}

TEST(PretokenizerTest, Llama3TakesThreeDigitsAndContractionsOfAnyCase) {
  EXPECT_THAT(Split("llama-bpe", "12345 I'LL"), ElementsAre("123", "45", " I", "'LL"));
  EXPECT_THAT(Split("llama-bpe", "x\r\n\r\n  y!\n\nz"),
              ElementsAre("x", "\r\n\r\n", " ", " y", "!\n\n", "z"));
  EXPECT_THAT(Split("llama-bpe", "\"quoted\" \xe2\x82\xac"), ElementsAre("\"quoted", "\"", " \xe2\x82\xac"));
  EXPECT_THAT(Split("llama-bpe", " \t "), ElementsAre(" \t "));
}

TEST(PretokenizerTest, Qwen2TakesDigitsOneByOne) {
  EXPECT_THAT(Split("qwen2", "a 123"), ElementsAre("a", " ", "1", "2", "3"));
}

TEST(PretokenizerTest, SmollmCutsEveryNumberOutFirst) {
  EXPECT_THAT(Split("smollm", "ab 12  3"), ElementsAre("ab", " ", "1", "2", "  ", "3"));
  EXPECT_THAT(Split("starcoder", "x\xc2\xbd y"), ElementsAre("x", "\xc2\xbd", " y"));
}

TEST(PretokenizerTest, FalconCutsPunctuationAndThreeDigits) {
  EXPECT_THAT(Split("falcon", "a(b)  12345..."),
              ElementsAre("a", "(", "b", ")", " ", " ", "123", "45", "..."));
  EXPECT_THAT(Split("falcon", "x`y"), ElementsAre("x", "`", "y"));
  EXPECT_THAT(Split("default", "x` y"), ElementsAre("x", "`", " y"));
}

TEST(PretokenizerTest, DefaultCutsNumbersOffTheirSpace) {
  EXPECT_THAT(Split("default", "a 1234"), ElementsAre("a", " ", "123", "4"));
}

TEST(PretokenizerTest, BloomCutsAtSentenceMarks) {
  EXPECT_THAT(Split("bloom", "Hi there, you"), ElementsAre("Hi", " there", ",", " you"));
  EXPECT_THAT(Split("viking", "a 12"), ElementsAre("a", " ", "1", "2"));
}

TEST(PretokenizerTest, DeepseekCoderCutsCjkAndLines) {
  EXPECT_THAT(Split("deepseek-coder", "ab\n\n12, x"), ElementsAre("ab", "\n", "\n", "1", "2", ",", " x"));
}

// Nothing is lost or doubled, whatever the bytes are.
TEST(PretokenizerTest, WordsTogetherAreTheText) {
  std::string text =
      "I'll 'S \r\n\t 123456 \xe6\x88\x91\xe6\x83\xb3 \xc2\xa0\xc2\xbd!!\xff\xe2\x96 \xf0\x9f\xa6\x99.cpp  ";
  for (int byte = 0; byte < 256; ++byte) text.push_back(static_cast<char>(byte));
  for (const char* name : kNames) {
    for (size_t size = 0; size <= text.size(); ++size) {
      std::string joined;
      for (const std::string& word : Split(name, std::string_view(text).substr(0, size))) {
        ASSERT_FALSE(word.empty()) << name;
        joined += word;
      }
      ASSERT_EQ(joined, text.substr(0, size)) << name;
    }
  }
}

}  // namespace
}  // namespace linnet::tokenizer
