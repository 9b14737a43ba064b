#include "runtime/tokenizer/special_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/gguf/gguf_file.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace linnet::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SpecialSplitterTest : public ::testing::Test {
 protected:
  std::vector<std::string> Split(std::string_view text, bool parse,
                                 const std::vector<TextRange>* trusted = nullptr) {
    const std::string bytes = table_.Bytes("gpt2", "gpt-2");
    const auto file = *gguf::GgufFile::Parse("v.gguf", base::AsBytes(bytes));
    const Vocabulary vocabulary = *Vocabulary::Load(*file);
    std::vector<std::string> shown;
    for (const Fragment& fragment : SpecialSplitter(vocabulary).Split(text, parse, trusted)) {
      const std::string part(fragment.text);
      if (fragment.token < 0) {
        shown.push_back(part);
        continue;
      }
      EXPECT_EQ(vocabulary.text(fragment.token), part);
      shown.push_back(absl::StrCat("[", fragment.token, "]", part));
    }
    return shown;
  }
  TestVocabulary table_;
};

TEST_F(SpecialSplitterTest, ControlTokensCountWhollyInsideTrustedStretchesOnly) {
  table_.Add("<a>", TokenType::kControl);
  table_.Add("<a><b>", TokenType::kControl);
  table_.Add("<b>", TokenType::kUserDefined);
  //                      0  3  6  9
  const std::string_view text = "<a><b><a><a>";
  EXPECT_THAT(Split(text, true), ElementsAre("[1]<a><b>", "[0]<a>", "[0]<a>"));
  const std::vector<TextRange> some = {{0, 4}, {5, 8}, {9, 12}};
  EXPECT_THAT(Split(text, true, &some), ElementsAre("[0]<a>", "[2]<b>", "<a>", "[0]<a>"));
  const std::vector<TextRange> none;
  EXPECT_THAT(Split(text, true, &none), ElementsAre("<a>", "[2]<b>", "<a><a>"));
}

TEST_F(SpecialSplitterTest, ControlTokensAreTextUnlessParsed) {
  table_.Add("<a>", TokenType::kControl);
  table_.Add("<unk>", TokenType::kUnknown);
  EXPECT_THAT(Split("x<a>y<unk>", false), ElementsAre("x<a>y<unk>"));
  EXPECT_THAT(Split("x<a>y<unk>", true), ElementsAre("x", "[0]<a>", "y", "[1]<unk>"));
  EXPECT_THAT(Split("", true), IsEmpty());
  EXPECT_THAT(Split("plain", true), ElementsAre("plain"));
}

TEST_F(SpecialSplitterTest, UserDefinedTokensAreAlwaysWhole) {
  table_.Add("  ", TokenType::kUserDefined);
  EXPECT_THAT(Split("a   b", false), ElementsAre("a", "[0]  ", " b"));
}

TEST_F(SpecialSplitterTest, LongestFirstThenLeftmost) {
  table_.Add("ab", TokenType::kUserDefined);
  table_.Add("bcd", TokenType::kUserDefined);
  table_.Add("abcdx", TokenType::kUserDefined);
  EXPECT_THAT(Split("abcd", false), ElementsAre("a", "[1]bcd"));
  EXPECT_THAT(Split("abcdx", false), ElementsAre("[2]abcdx"));
  EXPECT_THAT(Split("abab", false), ElementsAre("[0]ab", "[0]ab"));
}

TEST_F(SpecialSplitterTest, AShorterTokenFitsBesideALongerOne) {
  table_.Add("<", TokenType::kUserDefined);
  table_.Add("<b", TokenType::kUserDefined);
  table_.Add("b<<c", TokenType::kUserDefined);
  EXPECT_THAT(Split("<b<<c", false), ElementsAre("[0]<", "[2]b<<c"));
}

// Phi 3's special tokens take the white space after them along, but for three.
TEST_F(SpecialSplitterTest, Phi3StripsToTheRight) {
  table_.writer().SetString("general.name", "Phi-3-mini 4k");
  table_.Add("<|user|>", TokenType::kControl);
  table_.Add("<s>", TokenType::kControl);
  table_.Add("</s>");
  EXPECT_THAT(Split(" <|user|> \n\thi <s> x</s>\v\f\ry", true),
              ElementsAre(" ", "[0]<|user|>", "hi ", "[1]<s>", " x", "[2]</s>", "y"));
  EXPECT_THAT(Split("<|user|>  <|user|>\xc2\xa0", true),
              ElementsAre("[0]<|user|>", "[0]<|user|>", "\xc2\xa0"));  // C's isspace, as in llama.cpp
  EXPECT_THAT(Split("<|user|> hi", false), ElementsAre("<|user|> hi"));
}

// What a token strips is gone, even where a shorter token would be.
TEST_F(SpecialSplitterTest, StrippedSpaceIsNoToken) {
  table_.writer().SetString("general.name", "PHI3");
  table_.Add("<|user|>", TokenType::kControl);
  table_.Add("  ", TokenType::kUserDefined);
  table_.Add("a  b", TokenType::kUserDefined);
  EXPECT_THAT(Split("<|user|>   x  y", true), ElementsAre("[0]<|user|>", "x", "[1]  ", "y"));
  EXPECT_THAT(Split("a  ba  b", true), ElementsAre("[2]a  b", "[2]a  b"));
}

TEST_F(SpecialSplitterTest, MasksStripToTheLeft) {
  table_.writer().SetString("general.architecture", "nomic-bert-moe");
  table_.Add("<mask>", TokenType::kControl);
  EXPECT_THAT(Split("a \n<mask> b", true), ElementsAre("a", "[0]<mask>", " b"));
}

TEST_F(SpecialSplitterTest, ALongTextOfOverlapsIsNotSquare) {
  for (size_t n = 1; n <= 64; ++n) table_.Add(std::string(n, 'a'), TokenType::kUserDefined);
  EXPECT_EQ(Split(std::string(200000, 'a'), false).size(), 3125U);
}

}  // namespace
}  // namespace linnet::tokenizer
