// What a user's program gets from a device over gRPC: readings in, answers out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/sensors/bearing_simulator.h"
#include "tests/agent/test_agent.h"
#include "tests/support/tiny_model.h"

namespace linnet {
namespace {

namespace v1 = agent::v1;
using linnet::testing::Context;
using linnet::testing::Stub;
using linnet::testing::TestAgent;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kStarter[] = LINNET_SOURCE_DIR "/deploy/starter/linnet-starter.gguf";

v1::AskResponse Ask(Stub& stub, const std::string& text, v1::AskKind kind = v1::ASK_KIND_UNSPECIFIED,
                    uint64_t anomaly = 0) {
  v1::AskRequest request;
  request.set_text(text);
  request.set_kind(kind);
  request.set_anomaly_id(anomaly);
  v1::AskResponse response;
  const grpc::Status status = stub.Ask(Context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << text << ": " << status.error_message();
  return response;
}

// The simulated bearing, through one Ingest stream.
v1::IngestResponse IngestBearing(Stub& stub) {
  sensors::BearingOptions options;
  options.hours = 3;
  options.fault_start_hours = 2;
  options.period = absl::Seconds(5);
  std::map<std::string, v1::IngestRequest> pending;
  v1::IngestResponse response;
  const auto context = Context();
  const auto writer = stub.Ingest(context.get(), &response);
  EXPECT_TRUE(sensors::SimulateBearing(options, [&](const sensors::Reading& reading) {
                v1::IngestRequest& request = pending[reading.channel];
                request.set_channel(reading.channel);
                request.set_unit(reading.unit);
                v1::Reading* to = request.add_readings();
                to->set_time_unix_micros(absl::ToUnixMicros(reading.time));
                to->set_value(reading.value);
                if (request.readings_size() < 256) return true;
                const bool sent = writer->Write(request);
                request.clear_readings();
                return sent;
              }).ok());
  for (const auto& [channel, request] : pending) writer->Write(request);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

void SetStock(Stub& stub) {
  v1::SetInventoryRequest request;
  for (const auto& [name, quantity, unit, days] :
       std::initializer_list<std::tuple<const char*, double, const char*, int>>{{"Lachs", 200, "g", 1},
                                                                                {"Spinat", 300, "g", 2},
                                                                                {"Nudeln", 500, "g", 200},
                                                                                {"Zitrone", 1, "", 9}}) {
    v1::InventoryItem* item = request.add_items();
    item->set_name(name);
    item->set_quantity(quantity);
    item->set_unit(unit);
    item->set_days_left(days);
  }
  v1::SetInventoryResponse response;
  ASSERT_TRUE(stub.SetInventory(Context().get(), request, &response).ok());
  EXPECT_EQ(response.items(), 4U);
}

void SetRooms(Stub& stub) {
  v1::SetEntitiesRequest request;
  for (const auto& [name, alias] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Küche", "kitchen"}, {"Wohnzimmer", "living room"}}) {
    v1::Entity* entity = request.add_entities();
    entity->set_kind(v1::ROOM);
    entity->set_name(name);
    entity->add_aliases(alias);
    (*entity->mutable_state())["light"] = "on";
  }
  request.set_own_room("Küche");
  v1::SetEntitiesResponse response;
  const grpc::Status status = stub.SetEntities(Context().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

void ExpectUsesOnlyStock(const std::string& json) {
  const nlohmann::json recipe = nlohmann::json::parse(json, nullptr, false);
  ASSERT_TRUE(recipe.is_object()) << json;
  EXPECT_TRUE(recipe["title"].is_string());
  ASSERT_TRUE(recipe["uses"].is_array());
  EXPECT_GE(recipe["uses"].size(), 1U);
  for (const nlohmann::json& use : recipe["uses"]) {
    EXPECT_THAT((std::vector<std::string>{"Lachs", "Spinat", "Nudeln", "Zitrone"}),
                ::testing::Contains(use["name"].get<std::string>()));
  }
}

TEST(AnswersTest, WithoutAModelEveryAnswerIsATemplatesAndSaysSo) {
  TestAgent agent;
  ASSERT_TRUE(agent.running());
  const auto stub = agent.Local();
  const v1::IngestResponse ingested = IngestBearing(*stub);
  EXPECT_EQ(ingested.rejected(), 0U) << ingested.first_rejection();
  EXPECT_GT(ingested.readings(), 10'000U);
  ASSERT_GE(ingested.anomalies_size(), 1);

  v1::ListAnomaliesResponse listed;
  ASSERT_TRUE(stub->ListAnomalies(Context().get(), {}, &listed).ok());
  ASSERT_GE(listed.anomalies_size(), 1);
  const v1::Anomaly& anomaly = listed.anomalies(0);
  EXPECT_NE(anomaly.state(), v1::ANOMALY_STATE_UNSPECIFIED);
  EXPECT_NE(anomaly.severity(), v1::ANOMALY_SEVERITY_UNSPECIFIED);

  for (const char* text : {"What is wrong with the press?", "Was ist mit der Presse los?"}) {
    const v1::AskResponse report = Ask(*stub, text, v1::REPORT, anomaly.id());
    EXPECT_EQ(report.kind(), v1::REPORT);
    EXPECT_TRUE(report.from_template());
    EXPECT_EQ(report.template_reason(), "no-model");
    EXPECT_FALSE(report.has_usage());
    EXPECT_THAT(report.text(), HasSubstr("test-device"));
    EXPECT_EQ(report.model(), "");
    // The numbers are the anomaly's, to the digit.
    const nlohmann::json facts = nlohmann::json::parse(report.json(), nullptr, false);
    EXPECT_EQ(facts["value"].get<double>(), anomaly.value());
    EXPECT_EQ(facts["baseline"].get<double>(), anomaly.baseline());
  }
  v1::AskRequest aloud;
  aloud.set_text("What is wrong with the press?");
  aloud.set_kind(v1::REPORT);
  aloud.set_speech(true);
  v1::AskResponse said;
  ASSERT_TRUE(stub->Ask(Context().get(), aloud, &said).ok());
  EXPECT_THAT(said.text(), HasSubstr("test device"));
  EXPECT_EQ(said.text().find_first_of("0123456789%/()"), std::string::npos) << said.text();
  SetStock(*stub);
  const v1::AskResponse recipe = Ask(*stub, "What can I cook tonight?", v1::RECIPE);
  EXPECT_TRUE(recipe.from_template());
  ExpectUsesOnlyStock(recipe.json());

  v1::StatusResponse status;
  ASSERT_TRUE(stub->Status(Context().get(), {}, &status).ok());
  EXPECT_EQ(status.device_name(), "test-device");
  EXPECT_EQ(status.device_id().size(), 16U);
  EXPECT_FALSE(status.enrolled());
  EXPECT_EQ(status.model(), "");
  EXPECT_NE(status.kernel_set(), "");
  EXPECT_EQ(status.readings(), ingested.readings());
  EXPECT_EQ(status.answers(), 4U);
  EXPECT_EQ(status.template_answers(), 4U);
  EXPECT_GT(status.resident_bytes(), 1'000'000U);
  EXPECT_EQ(status.version(), "0.1.0");

  agent.Restart();
  ASSERT_TRUE(agent.running());
  const v1::AskResponse again = Ask(*agent.Local(), "What is wrong?", v1::REPORT, anomaly.id());
  EXPECT_EQ(again.kind(), v1::REPORT);
  ExpectUsesOnlyStock(Ask(*agent.Local(), "What can I cook tonight?", v1::RECIPE).json());
}

TEST(AnswersTest, TheStarterModelWritesThem) {
  if (!std::filesystem::exists(kStarter)) GTEST_SKIP() << kStarter << " is absent";
  TestAgent agent(kStarter);
  ASSERT_TRUE(agent.running());
  const auto stub = agent.Local();
  const v1::IngestResponse ingested = IngestBearing(*stub);
  ASSERT_GE(ingested.anomalies_size(), 1);
  SetStock(*stub);
  int from_model = 0, asked = 0;
  const auto count = [&](const v1::AskResponse& answer) {
    ++asked;
    from_model += answer.from_template() ? 0 : 1;
    EXPECT_THAT(answer.text(), Not(::testing::IsEmpty()));
    EXPECT_THAT(answer.text(), Not(HasSubstr("{")));
    return answer;
  };
  const v1::AskResponse english = count(Ask(*stub, "What is wrong with the press?", v1::REPORT));
  ASSERT_TRUE(english.has_usage());
  EXPECT_GT(english.usage().prompt_tokens(), 10U);
  EXPECT_GT(english.usage().generated_tokens(), 10U);
  EXPECT_EQ(english.usage().finish(), v1::STOP);
  EXPECT_GT(english.usage().prefill_micros() + english.usage().decode_micros(), 0U);
  EXPECT_EQ(english.language(), v1::ENGLISH);
  EXPECT_NE(english.model(), "");
  const v1::AskResponse german = count(Ask(*stub, "Was ist mit der Presse los?", v1::REPORT));
  EXPECT_EQ(german.language(), v1::GERMAN);
  ExpectUsesOnlyStock(count(Ask(*stub, "What can I cook tonight?", v1::RECIPE)).json());
  ExpectUsesOnlyStock(count(Ask(*stub, "Was kann ich heute Abend kochen?", v1::RECIPE)).json());
  // A small model may fail a check now and then; that it never writes is another thing.
  EXPECT_GE(from_model, 2) << "of " << asked;

  SetRooms(*stub);
  const v1::AskResponse action = Ask(*stub, "Turn on the light in the kitchen", v1::INTENT);
  ASSERT_EQ(action.tool_calls_size(), 1) << action.json();
  EXPECT_EQ(action.tool_calls(0).name(), "light.set");
  EXPECT_FALSE(action.tool_calls(0).read_only());
  EXPECT_THAT(action.tool_calls(0).arguments_json(), HasSubstr("Küche"));
  for (const char* question : {"Is the light on in the kitchen?", "Ist das Licht in der Küche an?"}) {
    const v1::AskResponse answer = Ask(*stub, question, v1::INTENT);
    for (const v1::ToolCall& call : answer.tool_calls()) EXPECT_TRUE(call.read_only()) << call.name();
  }
}

TEST(AnswersTest, TheJournalOfADeviceThatJoinedNothingIsEmpty) {
  TestAgent agent;
  ASSERT_TRUE(agent.running());
  v1::PrivacyJournalResponse journal;
  ASSERT_TRUE(agent.Local()->PrivacyJournal(Context().get(), {}, &journal).ok());
  EXPECT_EQ(journal.messages_size(), 0);
  EXPECT_EQ(journal.total_bytes(), 0U);
  EXPECT_EQ(journal.budget_bytes_a_day(), 64U << 10);
  v1::CheckForUpdateResponse response;
  EXPECT_EQ(agent.Local()->CheckForUpdate(Context().get(), {}, &response).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST(AnswersTest, BadInputIsNamed) {
  TestAgent agent;
  ASSERT_TRUE(agent.running());
  const auto stub = agent.Local();
  v1::AskResponse response;
  v1::AskRequest ask;
  EXPECT_EQ(stub->Ask(Context().get(), ask, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ask.set_text(std::string(501, 'x'));
  EXPECT_EQ(stub->Ask(Context().get(), ask, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ask.set_text("What is wrong?");
  ask.set_anomaly_id(77);
  EXPECT_EQ(stub->Ask(Context().get(), ask, &response).error_code(), grpc::StatusCode::NOT_FOUND);

  v1::SetInventoryRequest stock;
  stock.add_items()->set_name("nothing of it");
  v1::SetInventoryResponse none;
  const grpc::Status status = stub->SetInventory(Context().get(), stock, &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("items[0].quantity"));

  v1::CreateGrantRequest grant;
  grant.set_name("x");
  grant.add_scopes("everything");
  v1::CreateGrantResponse granted;
  EXPECT_EQ(stub->CreateGrant(Context().get(), grant, &granted).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  grant.set_scopes(0, "ask");
  grant.set_valid_seconds(UINT64_MAX);
  EXPECT_EQ(stub->CreateGrant(Context().get(), grant, &granted).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);

  v1::GenerateRequest generate;
  generate.set_prompt("hello");
  v1::GenerateResponse part;
  const auto context = Context();
  const auto reader = stub->Generate(context.get(), generate);
  EXPECT_FALSE(reader->Read(&part));
  const grpc::Status no_model = reader->Finish();
  EXPECT_EQ(no_model.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(no_model.error_message(), HasSubstr("no model is installed"));
}

class GenerationTest : public ::testing::Test {
 protected:
  GenerationTest() {
    // Slow enough that a cancel comes in its middle, and that a stop does not wait for its end.
    testing::WriteTinyModel(dir_ / "slow.gguf",
                            {.dim = 256, .layers = 16, .ffn = 512, .context_tokens = 4096, .name = "slow"});
    agent_ = std::make_unique<TestAgent>(dir_ / "slow.gguf");
  }
  // Hundreds of tokens before it may end.
  static v1::GenerateRequest Long() {
    v1::GenerateRequest request;
    request.set_prompt("hello");
    request.set_max_tokens(4'000);
    request.set_json_schema(R"({"type":"array","items":{"type":"boolean"},"minItems":400,"maxItems":500})");
    return request;
  }
  testing::TempDir dir_;
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(GenerationTest, StreamsDeltasThenTheUsage) {
  ASSERT_TRUE(agent_->running());
  v1::ChatRequest request;
  v1::ChatMessage* message = request.add_messages();
  message->set_role("user");
  message->set_content("hello");
  request.set_max_tokens(32);
  request.set_json_schema(R"({"enum":["kitchen and hall","kitchen and bath"]})");
  const auto context = Context();
  const auto stub = agent_->Local();
  const auto reader = stub->Chat(context.get(), request);
  v1::GenerateResponse part, last;
  std::string text;
  while (reader->Read(&part)) {
    EXPECT_FALSE(last.has_usage()) << "usage comes last";
    text += part.delta();
    last = part;
  }
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_THAT(text, ::testing::AnyOf("\"kitchen and hall\"", "\"kitchen and bath\""));
  ASSERT_TRUE(last.has_usage());
  EXPECT_EQ(last.usage().finish(), v1::STOP);
  EXPECT_GT(last.usage().prompt_tokens(), 0U);
  EXPECT_GT(last.usage().forced_tokens(), 0U);
}

TEST_F(GenerationTest, AClientThatCancelsEndsItsGeneration) {
  ASSERT_TRUE(agent_->running());
  v1::GenerateRequest request = Long();
  const auto stub = agent_->Local();
  auto context = Context();
  auto reader = stub->Generate(context.get(), request);
  v1::GenerateResponse part;
  ASSERT_TRUE(reader->Read(&part));
  context->TryCancel();
  while (reader->Read(&part)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // The engine is free again long before the first would have ended.
  request.clear_json_schema();
  request.set_max_tokens(2);
  context = Context();
  reader = stub->Generate(context.get(), request);
  while (reader->Read(&part)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_LT(part.usage().queue_micros(), 2'000'000U);
}

TEST_F(GenerationTest, AClientThatCancelsEndsItsQuestion) {
  ASSERT_TRUE(agent_->running());
  const auto stub = agent_->Local();
  SetStock(*stub);
  v1::AskRequest ask;
  ask.set_text("What can I cook tonight?");
  ask.set_kind(v1::RECIPE);
  v1::AskResponse answer;
  const auto context = Context();
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    context->TryCancel();
  });
  const grpc::Status status = stub->Ask(context.get(), ask, &answer);
  canceller.join();
  ASSERT_EQ(status.error_code(), grpc::StatusCode::CANCELLED) << "the model was too fast for this test";
  v1::GenerateRequest request;
  request.set_prompt("hello");
  request.set_max_tokens(2);
  const auto next = Context();
  const auto reader = stub->Generate(next.get(), request);
  v1::GenerateResponse part;
  while (reader->Read(&part)) {
  }
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_LT(part.usage().queue_micros(), 1'000'000U);
}

TEST_F(GenerationTest, SamplingReachesTheModelAndItsErrorsTheCaller) {
  ASSERT_TRUE(agent_->running());
  const auto stub = agent_->Local();
  const auto run = [&](const v1::GenerateRequest& request, std::string* text, v1::Usage* usage) {
    const auto context = Context();
    const auto reader = stub->Generate(context.get(), request);
    v1::GenerateResponse part;
    while (reader->Read(&part)) {
      *text += part.delta();
      if (part.has_usage()) *usage = part.usage();
    }
    return reader->Finish();
  };
  v1::GenerateRequest request;
  request.set_prompt("hello");
  request.set_max_tokens(12);
  request.mutable_sampling()->set_temperature(1.5F);
  request.mutable_sampling()->set_seed(9);
  request.mutable_sampling()->add_samplers("temperature");
  std::string first, again, other;
  v1::Usage usage;
  EXPECT_TRUE(run(request, &first, &usage).ok());
  EXPECT_TRUE(run(request, &again, &usage).ok());
  request.mutable_sampling()->set_seed(10);
  EXPECT_TRUE(run(request, &other, &usage).ok());
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);

  const auto refused = [&](const std::function<void(v1::Sampling*)>& change) {
    v1::GenerateRequest bad = request;
    change(bad.mutable_sampling());
    std::string text;
    const grpc::Status status = run(bad, &text, &usage);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_THAT(refused([](v1::Sampling* s) { s->set_typical_p(2); }), HasSubstr("typical_p"));
  EXPECT_THAT(refused([](v1::Sampling* s) { s->set_mirostat(1); }), HasSubstr("mirostat"));
  EXPECT_THAT(refused([](v1::Sampling* s) { s->add_samplers("top_z"); }), HasSubstr("top_z"));
  EXPECT_THAT(refused([](v1::Sampling* s) { s->add_logit_bias()->set_token(1 << 30); }),
              HasSubstr("logit_bias"));

  // A prompt that is too long says by how much, and a context that is shifted is asked for.
  v1::GenerateRequest longer;
  longer.set_prompt(std::string(4100, 'x'));
  std::string text;
  const grpc::Status status = run(longer, &text, &usage);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_THAT(status.error_message(), HasSubstr("4100 tokens, 5 more than fit"));
}

TEST_F(GenerationTest, TheCallersDeadlineIsTheGenerations) {
  ASSERT_TRUE(agent_->running());
  const v1::GenerateRequest request = Long();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(400));
  const auto stub = agent_->Local();
  const auto reader = stub->Generate(&context, request);
  v1::GenerateResponse part;
  while (reader->Read(&part)) {
  }
  const grpc::Status status = reader->Finish();
  if (status.ok()) {
    EXPECT_EQ(part.usage().finish(), v1::DEADLINE);
  } else {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
}

TEST_F(GenerationTest, AnAgentStopsInTheMiddleOfOne) {
  ASSERT_TRUE(agent_->running());
  const v1::GenerateRequest request = Long();
  const auto stub = agent_->Local();
  const auto context = Context();
  const auto reader = stub->Generate(context.get(), request);
  v1::GenerateResponse part;
  ASSERT_TRUE(reader->Read(&part));
  const absl::Time begun = absl::Now();
  agent_ = nullptr;
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
  while (reader->Read(&part)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace linnet
