// Grammars over real vocabularies: masks against brute force, random walks, forced tokens.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/grammar/grammar.h"
#include "runtime/grammar/json_schema.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/support/shared_data.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::grammar {
namespace {

using testing::IsOk;
using testing::StatusIs;
using tokenizer::TokenId;
using tokenizer::Tokenizer;

constexpr uint32_t kSeed = 20260101;

struct Loaded {
  std::unique_ptr<gguf::GgufFile> file;
  std::unique_ptr<Tokenizer> tokenizer;
  std::shared_ptr<const Vocabulary> vocabulary;
};

Loaded Load(const std::string& path) {
  Loaded loaded;
  auto file = gguf::GgufFile::Open(base::FileSystem::Real(), path);
  EXPECT_THAT(file, IsOk());
  loaded.file = *std::move(file);
  auto made = Tokenizer::Create(*loaded.file);
  EXPECT_THAT(made, IsOk());
  loaded.tokenizer = *std::move(made);
  loaded.vocabulary = Vocabulary::Build(*loaded.tokenizer);
  return loaded;
}

Loaded Tiny() {
  testing::TempDir folder;
  testing::WriteTinyModel(folder.path() + "/tiny.gguf");
  return Load(folder.path() + "/tiny.gguf");
}

std::shared_ptr<TokenGrammar> Bind(const Expression& expression, const Loaded& loaded) {
  auto grammar = Grammar::Compile(expression);
  EXPECT_THAT(grammar, IsOk());
  auto bound = TokenGrammar::Create(*grammar, loaded.vocabulary);
  EXPECT_THAT(bound, IsOk());
  return *std::move(bound);
}

Expression Calls() {
  auto expression = SchemaExpression(
      R"({"type":"array","minItems":1,"maxItems":3,"items":{"type":"object","properties":{"name":{"enum":["light.set","get"]},)"
      R"("room":{"enum":["Küche","Bad","here"]},"say":{"type":"string","maxLength":12},"level":{"type":"integer","minimum":0,"maximum":100}}}})");
  EXPECT_THAT(expression, IsOk());
  return *expression;
}

// Takes random allowed tokens to the end; the text must be in the language, every mask right and not empty.
void Walk(const Loaded& loaded, const Expression& expression, int walks, int brute_every) {
  const Grammar grammar = *Grammar::Compile(expression);
  const auto bound = Bind(expression, loaded);
  const Tokenizer& tokenizer = *loaded.tokenizer;
  std::mt19937 random(kSeed);
  for (int walk = 0; walk < walks; ++walk) {
    const auto constraint = bound->NewConstraint();
    std::string text;
    int steps = 0;
    while (true) {
      ASSERT_LT(++steps, 2000);
      if (constraint->Finished()) break;
      const std::vector<TokenId> forced = constraint->Forced();
      if (!forced.empty() && random() % 2 == 0) {
        for (const TokenId id : forced) {
          ASSERT_THAT(constraint->Accept(id), IsOk()) << text << " seed " << kSeed;
          text += tokenizer.Piece(id);
        }
        continue;
      }
      const TokenMask& mask = constraint->Allowed();
      std::vector<TokenId> allowed;
      for (TokenId id = 0; id < mask.size(); ++id) {
        if (mask.allowed(id)) allowed.push_back(id);
      }
      ASSERT_FALSE(allowed.empty()) << text;
      if (steps % brute_every == 0) {
        for (TokenId id = 0; id < mask.size(); ++id) {
          const bool expected = tokenizer.IsEnd(id)
                                    ? grammar.Matches(text)
                                    : !tokenizer.IsControl(id) && !tokenizer.Piece(id).empty() &&
                                          grammar.MatchesPrefix(text + std::string(tokenizer.Piece(id)));
          ASSERT_EQ(mask.allowed(id), expected) << "token " << id << " after " << text << " seed " << kSeed;
        }
      }
      const TokenId id = allowed[random() % allowed.size()];
      ASSERT_THAT(constraint->Accept(id), IsOk());
      if (tokenizer.IsEnd(id)) break;
      text += tokenizer.Piece(id);
    }
    EXPECT_TRUE(grammar.Matches(text)) << text << " seed " << kSeed;
    EXPECT_TRUE(constraint->Finished());
  }
}

TEST(ConstraintTest, RandomWalksOverBytesStayInTheLanguage) { Walk(Tiny(), Calls(), 60, 3); }

TEST(ConstraintTest, MasksAreRightWhereStatesShareThem) {
  // Long enough that masks are kept by behaviour, not by state, in a large vocabulary.
  const std::string path = testing::SharedData("tokenizers/ggml-vocab-smollm2.gguf");
  LINNET_SHARED_OR_SKIP(path);
  const Expression text = Expression::Sequence(
      {Expression::Literal("\""), Expression::JsonContent(0, 300), Expression::Literal("\"")});
  Walk(Load(path), text, 3, 7);
}

TEST(ConstraintTest, RandomWalksOverRealVocabularies) {
  for (const char* name : {"ggml-vocab-smollm2.gguf", "ggml-vocab-llama-spm.gguf", "ggml-vocab-gpt-2.gguf"}) {
    const std::string path = testing::SharedData(std::string("tokenizers/") + name);
    LINNET_SHARED_OR_SKIP(path);
    SCOPED_TRACE(name);
    Walk(Load(path), Calls(), 6, 9);
  }
}

TEST(ConstraintTest, EndsExactlyWhereTheTextIsComplete) {
  const Loaded tiny = Tiny();
  const auto constraint = Bind(Expression::OneOfTexts({"a", "ab"}), tiny)->NewConstraint();
  const TokenId end = tiny.tokenizer->end_tokens()[0];
  EXPECT_FALSE(constraint->Allowed().allowed(end));
  EXPECT_THAT(constraint->Accept(end), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_THAT(constraint->Accept('a'), IsOk());
  EXPECT_TRUE(constraint->Allowed().allowed(end));
  EXPECT_TRUE(constraint->Allowed().allowed('b'));
  EXPECT_FALSE(constraint->Finished());
  ASSERT_THAT(constraint->Accept('b'), IsOk());
  EXPECT_TRUE(constraint->Finished());
  EXPECT_TRUE(constraint->Allowed().allowed(end));
  ASSERT_THAT(constraint->Accept(end), IsOk());
  EXPECT_THAT(constraint->Accept(end), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ConstraintTest, RefusesTokensThatAreNotAllowed) {
  const Loaded tiny = Tiny();
  const auto constraint = Bind(Expression::Literal("ab"), tiny)->NewConstraint();
  for (const TokenId id :
       {TokenId{'b'}, TokenId{-1}, tiny.tokenizer->vocabulary_size(), testing::kTinyImStart}) {
    EXPECT_THAT(constraint->Accept(id), StatusIs(absl::StatusCode::kInvalidArgument)) << id;
  }
  EXPECT_THAT(constraint->Accept('a'), IsOk());  // the refusals moved nothing
}

TEST(ConstraintTest, ForcedTokensAreTheTokenizersOwn) {
  const std::string path = testing::SharedData("tokenizers/ggml-vocab-smollm2.gguf");
  LINNET_SHARED_OR_SKIP(path);
  const Loaded loaded = Load(path);
  const std::string fixed = R"([{"name":"light.set","room":"kitchen","on":)";
  const Expression expression = Expression::Sequence(
      {Expression::Literal(fixed), Expression::OneOfTexts({"true", "false"}), Expression::Literal("}]")});
  const auto constraint = Bind(expression, loaded)->NewConstraint();
  tokenizer::EncodeOptions options;
  options.add_special = false;
  const std::vector<TokenId> whole = loaded.tokenizer->Encode(fixed + "true}]", options);
  const std::vector<TokenId> forced = constraint->Forced();
  ASSERT_GT(forced.size(), 5u);
  ASSERT_LE(forced.size(), whole.size());
  EXPECT_TRUE(std::equal(forced.begin(), forced.end(), whole.begin()));
  EXPECT_EQ(constraint->Forced(), forced);  // does not move the state
}

TEST(ConstraintTest, NothingIsForcedWhereThereIsAChoiceOrAnEnd) {
  const Loaded tiny = Tiny();
  EXPECT_TRUE(Bind(Expression::OneOfTexts({"x", "y"}), tiny)->NewConstraint()->Forced().empty());
  const auto constraint = Bind(Expression::OneOfTexts({"x", "xy"}), tiny)->NewConstraint();
  ASSERT_THAT(constraint->Accept('x'), IsOk());
  EXPECT_TRUE(constraint->Forced().empty());
}

TEST(ConstraintTest, ConstraintsOutliveTheirGrammar) {
  const Loaded tiny = Tiny();
  std::unique_ptr<Constraint> constraint = Bind(Expression::Literal("abc"), tiny)->NewConstraint();
  EXPECT_TRUE(constraint->Allowed().allowed('a'));
}

// A tokenizer without tokens for all bytes.
class Words : public Tokenizer {
 public:
  explicit Words(std::vector<std::string> pieces, bool ends) : pieces_(std::move(pieces)) {
    vocabulary_size_ = static_cast<int32_t>(pieces_.size()) + 1;
    if (ends) end_tokens_ = {vocabulary_size_ - 1};
  }
  std::vector<TokenId> Encode(std::string_view, const tokenizer::EncodeOptions&) const override { return {}; }
  std::string_view Piece(TokenId id) const override {
    return id + 1 < vocabulary_size_ ? std::string_view(pieces_[static_cast<size_t>(id)])
                                     : std::string_view();
  }
  std::string_view Text(TokenId id) const override { return Piece(id); }
  bool IsControl(TokenId id) const override { return id + 1 == vocabulary_size_; }
  std::optional<TokenId> FindControl(std::string_view) const override { return std::nullopt; }

 private:
  std::vector<std::string> pieces_;
};

TEST(TokenGrammarTest, RefusesAGrammarThatTheVocabularyCannotWrite) {
  const Words words({"yes", "no", "n"}, true);
  const auto vocabulary = Vocabulary::Build(words);
  EXPECT_THAT(TokenGrammar::Create(*Grammar::Compile(Expression::OneOfTexts({"yes", "no"})), vocabulary),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("0x6f")));
  EXPECT_THAT(TokenGrammar::Create(*Grammar::Compile(Expression::OneOfTexts({"yes", "n"})), vocabulary),
              IsOk());
}

TEST(TokenGrammarTest, RefusesATokenizerWithoutAnEnd) {
  const Words words({"y"}, false);
  EXPECT_THAT(TokenGrammar::Create(*Grammar::Compile(Expression::Literal("y")), Vocabulary::Build(words)),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("end token")));
}

}  // namespace
}  // namespace linnet::grammar
