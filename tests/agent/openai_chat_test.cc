#include "agent/http/openai_chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/string_view.h"

namespace linnet::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kMessages[] = R"("messages":[{"role":"user","content":"hi"}])";

ChatCompletion Parsed(const std::string& body) {
  ChatCompletion chat;
  const std::optional<ApiError> problem = ParseChatCompletion(body, &chat);
  EXPECT_FALSE(problem.has_value()) << body << ": " << problem->message;
  return chat;
}

ApiError Problem(const std::string& body) {
  ChatCompletion chat;
  const std::optional<ApiError> problem = ParseChatCompletion(body, &chat);
  EXPECT_TRUE(problem.has_value()) << body;
  return problem.value_or(ApiError{});
}

std::string With(const std::string& member) { return absl::StrCat("{", kMessages, ",", member, "}"); }

TEST(OpenAiChatTest, ReadsWhatStockClientsSend) {
  const ChatCompletion chat = Parsed(R"({"model":"m","messages":[
      {"role":"developer","content":"be brief"},
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":"c"},{"role":"user","content":"d","name":"anna"}],
      "temperature":0.5,"top_p":0.9,"max_completion_tokens":7,"seed":-3,"stop":["x","y"],"stream":true,
      "stream_options":{"include_usage":true},"user":"u","metadata":{},"store":false,"n":1,"logprobs":false,
      "presence_penalty":0,"tools":[],"tool_choice":"none","some_new_thing":1})");
  EXPECT_EQ(chat.model, "m");
  ASSERT_EQ(chat.generation.messages.size(), 4U);
  EXPECT_EQ(chat.generation.messages[0].role, "system");
  EXPECT_EQ(chat.generation.messages[1].content, "ab");
  EXPECT_EQ(chat.generation.messages[3].content, "d");
  EXPECT_FLOAT_EQ(chat.generation.sampling.temperature, 0.5F);
  EXPECT_FLOAT_EQ(chat.generation.sampling.top_p, 0.9F);
  EXPECT_EQ(chat.generation.sampling.seed, static_cast<uint64_t>(-3));
  EXPECT_EQ(chat.generation.max_tokens, 7U);
  EXPECT_THAT(chat.generation.stop, ElementsAre("x", "y"));
  EXPECT_TRUE(chat.stream);
  EXPECT_TRUE(chat.include_usage);
}

TEST(OpenAiChatTest, TheDefaultIsGreedyAndOneText) {
  const ChatCompletion chat = Parsed(absl::StrCat("{", kMessages, "}"));
  EXPECT_EQ(chat.generation.sampling.temperature, 0);
  EXPECT_EQ(chat.generation.max_tokens, 0U);
  EXPECT_EQ(chat.generation.format, device::Generation::Format::kText);
  EXPECT_FALSE(chat.stream);
}

