#include "runtime/tokenizer/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/tiny_model.h"
#include "tests/tokenizer/test_vocabulary.h"

namespace linnet::tokenizer {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

// A table of "a", "b" and "<unk>", after `change` was at it.
template <typename Change>
absl::StatusOr<std::unique_ptr<Tokenizer>> Create(Change change) {
  TestVocabulary table;
  table.Add("a");
  table.Add("b");
  table.Add("<unk>", TokenType::kUnknown);
  table.Bytes("llama", "");
  table.writer().SetUint32("tokenizer.ggml.unknown_token_id", 2);
  change(table.writer());
  return TestVocabulary::CreateFrom(*table.writer().Serialize());
}

TEST(VocabularyTest, NamesUnknownModelsAndPretokenizers) {
  for (const std::string model :
       {"rwkv", "plamo2", "gemma4", "hybriddna", "whitespace", "no_vocab", "none", ""}) {
    EXPECT_THAT(Create([&](auto& w) { w.SetString("tokenizer.ggml.model", model); }),
                StatusIs(absl::StatusCode::kUnimplemented,
                         AllOf(HasSubstr("'" + model + "'"), HasSubstr("vocab.gguf"))));
  }
  TestVocabulary table;
  table.AddByteNames();
  for (const std::string pre :
       {"martian", "gemma4", "granite-embed-multi-311m", "mmbert", "sarvam-moe", "whitespace", "GPT-2"}) {
    EXPECT_THAT(table.Create("gpt2", pre),
                StatusIs(absl::StatusCode::kUnimplemented,
                         AllOf(HasSubstr("'" + pre + "'"), HasSubstr("vocab.gguf"))));
  }
}

TEST(VocabularyTest, NamesMissingTables) {
  gguf::GgufWriter empty;
  EXPECT_THAT(TestVocabulary::CreateFrom(*empty.Serialize()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("tokenizer.ggml.model")));
  for (const char* model : {"llama", "gpt2", "bert", "t5"}) {
    gguf::GgufWriter writer;
    writer.SetString("tokenizer.ggml.model", model);
    EXPECT_THAT(TestVocabulary::CreateFrom(*writer.Serialize()),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("tokenizer.ggml.tokens")));
  }
}

