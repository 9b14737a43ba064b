#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace linnet::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kMark[] = "\xe2\x96\x81";

class WordPieceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TestVocabulary table;
    table.Add("[UNK]", TokenType::kControl);
    table.Add("[CLS]", TokenType::kControl);
    table.Add("[SEP]", TokenType::kControl);
    for (const char* word : {"play", "p", "!", "\xe6\x88\x91"}) table.Add(std::string(kMark) + word);
    for (const char* rest : {"ing", "i", "s"}) table.Add(rest);
    table.writer().SetUint32("tokenizer.ggml.unknown_token_id", 0);
    table.writer().SetUint32("tokenizer.ggml.cls_token_id", 1);
    table.writer().SetUint32("tokenizer.ggml.seperator_token_id", 2);
    ASSERT_OK_AND_ASSIGN(tokenizer_, table.Create("bert"));
  }
  static constexpr TokenId kUnknown = 0, kCls = 1, kSep = 2, kPlay = 3, kP = 4, kBang = 5, kI = 6, kIng = 7,
                           kLoneI = 8, kS = 9;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(WordPieceTest, TakesTheLongestTokensFromTheLeft) {
  EXPECT_THAT(tokenizer_->Encode("playing plays pi", kPlain),
              ElementsAre(kPlay, kIng, kPlay, kS, kP, kLoneI));
  EXPECT_THAT(tokenizer_->Encode(" \n ", kPlain), IsEmpty());
}

TEST_F(WordPieceTest, CaseAndAccentsDoNotCount) {
  EXPECT_THAT(tokenizer_->Encode("PL\xc3\x84Y", kPlain), ElementsAre(kPlay));
}

// Cased models say so; a lone accent is then a letter like others.
TEST(WordPieceCaseTest, CountsWhereTheFileSaysSo) {
  TestVocabulary table;
  table.Add("[UNK]", TokenType::kControl);
  const TokenId upper = table.Add(std::string(kMark) + "\xc3\x84");  // Ä
  const TokenId lower = table.Add(std::string(kMark) + "\xc3\xa4");
  const TokenId plain = table.Add(std::string(kMark) + "a");
  const TokenId decomposed = table.Add(std::string(kMark) + "a\xcc\x88");
  const std::string text = "\xc3\x84 \xc3\xa4 A\xcc\x88 a";
  ASSERT_OK_AND_ASSIGN(const auto uncased, table.Create("bert"));
  EXPECT_THAT(uncased->Encode(text, kPlain), ElementsAre(plain, plain, plain, plain));
  table.writer().SetBool("tokenizer.ggml.normalizer.strip_accents", false);
  ASSERT_OK_AND_ASSIGN(const auto accents, table.Create("bert"));
  EXPECT_THAT(accents->Encode(text, kPlain), ElementsAre(lower, lower, decomposed, plain));
  table.writer().SetBool("tokenizer.ggml.normalizer.lowercase", false);
  ASSERT_OK_AND_ASSIGN(const auto cased, table.Create("bert"));
  EXPECT_THAT(cased->Encode(text, kPlain), ElementsAre(upper, lower, 0, plain));
}

TEST_F(WordPieceTest, AWordThatCannotBeIsUnknownAsAWhole) {
  EXPECT_THAT(tokenizer_->Encode("playx s", kPlain), ElementsAre(kUnknown, kUnknown));
}

TEST_F(WordPieceTest, PunctuationAndIdeographsStandAlone) {
  EXPECT_THAT(tokenizer_->Encode("p!p\xe6\x88\x91!", kPlain), ElementsAre(kP, kBang, kP, kI, kBang));
}

TEST_F(WordPieceTest, SpecialTokensAreAddedAroundNotMadeInside) {
  EXPECT_THAT(tokenizer_->Encode("p", kWithBos), ElementsAre(kCls, kP, kSep));
  EXPECT_THAT(tokenizer_->Encode("p[SEP]p", kParse), ElementsAre(kP, kSep, kP));
  for (const TokenId id : tokenizer_->Encode("p[SEP]p", kPlain)) EXPECT_NE(id, kSep);
}

}  // namespace
}  // namespace linnet::tokenizer
