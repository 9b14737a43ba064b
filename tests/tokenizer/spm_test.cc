#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "tests/support/status_matchers.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace linnet::tokenizer {
namespace {

using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kMark[] = "\xe2\x96\x81";  // stands for a space

// <unk> <s> </s>, 256 bytes, then words.
class SpmTest : public ::testing::Test {
 protected:
  SpmTest() {
    table_.Add("<unk>", TokenType::kUnknown);
    table_.Add("<s>", TokenType::kControl);
    table_.Add("</s>", TokenType::kControl);
    table_.AddByteTokens();
    mark_ = table_.Add(kMark, TokenType::kNormal, -10);
    a_ = table_.Add("a", TokenType::kNormal, -11);
    b_ = table_.Add("b", TokenType::kNormal, -12);
    c_ = table_.Add("c", TokenType::kNormal, -13);
    ab_ = table_.Add("ab", TokenType::kNormal, -3);
    bc_ = table_.Add("bc", TokenType::kNormal, -2);
    mark_a_ = table_.Add(std::string(kMark) + "a", TokenType::kNormal, -4);
  }
  static constexpr TokenId kBos = 1, kEos = 2;
  static TokenId Byte(int byte) { return 3 + byte; }
  TestVocabulary table_;
  TokenId mark_, a_, b_, c_, ab_, bc_, mark_a_;
};

TEST_F(SpmTest, TheBestScoreMergesFirst) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("abc", kPlain), ElementsAre(mark_a_, bc_));
  EXPECT_THAT(tokenizer->Encode("bab", kPlain), ElementsAre(mark_, b_, ab_));
  EXPECT_THAT(tokenizer->Encode("", kPlain), IsEmpty());
}

TEST_F(SpmTest, OfEqualScoresTheLeftmost) {
  const TokenId aa = table_.Add("aa", TokenType::kNormal, -1);
  table_.writer().SetBool("tokenizer.ggml.add_space_prefix", false);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("aaa", kPlain), ElementsAre(aa, a_));
}

TEST_F(SpmTest, WhatIsNoTokenBecomesBytes) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("\xe2\x82\xac", kPlain),
              ElementsAre(mark_, Byte(0xe2), Byte(0x82), Byte(0xac)));
  std::string text;
  for (int byte = 255; byte >= 0; --byte) text.push_back(static_cast<char>(byte));
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text, kPlain)), text);
}

TEST_F(SpmTest, TheSpacePrefixComesAndGoes) {
  ASSERT_OK_AND_ASSIGN(const auto with, table_.Create("llama"));
  EXPECT_THAT(with->Encode("a", kPlain), ElementsAre(mark_a_));
  EXPECT_THAT(with->Encode(" a", kPlain), ElementsAre(mark_, mark_a_));
  EXPECT_EQ(with->Decode({mark_a_}), "a");
  EXPECT_EQ(with->Decode({kBos, mark_a_, mark_a_}), "a a");
  EXPECT_EQ(with->Decode({mark_, mark_a_}), " a");
  EXPECT_EQ(with->Piece(mark_a_), " a");
  table_.writer().SetBool("tokenizer.ggml.add_space_prefix", false);
  ASSERT_OK_AND_ASSIGN(const auto without, table_.Create("llama"));
  EXPECT_THAT(without->Encode("a", kPlain), ElementsAre(a_));
  EXPECT_EQ(without->Decode({mark_a_}), " a");
}

TEST_F(SpmTest, EachStretchAfterAControlTokenHasThePrefix) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("a</s>a", kParse), ElementsAre(mark_a_, kEos, mark_a_));
  EXPECT_THAT(tokenizer->Encode("<s>", kParse), ElementsAre(kBos));
}