TEST(VocabularyTest, RefusesTablesThatContradictEachOther) {
  EXPECT_THAT(Create([](auto&) {}), IsOk());
  EXPECT_THAT(Create([](auto& w) { w.SetStringArray("tokenizer.ggml.tokens", {}); }),
              StatusIs(kDataLoss, HasSubstr("0 entries")));
  EXPECT_THAT(Create([](auto& w) { w.SetInt32Array("tokenizer.ggml.token_type", {1}); }),
              StatusIs(kDataLoss, HasSubstr("token_type has 1 entries for 3")));
  EXPECT_THAT(Create([](auto& w) { w.SetInt32Array("tokenizer.ggml.token_type", {1, 7, 2}); }),
              StatusIs(kDataLoss, HasSubstr("token 1 is 7")));
  EXPECT_THAT(Create([](auto& w) { w.SetFloat32Array("tokenizer.ggml.scores", {1, 2, 3, 4}); }),
              StatusIs(kDataLoss, HasSubstr("scores has 4 entries for 3")));
  for (const char* key : {"bos", "eos", "unknown", "eot", "eom"}) {
    const std::string name = std::string("tokenizer.ggml.").append(key).append("_token_id");
    EXPECT_THAT(Create([&](auto& w) { w.SetUint32(name, 3); }),
                StatusIs(kDataLoss, AllOf(HasSubstr(name), HasSubstr("has 3 tokens"))));
    EXPECT_THAT(Create([&](auto& w) { w.SetInt32(name, -7); }), StatusIs(kDataLoss, HasSubstr("-7")));
    if (name != "tokenizer.ggml.unknown_token_id") {
      EXPECT_THAT(Create([&](auto& w) { w.SetInt32(name, -1); }), IsOk());  // "none"
      EXPECT_THAT(Create([&](auto& w) { w.SetUint32(name, 1); }), IsOk());
    }
    EXPECT_THAT(Create([&](auto& w) { w.SetString(name, "x"); }),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(VocabularyTest, RefusesOneTextForTwoTokens) {
  EXPECT_THAT(Create([](auto& w) { w.SetStringArray("tokenizer.ggml.tokens", {"a", "<unk>", "a"}); }),
              StatusIs(kDataLoss, HasSubstr("tokenizer.ggml.tokens 0 and 2 are both 'a'")));
  // Padding without text is nobody's.
  EXPECT_THAT(Create([](auto& w) { w.SetStringArray("tokenizer.ggml.tokens", {"", "", "<unk>"}); }), IsOk());
}

TEST(VocabularyTest, RefusesToAddWhatTheFileDoesNotName) {
  for (const std::string name : {"bos", "eos"}) {
    EXPECT_THAT(Create([&](auto& w) { w.SetBool("tokenizer.ggml.add_" + name + "_token", true); }),
                StatusIs(kDataLoss, HasSubstr("tokenizer.ggml." + name + "_token_id is missing")));
  }
}

// A count costs nothing before the bytes are there.
TEST(VocabularyTest, RefusesABillionTokensThatAreNotThere) {
  TestVocabulary table;
  table.Add("<unk>", TokenType::kUnknown);
  table.Bytes("llama", "");
  std::string claim("\x08\0\0\0\0\xca\x9a\x3b\0\0\0\0", 12);  // strings, 10^9 of them
  table.writer().SetRaw("tokenizer.ggml.tokens", gguf::ValueType::kArray, claim);
  EXPECT_THAT(TestVocabulary::CreateFrom(*table.writer().Serialize()), StatusIs(kDataLoss));
}

TEST(VocabularyTest, MissingTypesAreNormal) {
  TestVocabulary table;
  table.Add("a");
  table.Bytes("llama", "");
  gguf::GgufWriter writer;
  writer.SetString("tokenizer.ggml.model", "llama");
  writer.SetStringArray("tokenizer.ggml.tokens", {"a", "b"});
  writer.SetUint32("tokenizer.ggml.unknown_token_id", 0);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, TestVocabulary::CreateFrom(*writer.Serialize()));
  EXPECT_EQ(tokenizer->vocabulary_size(), 2);
  EXPECT_FALSE(tokenizer->IsControl(0));
  EXPECT_EQ(tokenizer->Piece(1), "b");
}

TEST(VocabularyTest, EndTokensAreEosEotAndTurnEnds) {
  TestVocabulary table;
  table.AddByteNames();
  const TokenId end = table.Add("<|im_end|>", TokenType::kControl);
  const TokenId eot = table.Add("<my-eot>", TokenType::kControl);
  const TokenId text = table.Add("<|endoftext|>", TokenType::kNormal);  // some files say so
  const TokenId deepseek =
      table.Add("<\xef\xbd\x9c" + std::string("end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"),
                TokenType::kControl);
  table.writer().SetUint32("tokenizer.ggml.eos_token_id", 'z');
  table.writer().SetUint32("tokenizer.ggml.eot_token_id", static_cast<uint32_t>(eot));
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table.Create("gpt2", "gpt-2"));
  EXPECT_THAT(tokenizer->end_tokens(), ElementsAre('z', end, eot, text, deepseek));
  EXPECT_TRUE(tokenizer->IsEnd(end));
  EXPECT_FALSE(tokenizer->IsEnd('a'));
  EXPECT_TRUE(tokenizer->IsControl(text));
  EXPECT_FALSE(tokenizer->IsControl('z'));  // an eos that is ordinary text stays text
}

// gpt-oss: <|end|> ends a message, <|return|> and <|call|> the generation.
TEST(VocabularyTest, HarmonysEndIsNoEnd) {
  TestVocabulary table;
  table.AddByteNames();
  const TokenId end = table.Add("<|end|>", TokenType::kControl);
  ASSERT_OK_AND_ASSIGN(const auto phi, table.Create("gpt2", "gpt-2"));
  EXPECT_THAT(phi->end_tokens(), ElementsAre(end));
  const TokenId back = table.Add("<|return|>", TokenType::kControl);
  const TokenId call = table.Add("<|call|>", TokenType::kControl);
  ASSERT_OK_AND_ASSIGN(const auto harmony, table.Create("gpt2", "gpt-4o"));
  EXPECT_THAT(harmony->end_tokens(), ElementsAre(back, call));
  EXPECT_TRUE(harmony->IsControl(end));
}

TEST(VocabularyTest, TurnMarkersAreControlWhateverTheFileSays) {
  TestVocabulary table;
  table.AddByteNames();
  const TokenId start = table.Add("<|im_start|>", TokenType::kUserDefined);
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, table.Create("gpt2", "gpt-2"));
  EXPECT_TRUE(tokenizer->IsControl(start));
  EXPECT_EQ(tokenizer->FindControl("<|im_start|>"), start);
  for (const TokenId id : tokenizer->Encode("<|im_start|>", kPlain)) EXPECT_NE(id, start);
}

TEST(VocabularyTest, IdsOutsideAreHarmless) {
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, TestVocabulary::CreateFrom(testing::TinyModelBytes()));
  for (const TokenId id : {-1, 1 << 30, tokenizer->vocabulary_size()}) {
    EXPECT_EQ(tokenizer->Piece(id), "");
    EXPECT_FALSE(tokenizer->IsControl(id));
    EXPECT_FALSE(tokenizer->IsEnd(id));
  }
  EXPECT_EQ(tokenizer->Decode({-5, 'h', 1 << 30, 'i'}), "hi");
  EXPECT_EQ(tokenizer->FindControl("h"), std::nullopt);
  EXPECT_EQ(tokenizer->FindControl("<|im_end|>"), testing::kTinyImEnd);
}

}  // namespace
}  // namespace linnet::tokenizer
