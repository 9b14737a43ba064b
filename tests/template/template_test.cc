#include "runtime/template/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/status_matchers.h"
#include "tests/template/render.h"

// What differential_test.py does not see: the words of errors, times, the files of the command line.
namespace linnet::jinja {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(TemplateTest, ErrorsSayWhere) {
  EXPECT_THAT(Render("\n\n{{ x.y }}"),
              StatusIs(absl::StatusCode::kInvalidArgument, EndsWith("line 3: 'x' is undefined")));
  EXPECT_THAT(Render("{{ raise_exception('no ' ~ 5) }}"),
              StatusIs(absl::StatusCode::kInvalidArgument, EndsWith("line 1: the template says: no 5")));
  EXPECT_THAT(Render("{% if true %}\n{% for %}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2")));
  EXPECT_THAT(Render("{% include 'x' %}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'include' is not supported")));
  EXPECT_THAT(Render("{{ x|urlize }}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("No filter named 'urlize'")));
  EXPECT_THAT(Render("{{ {'a': 1}.b.c }}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'dict object' has no attribute 'b'")));
  EXPECT_THAT(Render("\xff"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  EXPECT_THAT(Render("{{ 9223372036854775807 + 1 }}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("64 bits")));
  EXPECT_THAT(Render("{{ x }}", {{"x", UINT64_MAX}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("64 bits")));
}

TEST(TemplateTest, OneTemplateServesManyThreads) {
  ASSERT_OK_AND_ASSIGN(
      const auto parsed,
      Template::Parse("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n "
                      "+ m.content|length %}{% endfor %}{{ ns.n }}"));
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < results.size(); ++t) {
    threads.emplace_back([&, t] {
      ChatInput input;
      for (size_t i = 0; i <= t; ++i) input.messages.push_back({{"role", "user"}, {"content", "four"}});
      for (int i = 0; i < 50; ++i) results[t] = RenderChat(*parsed, input)->at(0).text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(results, ::testing::ElementsAre("4", "8", "12", "16"));
}

TEST(ChatPromptTest, ReadsTimes) {
  const auto shown = [](std::string_view text) {
    const auto now = ReadWallClock(text);
    return now.ok() ? absl::FormatCivilTime(now->second) : now.status().ToString();
  };
  EXPECT_EQ(shown("2025-01-31"), "2025-01-31T00:00:00");
  EXPECT_EQ(shown("2025-01-31T08:30:01"), "2025-01-31T08:30:01");
  EXPECT_EQ(shown("2025-01-31T08:30:01Z"), "2025-01-31T08:30:01");
  EXPECT_EQ(shown("2025-01-31 08:30:01+02:00"), "2025-01-31T08:30:01");
  EXPECT_EQ(shown("2025-01-31T08:30:01.25-05:00"), "2025-01-31T08:30:01");
  EXPECT_EQ(ReadWallClock("2025-01-31T08:30:01.25")->microsecond, 250000);
  EXPECT_EQ(shown("1735689600"), "2025-01-01T00:00:00");
  for (const char* wrong : {"", "soon", "2025-13-01", "2025-01-31T25:00:00", "2025-01-31T08:30:01.x"}) {
    EXPECT_THAT(ReadWallClock(wrong), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no time")))
        << wrong;
  }
}

TEST(ChatPromptTest, ReadsMessagesWithOrWithoutAnObjectAround) {
  ChatInput input;
  ASSERT_THAT(ReadMessages(R"([{"role": "user", "content": "x"}])", &input), IsOk());
  EXPECT_EQ(input.messages.size(), 1u);
  ASSERT_THAT(
      ReadMessages(R"({"messages": [], "tools": [1], "add_generation_prompt": true, "enable_thinking": false,
                               "chat_template_kwargs": {"date_string": "d"}})",
                   &input),
      IsOk());
  EXPECT_EQ(input.tools, Json::array({1}));
  EXPECT_TRUE(input.add_generation_prompt);
  EXPECT_EQ(input.variables, (Json{{"enable_thinking", false}, {"date_string", "d"}}));
  for (const char* wrong : {"", "5", "[5]", "{}", "{\"messages\": 5}", "[{}", "[\"\xff\"]"}) {
    EXPECT_THAT(ReadMessages(wrong, &input), StatusIs(absl::StatusCode::kInvalidArgument)) << wrong;
  }
  EXPECT_THAT(ReadTools("{}", &input), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ChatPromptTest, VariablesDoNotReplaceTheProgramsOwn) {
  ASSERT_OK_AND_ASSIGN(const auto parsed, Template::Parse("{{ bos_token }}"));
  ChatInput input;
  input.variables = {{"bos_token", "<|im_start|>"}};
  EXPECT_THAT(RenderChat(*parsed, input),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bos_token")));
}

TEST(ChatPromptTest, GivesToolsAndDocumentsAsTransformersDoes) {
  ASSERT_OK_AND_ASSIGN(
      const auto parsed,
      Template::Parse("{{ tools is none }} {{ documents is none }} {{ bos_token is defined }}"));
  EXPECT_EQ(Marked(*RenderChat(*parsed, {})), "[True True False]");
}

}  // namespace
}  // namespace linnet::jinja