TEST(OpenAiChatTest, ReadsEverySamplingParameter) {
  const sampler::SamplingOptions s =
      Parsed(With(R"("frequency_penalty":0.25,"presence_penalty":-0.5,"logit_bias":{"7":-100,"12":2.5},
      "top_k":11,"min_p":0.125,"typical_p":0.75,"top_n_sigma":1.5,"xtc_probability":0.5,"xtc_threshold":0.2,
      "repeat_penalty":1.25,"repeat_last_n":-1,"dry_multiplier":0.8,"dry_base":2,"dry_allowed_length":3,
      "dry_penalty_last_n":99,"dry_sequence_breakers":["a","bc"],"mirostat":2,"mirostat_tau":4,"mirostat_eta":0.5,
      "dynatemp_range":0.5,"dynatemp_exponent":2,"samplers":["top_k","temperature"],"seed":5)"))
          .generation.sampling;
  EXPECT_FLOAT_EQ(s.frequency_penalty, 0.25F);
  EXPECT_FLOAT_EQ(s.presence_penalty, -0.5F);
  EXPECT_THAT(s.logit_bias, ::testing::UnorderedElementsAre(std::pair(7, -100.0F), std::pair(12, 2.5F)));
  EXPECT_EQ(s.top_k, 11U);
  EXPECT_FLOAT_EQ(s.min_p, 0.125F);
  EXPECT_FLOAT_EQ(s.typical_p, 0.75F);
  EXPECT_FLOAT_EQ(s.top_n_sigma, 1.5F);
  EXPECT_FLOAT_EQ(s.xtc_probability, 0.5F);
  EXPECT_FLOAT_EQ(s.xtc_threshold, 0.2F);
  EXPECT_FLOAT_EQ(s.repetition_penalty, 1.25F);
  EXPECT_EQ(s.repetition_window, UINT32_MAX);
  EXPECT_FLOAT_EQ(s.dry_multiplier, 0.8F);
  EXPECT_FLOAT_EQ(s.dry_base, 2);
  EXPECT_EQ(s.dry_allowed_length, 3U);
  EXPECT_EQ(s.dry_penalty_last_n, 99);
  EXPECT_THAT(s.dry_sequence_breakers, ElementsAre("a", "bc"));
  EXPECT_EQ(s.mirostat, 2U);
  EXPECT_FLOAT_EQ(s.mirostat_tau, 4);
  EXPECT_FLOAT_EQ(s.mirostat_eta, 0.5F);
  EXPECT_FLOAT_EQ(s.dynatemp_range, 0.5F);
  EXPECT_FLOAT_EQ(s.dynatemp_exponent, 2);
  EXPECT_THAT(s.order, ElementsAre(sampler::Stage::kTopK, sampler::Stage::kTemperature));
  EXPECT_EQ(s.seed, 5U);
  // llama.cpp's other spellings.
  const auto other =
      Parsed(With(R"("logit_bias":[[3,false],[4,1]],"samplers":"min_p;temperature")")).generation.sampling;
  EXPECT_THAT(other.logit_bias,
              ElementsAre(std::pair(3, -std::numeric_limits<float>::infinity()), std::pair(4, 1.0F)));
  EXPECT_THAT(other.order, ElementsAre(sampler::Stage::kMinP, sampler::Stage::kTemperature));
  // Without a seed two requests differ.
  EXPECT_NE(Parsed(With(R"("top_k":1)")).generation.sampling.seed,
            Parsed(With(R"("top_k":1)")).generation.sampling.seed);
}

TEST(OpenAiChatTest, ContextShiftIsOffUnlessAsked) {
  EXPECT_FALSE(Parsed(With(R"("top_k":1)")).generation.context_shift_keep.has_value());
  EXPECT_EQ(Parsed(With(R"("context_shift_keep":12)")).generation.context_shift_keep, 12U);
  EXPECT_EQ(Problem(With(R"("context_shift_keep":-1)")).param, "context_shift_keep");
}

TEST(OpenAiChatTest, ReadsResponseFormats) {
  EXPECT_EQ(Parsed(With(R"("response_format":{"type":"text"})")).generation.format,
            device::Generation::Format::kText);
  EXPECT_EQ(Parsed(With(R"("response_format":{"type":"json_object"})")).generation.format,
            device::Generation::Format::kJsonObject);
  const ChatCompletion chat = Parsed(With(
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}})"));
  EXPECT_EQ(chat.generation.format, device::Generation::Format::kJsonSchema);
  EXPECT_EQ(chat.generation.json_schema, R"({"type":"object"})");
  EXPECT_EQ(Parsed(With(R"("response_format":{"type":"json_object","schema":{"type":"null"}})"))
                .generation.json_schema,
            R"({"type":"null"})");
  EXPECT_EQ(Problem(With(R"("response_format":{"type":"grammar"})")).param, "response_format");
  EXPECT_EQ(Problem(With(R"("response_format":{"type":"json_schema"})")).param,
            "response_format.json_schema.schema");
}

