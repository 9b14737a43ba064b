#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <random>

#include "runtime/tokenizer/charsmap.h"
#include "tests/support/status_matchers.h"
#include "tests/tokenizer/double_array.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace linnet::tokenizer {
namespace {

using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr char kMark[] = "\xe2\x96\x81";
constexpr TokenId kEos = 1, kUnknown = 2;

class UnigramTest : public ::testing::Test {
 protected:
  UnigramTest() {
    table_.Add("<pad>", TokenType::kControl);
    table_.Add("</s>", TokenType::kControl);
    table_.Add("<unk>", TokenType::kUnknown);
  }
  void SetCharsmap(const std::string& blob) {
    std::string array("\0\0\0\0", 4);  // uint8
    for (size_t i = 0; i < 8; ++i) array.push_back(static_cast<char>(blob.size() >> (8 * i) & 0xff));
    table_.writer().SetRaw("tokenizer.ggml.precompiled_charsmap", gguf::ValueType::kArray, array + blob);
  }
  TestVocabulary table_;
};

TEST_F(UnigramTest, TheGreatestSumWinsNotTheLongestToken) {
  const TokenId a = table_.Add("a", TokenType::kNormal, -3);
  const TokenId b = table_.Add("b", TokenType::kNormal, -3);
  const TokenId ab = table_.Add("ab", TokenType::kNormal, -7);
  const TokenId bb = table_.Add("bb", TokenType::kNormal, -1);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("t5"));
  EXPECT_THAT(tokenizer->Encode("ab", kPlain), ElementsAre(a, b));
  EXPECT_THAT(tokenizer->Encode("abb", kPlain), ElementsAre(a, bb));
  EXPECT_THAT(tokenizer->Encode("abab", kPlain), ElementsAre(a, b, a, b));
  EXPECT_THAT(tokenizer->Encode("", kPlain), IsEmpty());
  EXPECT_THAT(tokenizer->Encode("ab", kWithBos), ElementsAre(a, b, kEos));
  EXPECT_EQ(tokenizer->Decode({a, ab, kEos}), "aab");
}

TEST_F(UnigramTest, StretchesThatNothingCoversAreOneUnknown) {
  const TokenId a = table_.Add("a", TokenType::kNormal, -3);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("t5"));
  EXPECT_THAT(tokenizer->Encode("a\xe6\x88\x91xyz\xff"
                                "a",
                                kPlain),
              ElementsAre(a, kUnknown, a));
}

TEST_F(UnigramTest, UserDefinedTokensCostNothing) {
  const TokenId a = table_.Add("a", TokenType::kNormal, -1);
  const TokenId extra = table_.Add("<extra_id_0>", TokenType::kUserDefined, -100);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("t5"));
  EXPECT_THAT(tokenizer->Encode("a<extra_id_0>a", kPlain), ElementsAre(a, extra, a));
  EXPECT_THAT(tokenizer->Encode("</s>", kPlain), ElementsAre(kUnknown));
  EXPECT_THAT(tokenizer->Encode("</s>", kParse), ElementsAre(kEos));
}

TEST_F(UnigramTest, SpacesArePrefixedAndMergedAsTheFileSays) {
  const TokenId mark = table_.Add(kMark, TokenType::kNormal, -2);
  const TokenId a = table_.Add("a", TokenType::kNormal, -2);
  const TokenId mark_a = table_.Add(std::string(kMark) + "a", TokenType::kNormal, -3);
  ASSERT_OK_AND_ASSIGN(const auto neither, table_.Create("t5"));
  EXPECT_THAT(neither->Encode("a  a ", kPlain), ElementsAre(a, mark, mark_a, mark));
  table_.writer().SetBool("tokenizer.ggml.add_space_prefix", true);
  ASSERT_OK_AND_ASSIGN(const auto prefix, table_.Create("t5"));
  EXPECT_THAT(prefix->Encode("a  a ", kPlain), ElementsAre(mark_a, mark, mark_a, mark));
  EXPECT_EQ(prefix->Decode({mark_a, mark_a}), "a a");
  table_.writer().SetBool("tokenizer.ggml.remove_extra_whitespaces", true);
  ASSERT_OK_AND_ASSIGN(const auto both, table_.Create("t5"));
  EXPECT_THAT(both->Encode("  a   a  ", kPlain), ElementsAre(mark_a, mark_a));
}

TEST_F(UnigramTest, TheCharsmapComesFirst) {
  const TokenId fi = table_.Add("fi", TokenType::kNormal, -1);
  const TokenId a = table_.Add("a", TokenType::kNormal, -1);
  const TokenId mark = table_.Add(kMark, TokenType::kNormal, -1);
  SetCharsmap(
      DoubleArray::Blob({{"\xef\xac\x81", "fi"}, {"\xc3\xa4", "a"}, {"\xe3\x80\x80", " "}, {"\x01", ""}}));
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("t5"));
  EXPECT_THAT(tokenizer->Encode("\xef\xac\x81\xe3\x80\x80\xc3\xa4\x01"
                                "a",
                                kPlain),
              ElementsAre(fi, mark, a, a));
  EXPECT_THAT(tokenizer->Encode("\x01", kPlain), IsEmpty());
}

