// The HTTP door of a real agent, as curl and stock OpenAI clients use it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/agent/raw_client.h"
#include "tests/agent/test_agent.h"
#include "tests/support/tiny_model.h"

namespace linnet {
namespace {

using linnet::testing::RawClient;
using linnet::testing::TestAgent;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new testing::TempDir;
    testing::WriteTinyModel(*dir_ / "slow.gguf",
                            {.dim = 256, .layers = 6, .ffn = 512, .context_tokens = 2048, .name = "slow"});
    agent_ = new TestAgent(*dir_ / "slow.gguf");
    token_ = agent_->Grant({"ask"}).bearer_token();
  }
  static void TearDownTestSuite() {
    delete agent_;
    delete dir_;
  }

  static std::string Request(const std::string& method, const std::string& path, const std::string& body = "",
                             const std::string& token = token_, const std::string& headers = "") {
    return absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: 127.0.0.1\r\n", headers,
                        token.empty() ? "" : absl::StrCat("Authorization: Bearer ", token, "\r\n"),
                        "Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  }
  static std::string Ask(const std::string& method, const std::string& path, const std::string& body = "",
                         const std::string& token = token_, const std::string& headers = "") {
    return RawClient(agent_->http_port()).Ask(Request(method, path, body, token, headers));
  }
  static std::string Chat(const std::string& more = "", const std::string& content = "hi") {
    return absl::StrCat(R"({"model":"slow","messages":[{"role":"user","content":")", content, "\"}]",
                        more.empty() ? "" : ",", more, "}");
  }
  // Hundreds of tokens before it may end.
  static std::string LongChat(const std::string& more = "") {
    return Chat(absl::StrCat(
        R"("max_tokens":1900,"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"array",)",
        R"("items":{"type":"boolean"},"minItems":300,"maxItems":350}}})", more));
  }
  static json BodyOf(const std::string& answer) {
    return json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
  }
  static json ErrorOf(const std::string& answer) { return BodyOf(answer)["error"]; }

  static inline testing::TempDir* dir_ = nullptr;
  static inline TestAgent* agent_ = nullptr;
  static inline std::string token_;
};

TEST_F(HttpApiTest, HealthNeedsNoGrant) {
  const std::string answer = Ask("GET", "/health", "", "");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(BodyOf(answer)["status"], "ok");
  EXPECT_EQ(BodyOf(answer)["model"], "slow");
}

TEST_F(HttpApiTest, EverythingElseNeedsAGrantWithScopeAsk) {
  const std::string metrics = agent_->Grant({"metrics", "manage", "ingest", "read-data"}).bearer_token();
  for (const auto& [method, path] : std::initializer_list<std::pair<const char*, const char*>>{
           {"GET", "/v1/models"}, {"POST", "/v1/chat/completions"}, {"GET", "/"}}) {
    const std::string none = Ask(method, path, Chat(), "");
    EXPECT_THAT(none, StartsWith("HTTP/1.1 401")) << path;
    EXPECT_THAT(none, HasSubstr("www-authenticate: Bearer"));
    EXPECT_EQ(ErrorOf(none)["code"], "invalid_api_key");
    EXPECT_THAT(Ask(method, path, Chat(), "linnet_wrong"), StartsWith("HTTP/1.1 401"));
    EXPECT_THAT(Ask(method, path, Chat(), metrics), StartsWith("HTTP/1.1 403"));
  }
}

TEST_F(HttpApiTest, ListsTheModelThatAnswers) {
  const json list = BodyOf(Ask("GET", "/v1/models"));
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 1U);
  EXPECT_EQ(list["data"][0]["id"], "slow");
  EXPECT_EQ(BodyOf(Ask("GET", "/v1/models/slow"))["object"], "model");
  EXPECT_EQ(BodyOf(Ask("GET", "/v1/models/%73low"))["object"], "model");
  for (const char* name : {"gpt-4", "slow%", "slow%2", "%zzslow", ""}) {
    EXPECT_EQ(ErrorOf(Ask("GET", absl::StrCat("/v1/models/", name)))["code"], "model_not_found") << name;
  }
}

TEST_F(HttpApiTest, AnswersAChatWhole) {
  const std::string answer = Ask("POST", "/v1/chat/completions", Chat(R"("max_tokens":8)"));
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200")) << answer;
  EXPECT_THAT(answer, HasSubstr("x-request-id: req_"));
  const json body = BodyOf(answer);
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(body["model"], "slow");
  EXPECT_EQ(body["choices"][0]["message"]["role"], "assistant");
  EXPECT_TRUE(body["choices"][0]["message"]["content"].is_string());
  EXPECT_LE(body["usage"]["completion_tokens"].get<int>(), 8);
  // Greedy: the same again.
  EXPECT_EQ(BodyOf(Ask("POST", "/v1/chat/completions", Chat(R"("max_tokens":8)")))["choices"],
            body["choices"]);
}