TEST_F(SpmTest, AddsBosByDefault) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("a", kWithBos), ElementsAre(kBos, mark_a_));
  EXPECT_THAT(tokenizer->Encode("", kWithBos), ElementsAre(kBos));
  EXPECT_TRUE(tokenizer->IsEnd(kEos));
  EXPECT_FALSE(tokenizer->IsEnd(kBos));
  table_.writer().SetBool("tokenizer.ggml.add_bos_token", false);
  table_.writer().SetBool("tokenizer.ggml.add_eos_token", true);
  ASSERT_OK_AND_ASSIGN(const auto other, table_.Create("llama"));
  EXPECT_THAT(other->Encode("a", kWithBos), ElementsAre(mark_a_, kEos));
}

TEST_F(SpmTest, UserTextNeverBecomesAControlToken) {
  table_.Add("s>", TokenType::kNormal, -1);  // "<" + "s>" would be "<s>"
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  for (const TokenId id : tokenizer->Encode("<s><unk>", kPlain)) {
    EXPECT_FALSE(tokenizer->IsControl(id));
    EXPECT_NE(id, 0);
  }
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode("<s><unk>", kPlain)), "<s><unk>");
}

TEST_F(SpmTest, UserDefinedTokensAreWholeAndKeepTheirSpaces) {
  const TokenId two = table_.Add("  ", TokenType::kUserDefined);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("a  a", kPlain), ElementsAre(mark_a_, two, mark_a_));
  EXPECT_EQ(tokenizer->Piece(two), "  ");
}

TEST_F(SpmTest, AMegabyteIsNotSquare) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  std::string text;
  while (text.size() < 1000000) text += "abcab ";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text, kPlain)), text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));  // squared: hours
}

TEST(SpmTablesTest, RefusesScoresThatAreNoNumbers) {
  TestVocabulary table;
  table.Add("a", TokenType::kNormal, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(table.Create("llama"),
              StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("scores"), HasSubstr("token 0"))));
}

TEST(SpmTablesTest, RefusesByteTokensWithGaps) {
  TestVocabulary table;
  table.Add("<unk>", TokenType::kUnknown);
  table.Add("<0x41>", TokenType::kByte);
  EXPECT_THAT(table.Create("llama"), StatusIs(absl::StatusCode::kDataLoss,
                                              AllOf(HasSubstr("lacks 255 of the 256"), HasSubstr("<0x00>"))));
  TestVocabulary none;
  none.Add("a");
  EXPECT_THAT(none.Create("llama"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no unknown token")));
}

// Gemma's: no space prefix, and runs of spaces are tokens.
TEST_F(SpmTest, RunsOfSpacesMergeWhereThereIsNoPrefix) {
  const TokenId two = table_.Add(std::string(kMark) + kMark, TokenType::kNormal, -1);
  const TokenId four = table_.Add(std::string(kMark) + kMark + kMark + kMark, TokenType::kNormal, -0.5);
  const TokenId turn = table_.Add("<start_of_turn>", TokenType::kControl);
  const TokenId newline = table_.Add("\n", TokenType::kUserDefined);
  table_.writer().SetBool("tokenizer.ggml.add_space_prefix", false);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("a     a", kPlain), ElementsAre(a_, four, mark_a_));
  EXPECT_THAT(tokenizer->Encode("   b", kPlain), ElementsAre(two, mark_, b_));
  EXPECT_THAT(tokenizer->Encode("<start_of_turn>a\nb", kParse), ElementsAre(turn, a_, newline, b_));
  EXPECT_EQ(tokenizer->Decode({four, newline, mark_a_}), "    \n a");
}

TEST(SpmTablesTest, WithoutByteTokensTheRestIsUnknown) {
  TestVocabulary table;
  table.Add("<unk>", TokenType::kUnknown);
  const TokenId a = table.Add("a");
  table.writer().SetBool("tokenizer.ggml.add_space_prefix", false);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table.Create("llama"));
  EXPECT_THAT(tokenizer->Encode("az", kPlain), ElementsAre(a, 0));
}

}  // namespace
}  // namespace linnet::tokenizer
