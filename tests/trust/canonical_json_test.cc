#include "storage/trust/canonical_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;

std::string Canonical(std::string_view text) {
  const auto json = ParseJson(text);
  EXPECT_THAT(json, IsOk()) << text;
  return json.ok() ? json->Canonical() : "";
}

TEST(CanonicalJsonTest, SortsMembersAndDropsSpaces) {
  EXPECT_EQ(Canonical(" { \"b\" : [ 1 , -2 , true , false , null ] ,\n\t\"a\" : { } }\r\n"),
            "{\"a\":{},\"b\":[1,-2,true,false,null]}");
  // By code point: "Z" < "a" < U+00E9 < U+FFFF < U+1F600 (UTF-16 order would swap the last two).
  EXPECT_EQ(Canonical("{\"\\uD83D\\uDE00\":1,\"\\uFFFF\":2,\"\xC3\xA9\":3,\"a\":4,\"Z\":5,\"\":6}"),
            "{\"\":6,\"Z\":5,\"a\":4,\"\xC3\xA9\":3,\"\xEF\xBF\xBF\":2,\"\xF0\x9F\x98\x80\":1}");
}

TEST(CanonicalJsonTest, EscapesOnlyQuotesAndBackslashes) {
  EXPECT_EQ(Canonical(R"("\" \\ \/ \b \n \u0041 \u00e9")"), "\"\\\" \\\\ / \b \n A \xC3\xA9\"");
  const auto json = ParseJson(R"("\n\u0001\"")");
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->Dump(), R"("\u000a\u0001\"")");
  EXPECT_EQ(ParseJson(json->Dump())->Canonical(), json->Canonical());
}

TEST(CanonicalJsonTest, KeepsAllSixtyFourBits) {
  EXPECT_EQ(Canonical("[9223372036854775807,-9223372036854775808,0]"),
            "[9223372036854775807,-9223372036854775808,0]");
}

class RefusedJson : public ::testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(RefusedJson, IsDataLossThatSaysWhy) {
  EXPECT_THAT(ParseJson(GetParam().first),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(GetParam().second)));
}

INSTANTIATE_TEST_SUITE_P(Attacks, RefusedJson,
                         ::testing::ValuesIn(std::vector<std::pair<std::string, std::string>>{
                             {"", "ends where a value"},
                             {"{", "name is expected"},
                             {"{\"a\":1,\"a\":2}", "named twice"},
                             {"{\"a\":1,\"\\u0061\":2}", "named twice"},
                             {"1.0", "not an integer"},
                             {"1e3", "not an integer"},
                             {"9223372036854775808", "64 bits"},
                             {"-9223372036854775809", "64 bits"},
                             {"99999999999999999999999999", "64 bits"},
                             {"-0", "begins with 0"},
                             {"01", "begins with 0"},
                             {"-", "digit"},
                             {"+1", "no value"},
                             {"NaN", "no value"},
                             {"Infinity", "no value"},
                             {"\xEF\xBB\xBF{}", "no value"},
                             {"{} {}", "more bytes"},
                             {"{}x", "more bytes"},
                             {std::string("{}\0", 3), "more bytes"},
                             {"[1,]", "no value"},
                             {"{\"a\":1,}", "name is expected"},
                             {"{a:1}", "name is expected"},
                             {"{\"a\" 1}", "':'"},
                             {"[1 2]", "','"},
                             {"'a'", "no value"},
                             {"\"a", "does not end"},
                             {"\"\n\"", "control character"},
                             {std::string("\"\0\"", 3), "control character"},
                             {"\"\xFF\"", "UTF-8"},
                             {"\"\xC0\x80\"", "UTF-8"},
                             {"\"\xE0\x80\x80\"", "UTF-8"},
                             {"\"\xED\xA0\x80\"", "UTF-8"},
                             {"\"\xF4\x90\x80\x80\"", "UTF-8"},
                             {"\"\xE2\x82\"", "UTF-8"},
                             {"\"\\uD800\"", "surrogate"},
                             {"\"\\uDC00\"", "surrogate"},
                             {"\"\\uD800\\u0041\"", "surrogate"},
                             {"\"\\uD80", "hex digits"},
                             {"\"\\u00G0\"", "hex digits"},
                             {"\"\\x41\"", "unknown escape"},
                             {"\"\\", "unknown escape"},
                             {"truth", "no value"},
                             {"nul", "no value"},
                             {"/* c */ 1", "no value"}}));

TEST(ParseJsonTest, BoundsDepthAndNumberOfValues) {
  EXPECT_THAT(ParseJson(std::string(64, '[') + std::string(64, ']')), IsOk());
  EXPECT_THAT(ParseJson(std::string(65, '[') + std::string(65, ']')), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseJson(std::string(1'000'000, '[')),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("deeper")));
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  EXPECT_THAT(ParseJson(deep), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("deeper")));
  std::string wide = "[";
  for (int i = 0; i < 500'000; ++i) wide += "0,";
  EXPECT_THAT(ParseJson(wide + "0]"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("values")));
}

}  // namespace
}  // namespace linnet::trust
