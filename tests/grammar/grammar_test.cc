#include "runtime/grammar/grammar.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace linnet::grammar {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

Grammar Make(const Expression& expression) {
  absl::StatusOr<Grammar> grammar = Grammar::Compile(expression);
  EXPECT_THAT(grammar, IsOk());
  return *std::move(grammar);
}

TEST(GrammarTest, LiteralsMatchThemselvesOnly) {
  const Grammar grammar = Make(Expression::Literal("Küche"));
  EXPECT_TRUE(grammar.Matches("Küche"));
  EXPECT_FALSE(grammar.Matches("Küch"));
  EXPECT_TRUE(grammar.MatchesPrefix("Küch"));
  EXPECT_FALSE(grammar.MatchesPrefix("Kuche"));
  EXPECT_FALSE(grammar.Matches("Küchen"));
  EXPECT_TRUE(Make(Expression::Literal("")).Matches(""));
}

TEST(GrammarTest, ChoicesMaySharePrefixes) {
  const Grammar grammar = Make(Expression::OneOfTexts({"on", "one", "off", "o"}));
  for (const char* text : {"on", "one", "off", "o"}) EXPECT_TRUE(grammar.Matches(text)) << text;
  for (const char* text : {"", "of", "onx", "oneo"}) EXPECT_FALSE(grammar.Matches(text)) << text;
}

TEST(GrammarTest, RepetitionsCount) {
  const Grammar bounded = Make(Expression::Repeat(Expression::Literal("ab"), 2, 4));
  for (int n = 0; n <= 6; ++n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "ab";
    EXPECT_EQ(bounded.Matches(text), n >= 2 && n <= 4) << n;
  }
  const Grammar open = Make(Expression::Repeat(Expression::Literal("ab"), 1, Expression::kUnbounded));
  EXPECT_FALSE(open.Matches(""));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "ab";
  EXPECT_TRUE(open.Matches(many));
  EXPECT_FALSE(open.Matches(many + "a"));
}

TEST(GrammarTest, ARepetitionOfSomethingEmptyEnds) {
  const Expression nothing = Expression::Repeat(Expression::Literal(""), 0, Expression::kUnbounded);
  EXPECT_TRUE(Make(Expression::Repeat(nothing, 0, Expression::kUnbounded)).Matches(""));
}

TEST(GrammarTest, ListsPutSeparatorsBetween) {
  const Grammar list = Make(Expression::List(Expression::OneOfTexts({"1", "2"}), ",", 0, 3));
  for (const char* text : {"", "1", "1,2", "2,2,1"}) EXPECT_TRUE(list.Matches(text)) << text;
  for (const char* text : {",", "1,", ",1", "1,2,1,2", "12"}) EXPECT_FALSE(list.Matches(text)) << text;
  EXPECT_FALSE(Make(Expression::List(Expression::Literal("1"), ",", 2, 3)).Matches("1"));
  EXPECT_TRUE(Make(Expression::List(Expression::Literal("1"), ",", 0, 0)).Matches(""));
}

TEST(GrammarTest, CharactersAreWholeUtf8) {
  const Grammar text = Make(Expression::Repeat(Expression::JsonCharacter("{}"), 0, 3));
  for (const char* good : {"", "abc", "äöü", "€", "🙂🙂", "a b"}) EXPECT_TRUE(text.Matches(good)) << good;
  for (const char* bad : {"abcd", "äöüß", "\"", "\\", "{", "\n", "\x7F"})
    EXPECT_FALSE(text.Matches(bad)) << bad;
  // Overlong, surrogate, beyond U+10FFFF, cut, stray.
  for (const char* bad :
       {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3", "\x80", "\xFF"}) {
    EXPECT_FALSE(text.Matches(bad));
  }
  EXPECT_FALSE(text.MatchesPrefix("\xED\xA0"));
}

TEST(GrammarTest, JsonContentTakesShortEscapes) {
  const Grammar text = Make(Expression::JsonContent(1, 4));
  for (const char* good : {"a", "\\n", "\\\"\\\\\\/\\t"}) EXPECT_TRUE(text.Matches(good)) << good;
  for (const char* bad : {"", "\\", "\\x", "\\u00e4", "\""}) EXPECT_FALSE(text.Matches(bad)) << bad;
}

TEST(GrammarTest, RefusesWhatCannotBeMade) {
  EXPECT_THAT(Grammar::Compile(Expression::OneOf({})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no text")));
  EXPECT_THAT(Grammar::Compile(Expression::Sequence({Expression::Literal("a"), Expression::OneOf({})})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Grammar::Compile(Expression::Repeat(Expression::Literal("a"), 3, 2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at least 3 and at most 2")));
  GrammarLimits limits;
  limits.max_states = 100;
  EXPECT_THAT(Grammar::Compile(Expression::Literal(std::string(200, 'a')), limits),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("100 states")));
  EXPECT_THAT(Grammar::Compile(Expression::Repeat(Expression::Literal("abc"), 0, 4'000'000)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  Expression deep = Expression::Literal("a");
  for (int i = 0; i < 1000; ++i) deep = Expression::Sequence({deep});
  EXPECT_THAT(Grammar::Compile(deep), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("nested")));
}

TEST(GrammarTest, ABranchThatCannotEndIsRemoved) {
  const Grammar grammar =
      Make(Expression::OneOf({Expression::Literal("yes"),
                              Expression::Sequence({Expression::Literal("no"), Expression::OneOf({})})}));
  EXPECT_TRUE(grammar.Matches("yes"));
  EXPECT_FALSE(grammar.MatchesPrefix("n"));
}

}  // namespace
}  // namespace linnet::grammar