TEST(OpenAiChatTest, RefusesByNameWhatWouldChangeTheAnswer) {
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"tools", R"([{"type":"function"}])"},
                                                                  {"tool_choice", R"("auto")"},
                                                                  {"functions", "[{}]"},
                                                                  {"function_call", R"("auto")"},
                                                                  {"logprobs", "true"},
                                                                  {"top_logprobs", "3"},
                                                                  {"modalities", R"(["text","audio"])"},
                                                                  {"audio", "{}"},
                                                                  {"prediction", "{}"},
                                                                  {"web_search_options", "{}"},
                                                                  {"n", "2"},
                                                                  {"grammar", R"("root ::= x")"},
                                                                  {"ignore_eos", "true"},
                                                                  {"n_predict", "5"}}) {
    const ApiError error = Problem(With(absl::StrCat("\"", name, "\":", value)));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.param, name);
    EXPECT_EQ(error.code, "unsupported_parameter");
    EXPECT_THAT(error.message, HasSubstr(name));
  }
}

TEST(OpenAiChatTest, GivesToolsAndCallsToTheTemplateInTheirOrder) {
  const ChatCompletion chat = Parsed(R"({"messages":[
      {"role":"user","content":"x"},
      {"role":"assistant","content":null,"tool_calls":[
        {"id":"1","type":"function","function":{"name":"f","arguments":"{\"z\":1,\"a\":2}"}}]},
      {"role":"tool","tool_call_id":"1","name":"f","content":[{"type":"text","text":"3"}]}],
    "tools":[{"type":"function","function":{"name":"f","description":"d"}}],"tool_choice":"none",
    "chat_template_kwargs":{"enable_thinking":false}})");
  ASSERT_EQ(chat.generation.messages.size(), 3u);
  EXPECT_EQ(chat.generation.messages[1].content, "");
  EXPECT_EQ(
      chat.generation.messages[1].more_json,
      R"({"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"z":1,"a":2}}}]})");
  EXPECT_EQ(chat.generation.messages[2].role, "tool");
  EXPECT_EQ(chat.generation.messages[2].content, "3");
  EXPECT_EQ(chat.generation.messages[2].more_json, R"({"name":"f","tool_call_id":"1"})");
  EXPECT_EQ(chat.generation.tools_json, R"([{"type":"function","function":{"name":"f","description":"d"}}])");
  EXPECT_EQ(chat.generation.template_variables_json, R"({"enable_thinking":false})");
  EXPECT_EQ(Problem(With(R"("chat_template_kwargs":5)")).param, "chat_template_kwargs");
  EXPECT_EQ(Problem(With(R"("tools":[{"type":"web"}],"tool_choice":"none")")).param, "tools");
  EXPECT_EQ(Problem(With(R"("tools":5,"tool_choice":"none")")).param, "tools");
}

