#include "runtime/grammar/json_schema.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace linnet::grammar {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

Grammar Make(const std::string& schema) {
  absl::StatusOr<Grammar> grammar = CompileSchema(schema);
  EXPECT_THAT(grammar, IsOk()) << schema;
  return *std::move(grammar);
}

TEST(JsonSchemaTest, ObjectsHaveTheirPropertiesInOrder) {
  const Grammar g = Make(
      R"({"type":"object","title":"A dish","properties":{"b":{"type":"integer"},"a":{"type":"boolean"}},"required":["a","b"],"additionalProperties":false})");
  EXPECT_TRUE(g.Matches(R"({"b":12,"a":true})"));
  EXPECT_FALSE(g.Matches(R"({"a":true,"b":12})"));
  EXPECT_FALSE(g.Matches(R"({"b":12})"));
  EXPECT_FALSE(g.Matches(R"({"b":12,"a":true,"c":1})"));
  EXPECT_TRUE(Make(R"({"type":"object","properties":{}})").Matches("{}"));
}

TEST(JsonSchemaTest, ScalarsAreJson) {
  const Grammar integer = Make(R"({"type":"integer"})");
  for (const char* good : {"0", "7", "-12", "123456789012345"}) EXPECT_TRUE(integer.Matches(good)) << good;
  for (const char* bad : {"", "-", "-0", "01", "1.5", "1e3", "1234567890123456"})
    EXPECT_FALSE(integer.Matches(bad)) << bad;
  const Grammar number = Make(R"({"type":"number","minimum":0})");
  for (const char* good : {"0", "0.5", "12.25"}) EXPECT_TRUE(number.Matches(good)) << good;
  for (const char* bad : {"-1", ".5", "1."}) EXPECT_FALSE(number.Matches(bad)) << bad;
  const Grammar range = Make(R"({"type":"integer","minimum":-2,"maximum":12})");
  for (int i = -5; i < 20; ++i) EXPECT_EQ(range.Matches(std::to_string(i)), i >= -2 && i <= 12) << i;
  EXPECT_TRUE(Make(R"({"type":"null"})").Matches("null"));
  EXPECT_FALSE(Make(R"({"type":"boolean"})").Matches("null"));
}

TEST(JsonSchemaTest, StringsAndTheirLengths) {
  const Grammar g = Make(R"({"type":"string","minLength":2,"maxLength":4})");
  EXPECT_TRUE(g.Matches("\"äö\""));
  EXPECT_TRUE(g.Matches(R"("a\n\"b")"));
  EXPECT_FALSE(g.Matches("\"a\""));
  EXPECT_FALSE(g.Matches("\"abcde\""));
  EXPECT_FALSE(g.Matches("\"a\nb\""));
  EXPECT_TRUE(Make(R"({"type":"string"})").Matches("\"" + std::string(5000, 'x') + "\""));
}

TEST(JsonSchemaTest, EnumsAreEscaped) {
  const Grammar g = Make(R"({"enum":["say \"hi\"","Küche",3,true,null,1.5]})");
  for (const char* good : {R"("say \"hi\"")", "\"Küche\"", "3", "true", "null", "1.5"})
    EXPECT_TRUE(g.Matches(good)) << good;
  EXPECT_FALSE(g.Matches("3.0"));
  EXPECT_TRUE(Make(R"({"const":"x","type":"string"})").Matches("\"x\""));
}

TEST(JsonSchemaTest, ArraysCount) {
  const Grammar g = Make(R"({"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":2})");
  EXPECT_FALSE(g.Matches("[]"));
  EXPECT_TRUE(g.Matches("[true]"));
  EXPECT_TRUE(g.Matches("[true,false]"));
  EXPECT_FALSE(g.Matches("[true,false,true]"));
}

TEST(JsonSchemaTest, WhatIsNotUnderstoodIsRefusedByPointer) {
  const struct {
    const char* schema;
    const char* pointer;
  } kCases[] = {
      {R"({"type":"string","pattern":"a+"})", "/pattern"},
      {R"({"type":"string","format":"date"})", "/format"},
      {R"({"anyOf":[{"type":"string"}]})", "(root)"},
      {R"({"type":"object","properties":{"a/b":{"type":"string","pattern":"x"}}})",
       "/properties/a~1b/pattern"},
      {R"({"type":"object","properties":{"a":{"$ref":"#/x"}}})", "/properties/a"},
      {R"({"type":"object"})", "/properties"},
      {R"({"type":"object","properties":{},"required":["a"]})", "/required"},
      {R"({"type":"object","properties":{},"additionalProperties":{"type":"string"}})",
       "/additionalProperties"},
      {R"({"type":"object","properties":{},"patternProperties":{}})", "/patternProperties"},
      {R"({"type":"array"})", "/items"},
      {R"({"type":"array","items":{"type":"string"},"uniqueItems":true})", "/uniqueItems"},
      {R"({"type":"array","items":true})", "/items"},
      {R"({"type":"array","items":{"type":"string"},"minItems":3,"maxItems":2})", "/maxItems"},
      {R"({"type":"integer","maximum":5})", "/maximum"},
      {R"({"type":"integer","minimum":0,"maximum":100000})", "/maximum"},
      {R"({"type":"integer","minimum":-9223372036854775807,"maximum":9223372036854775807})", "/maximum"},
      {R"({"type":"integer","minimum":7})", "/minimum"},
      {R"({"type":"number","minimum":0.5})", "/minimum"},
      {R"({"type":"integer","multipleOf":5})", "/multipleOf"},
      {R"({"type":["string","null"]})", "/type"},
      {R"({"type":"strng"})", "/type"},
      {R"({"type":"string","maxLength":-1})", "/maxLength"},
      {R"({"enum":[]})", "/enum"},
      {R"({"enum":[{"a":1}]})", "/enum"},
      {R"({"type":"string","enum":[3]})", "/enum"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(CompileSchema(c.schema), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.pointer)))
        << c.schema;
  }
}

TEST(JsonSchemaTest, BadInputIsRefused) {
  EXPECT_THAT(CompileSchema("{"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not JSON")));
  EXPECT_THAT(CompileSchema("true"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CompileSchema("\"\xC3\""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CompileSchema(std::string(70'000, ' ')), StatusIs(absl::StatusCode::kResourceExhausted));
  std::string deep = R"({"type":"boolean"})";
  for (int i = 0; i < 40; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_THAT(CompileSchema(deep), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("nested")));
  std::string wide = R"({"type":"boolean"})";
  for (int i = 0; i < 6; ++i) wide = R"({"type":"array","maxItems":1000,"items":)" + wide + "}";
  EXPECT_THAT(CompileSchema(wide), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(CompileSchema(std::string(60'000, '[')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(JsonSchemaTest, AnyObjectTakesAnyObject) {
  const auto g = AnyJsonObject(3);
  ASSERT_THAT(g, IsOk());
  for (const char* good : {"{}", R"({"a":1})", R"({"a":[1,"x",{"b":null}],"c":{"d":-0.5}})"}) {
    EXPECT_TRUE(g->Matches(good)) << good;
    EXPECT_TRUE(nlohmann::json::accept(good));
  }
  for (const char* bad : {"", "[]", "{\"a\":}", "{\"a\":1,}", "{a:1}"}) EXPECT_FALSE(g->Matches(bad)) << bad;
}

}  // namespace
}  // namespace linnet::grammar
