#include "runtime/tools/eval_suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/tools/self_check.h"
#include "tests/support/status_matchers.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Code = absl::StatusCode;

constexpr char kStarter[] = LINNET_SOURCE_DIR "/deploy/starter/linnet-starter.gguf";

std::string SuiteOf(const std::string& cases) {
  return absl::StrCat("{\"linnet_suite\": 1, \"cases\": [", cases, "]}");
}

TEST(EvalSuiteTest, ReadsWhatItsHeaderDescribes) {
  ASSERT_OK_AND_ASSIGN(const EvalSuite suite, EvalSuite::Parse(SuiteOf(R"(
    {"name": "lamp", "prompt": "a", "max_tokens": 32, "expect": {"starts_with": "{", "absent": "x"}},
    {"chat": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "schema": {"type": "boolean"},
     "expect": {"contains": ["b", "c"], "json": {"on": true}, "equals": "d"}})")));
  ASSERT_EQ(suite.cases.size(), 2u);
  EXPECT_EQ(suite.cases[0].name, "lamp");
  EXPECT_EQ(suite.cases[0].max_tokens, 32u);
  EXPECT_EQ(suite.cases[0].starts_with, "{");
  EXPECT_THAT(suite.cases[0].absent, ElementsAre("x"));
  EXPECT_EQ(suite.cases[1].name, "case 2");
  EXPECT_EQ(suite.cases[1].chat[1].content, "u");
  EXPECT_THAT(suite.cases[1].contains, ElementsAre("b", "c"));
  EXPECT_EQ(suite.cases[1].json, "{\"on\":true}");
}

TEST(EvalSuiteTest, RefusesWhatItDoesNotUnderstandAndSaysWhere) {
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT(EvalSuite::Parse(text), StatusIs(Code::kInvalidArgument, HasSubstr(why))) << text;
  };
  for (const char* no_suite :
       {"", "[]", "{", "{\"cases\":[]}", "{\"linnet_suite\":2,\"cases\":[]}",
        "{\"linnet_suite\":1,\"cases\":[],\"more\":1}", "{\"linnet_suite\":1,\"cases\":{}}"}) {
    refused(no_suite, "is no suite");
  }
  refused(SuiteOf(""), "0 cases");
  refused(SuiteOf("7"), "case 1: expected an object");
  const std::string ok = R"({"prompt":"a","expect":{"equals":"b"}})";
  EXPECT_THAT(EvalSuite::Parse(SuiteOf(ok)), IsOk());
  refused(SuiteOf(ok + R"(,{"prompt":"a"})"), "case 2: \"expect\" is missing");
  refused(SuiteOf(R"({"expect":{"equals":"b"}})"), "either \"prompt\" or \"chat\"");
  refused(SuiteOf(R"({"prompt":"a","chat":[{"role":"user","content":"u"}],"expect":{"equals":"b"}})"),
          "either");
  refused(SuiteOf(R"({"prompt":"","expect":{"equals":"b"}})"), "prompt: expected a text");
  refused(SuiteOf(R"({"prompt":"a","expect":{}})"), "expect: expected an object");
  refused(SuiteOf(R"({"prompt":"a","expect":{"eqals":"b"}})"), "\"eqals\" is unknown");
  refused(SuiteOf(R"({"prompt":"a","expect":{"equals":3}})"), "equals: expected a text");
  refused(SuiteOf(R"({"prompt":"a","expect":{"contains":[]}})"), "contains: expected 1 to 16");
  refused(SuiteOf(R"({"prompt":"a","expect":{"json":[1]}})"), "json: expected an object");
  refused(SuiteOf(R"({"prompt":"a","temperature":1,"expect":{"equals":"b"}})"), "\"temperature\" is unknown");
  for (const char* tokens : {"0", "513", "-1", "1.5", "\"8\""}) {
    refused(SuiteOf(absl::StrCat(R"({"prompt":"a","max_tokens":)", tokens, R"(,"expect":{"equals":"b"}})")),
            "max_tokens: expected 1 to 512");
  }
  refused(SuiteOf(R"({"prompt":"a","schema":{"type":"sum"},"expect":{"equals":"b"}})"), "schema: ");
  refused(SuiteOf(R"({"chat":[{"role":"user"}],"expect":{"equals":"b"}})"), "\"role\" and \"content\"");
  std::string many = ok;
  for (int i = 0; i < 1000; ++i) many += "," + ok;
  refused(SuiteOf(many), "1001 cases");
  refused(std::string(EvalSuite::kMostBytes + 1, ' '), "at most");
  refused(std::string(100'000, '['), "is no suite");
}

TEST(EvalSuiteTest, AllThatIsExpectedMustHold) {
  EvalCase question;
  question.equals = "yes";
  EXPECT_TRUE(Satisfies(" yes\n", question));
  EXPECT_FALSE(Satisfies("yes.", question));
  question.equals.reset();
  question.starts_with = "{";
  question.contains = {"on", "true"};
  question.absent = {"off"};
  EXPECT_TRUE(Satisfies(R"({"on":true})", question));
  EXPECT_FALSE(Satisfies(R"({"on":false})", question));
  EXPECT_FALSE(Satisfies(R"({"on":true,"off":1})", question));
  EXPECT_FALSE(Satisfies(R"([{"on":true}])", question));
  question = {};
  question.json = R"({"uses":[1,2],"on":true})";
  EXPECT_TRUE(Satisfies(R"({"more":0,"on":true,"uses":[1,2]})", question));
  EXPECT_FALSE(Satisfies(R"({"on":true,"uses":[2,1]})", question));
  EXPECT_FALSE(Satisfies(R"({"on":true})", question));
  EXPECT_FALSE(Satisfies("true", question));
  EXPECT_FALSE(Satisfies("{", question));
}

class StarterSuiteTest : public ::testing::Test {
 protected:
  StarterSuiteTest() {
    auto loaded = engine::Engine::Load(base::FileSystem::Real(), kStarter, {});
    EXPECT_THAT(loaded, IsOk());
    engine_ = *std::move(loaded);
  }
  EvalScore Run(const std::string& text) {
    const auto suite = EvalSuite::Parse(text);
    EXPECT_THAT(suite, IsOk());
    const auto score = RunSuite(*engine_, *suite);
    EXPECT_THAT(score, IsOk());
    return *score;
  }
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(StarterSuiteTest, TheStarterModelPassesItsOwn) {
  const auto text =
      base::FileSystem::Real().ReadFile(LINNET_SOURCE_DIR "/deploy/starter/suite.json", 1 << 20);
  ASSERT_THAT(text, IsOk());
  const EvalScore score = Run(*text);
  EXPECT_THAT(score.failed, IsEmpty());
  EXPECT_EQ(score.passed, score.cases);
  EXPECT_GE(score.cases, 20u);
}

TEST_F(StarterSuiteTest, WhatIsWrongIsNamedAndWhatCannotBeAskedIsWrong) {
  const EvalScore score = Run(SuiteOf(absl::StrCat(
      R"({"name":"free","chat":[{"role":"user","content":"intent en\nsay: turn on the light in {r1}"}],
          "expect":{"contains":"light.set"}},
         {"name":"wrong","chat":[{"role":"user","content":"intent en\nsay: turn on the light in {r1}"}],
          "expect":{"contains":"blind.set"}},
         {"name":"schema","prompt":"intent en","schema":{"type":"object","properties":{"on":{"type":"boolean"}},
          "required":["on"]},"expect":{"starts_with":"{\"on\":"}},
         {"name":"too long","prompt":")",
      std::string(60'000, 'a'), R"(","expect":{"absent":"zebra"}})")));
  EXPECT_EQ(score.cases, 4u);
  EXPECT_EQ(score.passed, 2u);
  EXPECT_THAT(score.failed, ElementsAre("wrong", "too long"));
}

TEST(SelfCheckTest, TellsTheScoreOfASuite) {
  SelfCheckOptions options;
  ASSERT_OK_AND_ASSIGN(options.suite,
                       EvalSuite::Parse(SuiteOf(R"({"prompt":"a","expect":{"absent":"\u0000b"}})")));
  ASSERT_OK_AND_ASSIGN(const SelfCheckResult result, SelfCheck(base::FileSystem::Real(), kStarter, options));
  ASSERT_TRUE(result.score.has_value());
  EXPECT_EQ(result.score->passed, 1u);
  options.suite.reset();
  ASSERT_OK_AND_ASSIGN(const SelfCheckResult without, SelfCheck(base::FileSystem::Real(), kStarter, options));
  EXPECT_FALSE(without.score.has_value());
}

}  // namespace
}  // namespace linnet::tools