TEST(OpenAiChatTest, NamesTheParameterThatIsWrong) {
  const std::pair<const char*, const char*> kWrong[] = {
      {R"({})", "messages"},
      {R"({"messages":[]})", "messages"},
      {R"({"messages":"hi"})", "messages"},
      {R"({"messages":[5]})", "messages[0]"},
      {R"({"messages":[{"role":"ghost","content":"x"}]})", "messages[0].role"},
      {R"({"messages":[{"role":"user","content":"x","tool_calls":[{}]}]})", "messages[0].tool_calls"},
      {R"({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"no"}}]}]})",
       "messages[0].tool_calls"},
      {R"({"messages":[{"role":"tool","content":"x","tool_call_id":5}]})", "messages[0].tool_call_id"},
      {R"({"messages":[{"role":5,"content":"x"}]})", "messages[0].role"},
      {R"({"messages":[{"role":"user"}]})", "messages[0].content"},
      {R"({"messages":[{"role":"user","content":5}]})", "messages[0].content"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]})",
       "messages[0].content"},
      {R"({"messages":[{"role":"assistant","content":"","tool_calls":[{}]}]})", "messages[0].tool_calls"},
  };
  for (const auto& [body, param] : kWrong) EXPECT_EQ(Problem(body).param, param) << body;
  const std::pair<const char*, const char*> kWrongMembers[] = {
      {R"("model":5)", "model"},
      {R"("temperature":"hot")", "temperature"},
      {R"("temperature":2.5)", "temperature"},
      {R"("temperature":-0.1)", "temperature"},
      {R"("top_p":0)", "top_p"},
      {R"("max_tokens":0)", "max_tokens"},
      {R"("max_tokens":-5)", "max_tokens"},
      {R"("max_tokens":1.5)", "max_tokens"},
      {R"("max_completion_tokens":"7")", "max_completion_tokens"},
      {R"("seed":1.5)", "seed"},
      {R"("stop":5)", "stop"},
      {R"("stop":["a","b","c","d","e"])", "stop"},
      {R"("stream":"yes")", "stream"},
      {R"("stream_options":true)", "stream_options"},
      {R"("top_k":-1)", "top_k"},
      {R"("frequency_penalty":2.5)", "frequency_penalty"},
      {R"("presence_penalty":"no")", "presence_penalty"},
      {R"("logit_bias":{"x":1})", "logit_bias"},
      {R"("logit_bias":{"5":101})", "logit_bias"},
      {R"("logit_bias":{"-5":1})", "logit_bias"},
      {R"("logit_bias":[[5,1],[5,2]])", "logit_bias"},
      {R"("logit_bias":[[5,true]])", "logit_bias"},
      {R"("logit_bias":5)", "logit_bias"},
      {R"("min_p":1)", "min_p"},
      {R"("typical_p":0)", "typical_p"},
      {R"("top_n_sigma":-1)", "top_n_sigma"},
      {R"("xtc_probability":1.5)", "xtc_probability"},
      {R"("xtc_threshold":-0.5)", "xtc_threshold"},
      {R"("repeat_penalty":3)", "repeat_penalty"},
      {R"("repeat_last_n":-2)", "repeat_last_n"},
      {R"("dry_multiplier":-1)", "dry_multiplier"},
      {R"("dry_base":0.5)", "dry_base"},
      {R"("dry_allowed_length":-1)", "dry_allowed_length"},
      {R"("dry_penalty_last_n":-2)", "dry_penalty_last_n"},
      {R"("dry_sequence_breakers":[""])", "dry_sequence_breakers"},
      {R"("dry_sequence_breakers":"a")", "dry_sequence_breakers"},
      {R"("mirostat":1)", "mirostat"},
      {R"("mirostat":3)", "mirostat"},
      {R"("mirostat_tau":-1)", "mirostat_tau"},
      {R"("mirostat_eta":2)", "mirostat_eta"},
      {R"("dynatemp_range":-1)", "dynatemp_range"},
      {R"("samplers":["top_z"])", "samplers"},
      {R"("samplers":["top_k","top_k"])", "samplers"},
      {R"("samplers":5)", "samplers"},
  };
  for (const auto& [member, param] : kWrongMembers) EXPECT_EQ(Problem(With(member)).param, param) << member;
}

TEST(OpenAiChatTest, RefusesBytesThatAreNotJsonOrNotUtf8) {
  for (const std::string& body :
       {std::string(""), std::string("{"), std::string("[]"), std::string("\xff\xfe"),
        std::string("{\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\x28\"}]}"),
        std::string(5'000, '[')}) {
    EXPECT_EQ(Problem(body).code, "invalid_json") << body.substr(0, 20);
  }
}

TEST(OpenAiChatTest, WritesWhatStockClientsRead) {
  const CompletionHead head{"chatcmpl-1", 1'700'000'000, "tiny"};
  engine::GenerateResult result;
  result.text = "a \"quote\"\n";
  result.ids = {1, 2, 3};
  result.prompt_tokens = 5;
  result.finish = engine::FinishReason::kLength;
  EXPECT_EQ(
      CompletionJson(head, result),
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"tiny","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"a \"quote\"\n","refusal":null},"logprobs":null,)"
      R"("finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8}})");
  EXPECT_EQ(
      DeltaEvent(head, "é"),
      "data: "
      "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"tiny\","
      "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"é\"},\"finish_reason\":null}]}\n\n");
  result.finish = engine::FinishReason::kStop;
  EXPECT_THAT(FinishEvent(head, result), HasSubstr(R"("delta":{},"finish_reason":"stop")"));
  EXPECT_THAT(UsageEvent(head, result), HasSubstr(R"("choices":[],"usage":{"prompt_tokens":5)"));
}

}  // namespace
}  // namespace linnet::http