// Against all segmentations, one by one.
TEST_F(UnigramTest, IsTheBestOfAllSegmentations) {
  std::mt19937 random(7);
  std::vector<std::pair<std::string, double>> tokens;
  std::uniform_real_distribution<float> score(-12, 0);
  for (const char* text : {"a", "b", "ab", "ba", "aa", "aab", "abab", "\xc3\xa4", "a\xc3\xa4",
                           "\xc3\xa4"
                           "b",
                           "bbb"}) {
    tokens.emplace_back(text, score(random));
    table_.Add(text, TokenType::kNormal, static_cast<float>(tokens.back().second));
  }
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("t5"));
  struct Best {
    double score = -std::numeric_limits<double>::max();
    std::vector<TokenId> ids;
  };
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (size_t n = random() % 9; n > 0; --n)
      text += std::vector<std::string>{"a", "b", "\xc3\xa4"}[random() % 3];
    Best best;
    std::vector<TokenId> path;
    const std::function<void(size_t, double)> walk = [&](size_t at, double sum) {
      if (at == text.size() && sum > best.score) best = {sum, path};
      for (size_t i = 0; i < tokens.size(); ++i) {
        if (text.compare(at, tokens[i].first.size(), tokens[i].first) != 0) continue;
        path.push_back(static_cast<TokenId>(3 + i));
        walk(at + tokens[i].first.size(), sum + tokens[i].second);
        path.pop_back();
      }
    };
    walk(0, 0);
    EXPECT_EQ(tokenizer->Encode(text, kPlain), best.ids) << text;
  }
}

TEST_F(UnigramTest, AMegabyteIsNotSquare) {
  for (size_t n = 1; n <= 16; ++n) table_.Add(std::string(n, 'a'), TokenType::kNormal, -1);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table_.Create("t5"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(tokenizer->Encode(std::string(1 << 20, 'a'), kPlain).size(), size_t{1} << 16);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));  // squared: hours
}

TEST_F(UnigramTest, RefusesWhatItCannotUse) {
  TestVocabulary tiny;
  tiny.Add("a");
  EXPECT_THAT(tiny.Create("t5"), StatusIs(kDataLoss, HasSubstr("unknown_token_id")));
  const std::string good = DoubleArray::Blob({{"ab", "c"}, {"abc", "dd"}});
  const auto create = [&](const std::string& blob) {
    SetCharsmap(blob);
    return table_.Create("t5").status();
  };
  EXPECT_TRUE(create(good).ok());
  for (const size_t size : {0, 3, 4, 8}) {
    EXPECT_THAT(create(good.substr(0, size)),
                StatusIs(kDataLoss, AllOf(HasSubstr("precompiled_charsmap"), HasSubstr("vocab.gguf"))));
  }
  EXPECT_THAT(create(good.substr(0, good.size() - 1)), StatusIs(kDataLoss, HasSubstr("no end")));
  EXPECT_THAT(create(DoubleArray::Blob({{"a", std::string(65, 'x')}})),
              StatusIs(kDataLoss, HasSubstr("65 bytes")));
}

// Whatever its bits are: an error, or a table that can be used.
TEST(CharsmapTest, BrokenTablesAreHarmless) {
  const std::string good =
      DoubleArray::Blob({{"a", "b"}, {"\xc3\xa4", "a"}, {"\xc3\xa5", "aa"}, {"\xef\xac\x81", "fi"}});
  for (size_t i = 0; i < 8 * good.size(); ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << i % 8));
    const auto map = Charsmap::Parse(base::AsBytes(bad));
    if (!map.ok()) continue;
    for (const char* text : {"a", "\xc3\xa4", "\xc3\xa5x", "\xef\xac\x81", "\xff\xff\xff\xff", "zzz"}) {
      const auto match = map->Longest(text);
      EXPECT_LE(match ? match->size : 0, std::string(text).size());
    }
  }
}

TEST(CharsmapTest, TheLongestKeyWins) {
  const std::string blob = DoubleArray::Blob({{"a", "1"}, {"abc", "3"}, {"b", ""}});
  ASSERT_OK_AND_ASSIGN(const auto map, Charsmap::Parse(base::AsBytes(blob)));
  EXPECT_EQ(map.Longest("abcd")->replacement, "3");
  EXPECT_EQ(map.Longest("abcd")->size, 3U);
  EXPECT_EQ(map.Longest("abx")->replacement, "1");
  EXPECT_EQ(map.Longest("b")->replacement, "");
  EXPECT_FALSE(map.Longest("c").has_value());
  EXPECT_FALSE(map.Longest("").has_value());
}

}  // namespace
}  // namespace linnet::tokenizer