TEST_F(HttpApiTest, StreamsTheSameWords) {
  const json whole = BodyOf(Ask("POST", "/v1/chat/completions", Chat(R"("max_tokens":8)")));
  RawClient client(agent_->http_port());
  client.Send(Request("POST", "/v1/chat/completions",
                      Chat(R"("max_tokens":8,"stream":true,"stream_options":{"include_usage":true})")));
  const std::string head = client.ReadUntil("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("content-type: text/event-stream"));
  std::string text, finish;
  bool first = true, usage = false, done = false;
  const std::string stream = client.ReadUntil("\r\n0\r\n\r\n");
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(stream, '\n'))) {
    if (!line.starts_with("data: ")) continue;
    EXPECT_FALSE(done);
    if (line == "data: [DONE]") {
      done = true;
      continue;
    }
    const json chunk = json::parse(line.substr(6), nullptr, false);
    ASSERT_TRUE(chunk.is_object()) << line;
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    if (chunk.contains("usage")) {
      usage = true;
      EXPECT_EQ(chunk["usage"], whole["usage"]);
      continue;
    }
    const json& choice = chunk["choices"][0];
    if (std::exchange(first, false)) {
      EXPECT_EQ(choice["delta"]["role"], "assistant");
    }
    if (choice["delta"].contains("content")) text += choice["delta"]["content"].get<std::string>();
    if (choice["finish_reason"].is_string()) finish = choice["finish_reason"];
  }
  EXPECT_TRUE(done);
  EXPECT_TRUE(usage);
  EXPECT_EQ(text, whole["choices"][0]["message"]["content"].get<std::string>());
  EXPECT_EQ(finish, whole["choices"][0]["finish_reason"].get<std::string>());
  // The connection lives on.
  EXPECT_THAT(client.Ask(Request("GET", "/health")), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpApiTest, HoldsASchema) {
  const std::string answer = Ask(
      "POST", "/v1/chat/completions",
      Chat(
          R"("temperature":1,"max_tokens":60,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":
              {"type":"object","properties":{"room":{"enum":["kitchen","hall"]},"on":{"type":"boolean"}},
               "required":["room","on"],"additionalProperties":false}}})"));
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200")) << answer;
  const json value =
      json::parse(BodyOf(answer)["choices"][0]["message"]["content"].get<std::string>(), nullptr, false);
  ASSERT_TRUE(value.is_object());
  EXPECT_TRUE(value["on"].is_boolean());
  EXPECT_THAT(value["room"].get<std::string>(), ::testing::AnyOf("kitchen", "hall"));
  const json error = ErrorOf(Ask(
      "POST", "/v1/chat/completions",
      Chat(
          R"("response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","pattern":"x"}}})")));
  EXPECT_EQ(error["param"], "response_format.json_schema.schema");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("pattern"));
}

TEST_F(HttpApiTest, ErrorsHaveTheShapeThatClientsRead) {
  const auto error = [&](const std::string& body) {
    const std::string answer = Ask("POST", "/v1/chat/completions", body);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400")) << answer;
    const json e = ErrorOf(answer);
    EXPECT_EQ(e["type"], "invalid_request_error");
    return e;
  };
  EXPECT_EQ(error("{")["code"], "invalid_json");
  EXPECT_EQ(error("{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}")["code"], "invalid_json");
  EXPECT_EQ(error(Chat(R"("tools":[{}])"))["param"], "tools");
  EXPECT_EQ(error(Chat("", std::string(20'000, 'x')))["code"], "context_length_exceeded");
  EXPECT_EQ(error(Chat(R"("max_tokens":5000)"))["code"], "context_length_exceeded");
  // By how many tokens: 2,048 is the context, the prompt is more than nothing.
  EXPECT_THAT(error(Chat(R"("max_tokens":2048)"))["message"].get<std::string>(),
              HasSubstr("exceed the model's context of 2048 by "));
  EXPECT_THAT(error(Chat("", std::string(20'000, 'x')))["message"].get<std::string>(),
              HasSubstr(" more than fit the model's context of 2048"));
  EXPECT_THAT(Ask("POST", "/v1/chat/completions", std::string((1 << 20) + 1, 'x')),
              StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(ErrorOf(Ask("POST", "/v1/chat/completions",
                        R"({"model":"gpt-4","messages":[{"role":"user","content":"x"}]})"))["code"],
            "model_not_found");
  EXPECT_THAT(Ask("GET", "/v1/chat/completions"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Ask("POST", "/v1/models"), StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(ErrorOf(Ask("GET", "/v1/files"))["code"], "unknown_url");
}

TEST_F(HttpApiTest, ADeadlineThatPassesIsNotWorthARetry) {
  const std::string answer =
      Ask("POST", "/v1/chat/completions", LongChat(), token_, "X-Linnet-Deadline-Ms: 100\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 504"));
  EXPECT_THAT(answer, HasSubstr("x-should-retry: false"));
  EXPECT_EQ(ErrorOf(answer)["code"], "deadline_exceeded");
}

TEST_F(HttpApiTest, AClientThatGoesEndsItsGeneration) {
  for (const char* stream : {"true", "false"}) {
    RawClient client(agent_->http_port());
    client.Send(Request("POST", "/v1/chat/completions", LongChat(absl::StrCat(R"(,"stream":)", stream))));
    if (std::string(stream) == "true") {
      client.ReadUntil("data: ");
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    client.Close();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_THAT(Ask("POST", "/v1/chat/completions", Chat(R"("max_tokens":1)")), StartsWith("HTTP/1.1 200"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
  }
}

TEST(HttpApiWithoutModelTest, SaysThatNoneIsInstalled) {
  TestAgent agent;
  ASSERT_TRUE(agent.running());
  const std::string token = agent.Grant({"ask"}).bearer_token();
  const std::string body = R"({"messages":[{"role":"user","content":"x"}]})";
  const std::string answer =
      RawClient(agent.http_port())
          .Ask(absl::StrCat("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ",
                            token, "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("no model is installed"));
  EXPECT_THAT(answer, HasSubstr("x-should-retry: false"));
}

}  // namespace
}  // namespace linnet
