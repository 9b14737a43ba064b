#include "agent/answer/ask.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/answer/scripted_engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace linnet::answer {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

sensors::ChannelStatus Channel(const std::string& name, double value, const std::string& unit) {
  sensors::ChannelStatus status;
  status.channel = name;
  status.unit = unit;
  status.info = sensors::ParseChannel(name);
  status.last = {name, absl::FromUnixSeconds(1), value, unit};
  status.warmed_up = true;
  status.baseline = 40;
  return status;
}

DeviceState Machine() {
  DeviceState state;
  state.device_name = "press-line-3";
  state.channels = {Channel("temperature_bearing", 47.5, "°C"), Channel("vibration_x_rms", 1.25, "m/s²")};
  return state;
}
sensors::Anomaly Hot() {
  sensors::Anomaly anomaly;
  anomaly.channel = "temperature_bearing";
  anomaly.kind = sensors::SensorKind::kTemperature;
  anomaly.unit = "°C";
  anomaly.value = 61.5;
  anomaly.baseline = 40;
  anomaly.severity = sensors::Severity::kWarning;
  anomaly.start = absl::FromUnixSeconds(1767225600);
  return anomaly;
}
DeviceState Fridge() {
  DeviceState state;
  state.device_name = "fridge-kitchen";
  state.stock = {{"Lachs", 250, "g", 1.0}, {"Milch", 1.5, "l", 4.0}, {"Nudeln", 500, "g", {}}};
  return state;
}
DeviceState Hall() {
  DeviceState state;
  state.device_name = "voice-hall";
  state.here = "Flur";
  state.entities = {{"Küche", EntityKind::kRoom, {}}, {"Toaster", EntityKind::kDevice, {}}};
  state.known = {{"Küche", "light", "on", ""}, {"Küche", "temperature", "21.5", "°C"}};
  return state;
}

class AskTest : public ::testing::Test {
 protected:
  absl::StatusOr<Answer> Ask(const std::string& text, const DeviceState& state,
                             AskKind kind = AskKind::kAuto) {
    AskRequest request;
    request.text = text;
    request.kind = kind;
    return asker_.Ask(request, state);
  }
  testing::FakeClock clock_;
  Asker asker_{nullptr, clock_};
};

TEST_F(AskTest, RoutesByWhatTheDeviceHas) {
  DeviceState machine = Machine();
  machine.anomalies = {Hot()};
  const struct {
    const char* text;
    const DeviceState state;
    AskKind kind;
  } kCases[] = {
      {"What is wrong with the machine?", machine, AskKind::kReport},
      {"Was ist los?", machine, AskKind::kReport},
      {"Gibt es eine Störung?", machine, AskKind::kReport},
      {"How high is the vibration?", machine, AskKind::kState},
      {"Wie hoch ist die Temperatur?", machine, AskKind::kState},
      {"What can I cook tonight?", Fridge(), AskKind::kRecipe},
      {"Was koche ich heute Abend?", Fridge(), AskKind::kRecipe},
      {"Was gibt es zu essen?", Fridge(), AskKind::kRecipe},
      {"How much milk is left? Milch", Fridge(), AskKind::kState},
      {"Was ist im Kühlschrank?", Fridge(), AskKind::kState},
      {"Mach das Licht in der Küche an", Hall(), AskKind::kIntent},
      {"is the toaster on?", Hall(), AskKind::kIntent},
      {"tell me a joke", Fridge(), AskKind::kUnknown},
      {"tell me a joke", DeviceState(), AskKind::kUnknown},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Name(RouteOf(c.text, c.state, DetectLanguage(c.text, Language::kEnglish))), Name(c.kind))
        << c.text;
  }
}

TEST_F(AskTest, OneFaultInManyChannelsIsReportedByItsWorstAndCounted) {
  DeviceState state = Machine();
  sensors::Anomaly worst = Hot();
  worst.channel = "vibration_y_rms";
  worst.z = -530;
  worst.value = 7.25;
  sensors::Anomaly over = Hot();
  over.channel = "pressure";
  over.ongoing = false;
  state.anomalies = {Hot(), worst, over};
  const auto answer = Ask("What is wrong with the machine?", state);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->text, HasSubstr("7.25 °C"));
  EXPECT_THAT(answer->text, HasSubstr("One more channel is unusual as well."));
}

TEST_F(AskTest, AReportForAVoiceSaysItsNumbers) {
  DeviceState state = Machine();
  state.anomalies = {Hot()};
  for (const char* other : {"pressure", "vibration_x_rms"}) {
    sensors::Anomaly anomaly = Hot();
    anomaly.channel = other;
    anomaly.z = -1;
    state.anomalies.push_back(anomaly);
  }
  AskRequest request;
  request.text = "What is wrong with the machine?";
  request.speech = true;
  const auto answer = asker_.Ask(request, state);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->text, HasSubstr("of press line three"));
  EXPECT_THAT(answer->text, HasSubstr("sixty-one point five degrees Celsius"));
  EXPECT_THAT(answer->text, HasSubstr(". Two more channels are unusual as well."));
  // Programs get the figures as ever.
  EXPECT_THAT(answer->json, HasSubstr("61.5"));
  request.speech = false;
  EXPECT_THAT(asker_.Ask(request, state)->text, HasSubstr("61.5 °C"));
}

TEST_F(AskTest, ReportsTheMostUrgentAnomaly) {
  DeviceState state = Machine();
  sensors::Anomaly over = Hot();
  over.ongoing = false;
  over.severity = sensors::Severity::kCritical;
  over.value = 99;
  sensors::Anomaly mild = Hot();
  mild.severity = sensors::Severity::kInfo;
  mild.value = 50;
  state.anomalies = {over, mild, Hot()};
  const auto answer = Ask("Was ist los?", state);
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->language, Language::kGerman);
  EXPECT_THAT(answer->text, HasSubstr("61,5 °C"));
  EXPECT_TRUE(answer->from_template);
  const auto json = nlohmann::json::parse(answer->json);
  EXPECT_EQ(json["value"], 61.5);
  EXPECT_EQ(json["severity"], "warning");
}

TEST_F(AskTest, AnswersStateByCopyingNumbers) {
  const auto sensor = Ask("Wie hoch ist die Temperatur?", Machine());
  ASSERT_THAT(sensor, IsOk());
  EXPECT_EQ(sensor->text, "Temperatur: 47,5 °C, üblich 40 °C.");
  const auto stock = Ask("Wie viel Milch haben wir noch?", Fridge());
  ASSERT_THAT(stock, IsOk());
  EXPECT_EQ(stock->text, "Vorrat: 1,5 l Milch (noch 4 Tage).");
  const auto known = Ask("Wie warm ist es in der Küche? Temperatur", Hall());
  ASSERT_THAT(known, IsOk());
  EXPECT_THAT(known->text, HasSubstr("21.5 °C"));
  EXPECT_EQ(known->json, R"([{"name":"get","room":"Küche","what":"temperature"}])");
  EXPECT_THAT(Ask("is the toaster on?", Hall())->text, HasSubstr("not known"));
}

TEST_F(AskTest, SaysWhenThereIsNothing) {
  EXPECT_THAT(Ask("What is wrong?", Machine())->text, HasSubstr("Nothing unusual; channels watched: 2"));
  EXPECT_THAT(Ask("Was kann man hier fragen?", DeviceState())->text, HasSubstr("noch keine Daten"));
  EXPECT_THAT(Ask("x", Machine(), AskKind::kReport), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Ask("x", Machine(), AskKind::kRecipe), StatusIs(absl::StatusCode::kFailedPrecondition));
  for (const char* text : {"x", "Was ist los?", "cook", "light on"}) {
    const auto answer = Ask(text, DeviceState());
    ASSERT_THAT(answer, IsOk());
    EXPECT_TRUE(nlohmann::json::accept(answer->json)) << text;
    EXPECT_FALSE(answer->text.empty());
  }
}

TEST_F(AskTest, RefusesWhatIsNoQuestion) {
  for (const std::string& bad :
       {std::string(), std::string("??"), std::string("\xFF"), std::string(501, 'a')}) {
    EXPECT_THAT(Ask(bad, Machine()), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(AskTest, CountsWhoAnswered) {
  auto engine = std::make_shared<ScriptedEngine>(R"([{"name":"light.set","room":"{r1}","on":true}])");
  Asker asker([engine] { return engine; }, clock_);
  AskRequest request;
  request.text = "Mach das Licht in der Küche an";
  ASSERT_THAT(asker.Ask(request, Hall()), IsOk());
  request.deadline = absl::Now();
  const auto late = asker.Ask(request, Hall());
  ASSERT_THAT(late, IsOk());
  EXPECT_EQ(late->why, Fallback::kDeadline);
  EXPECT_THAT(late->text, HasSubstr("keine Zeit"));
  EXPECT_EQ(late->json,
            R"([{"name":"light.set","room":"Küche","on":true}])");  // the plain patterns know this one
  request.text = "Was macht die Küche?";
  request.deadline = absl::InfiniteFuture();
  ASSERT_THAT(asker.Ask(request, Hall()), IsOk());  // a question: the scripted action is refused
  const AskCounters counters = asker.counters();
  EXPECT_EQ(counters.asked, 3u);
  EXPECT_EQ(counters.from_model, 1u);
  EXPECT_EQ(counters.from_template, 2u);
  EXPECT_EQ(counters.late, 1u);
  EXPECT_EQ(counters.refused_by_check, 1u);
}

TEST_F(AskTest, TheUseOfTheModelIsThatOfAllItsCalls) {
  // No recipe: it is asked again, as often as it may be, then a template answers.
  auto engine = std::make_shared<ScriptedEngine>("nonsense");
  Asker asker([engine] { return engine; }, clock_);
  AskRequest request;
  request.text = "What can I cook tonight?";
  request.kind = AskKind::kRecipe;
  const auto answer = asker.Ask(request, Fridge());
  ASSERT_THAT(answer, IsOk());
  const auto calls = static_cast<uint32_t>(engine->asked);
  ASSERT_GE(calls, 1u);
  EXPECT_EQ(answer->use.calls, calls);
  EXPECT_EQ(answer->use.prompt_tokens, 10 * calls);
  EXPECT_EQ(answer->use.generated_tokens, 3 * calls);
  EXPECT_EQ(answer->use.forced_tokens, calls);
  EXPECT_EQ(answer->use.decode_time, calls * absl::Milliseconds(5));
  EXPECT_EQ(Ask("What can I cook tonight?", Fridge(), AskKind::kRecipe)->use.calls, 0u);
}

TEST_F(AskTest, ACallerWhoGoesGetsNoAnswerAndTheModelIsNotAskedAgain) {
  for (const AskKind kind : {AskKind::kRecipe, AskKind::kIntent, AskKind::kReport}) {
    auto engine = std::make_shared<ScriptedEngine>("nonsense");
    engine->cancel_in_the_middle = true;
    Asker asker([engine] { return engine; }, clock_);
    AskRequest request;
    request.text = "Turn on the light in the kitchen";
    request.kind = kind;
    request.cancellation = std::make_shared<engine::Cancellation>();
    DeviceState state = kind == AskKind::kRecipe ? Fridge() : kind == AskKind::kIntent ? Hall() : Machine();
    if (kind == AskKind::kReport) state.anomalies = {Hot()};
    EXPECT_THAT(asker.Ask(request, state), StatusIs(absl::StatusCode::kCancelled)) << Name(kind);
    EXPECT_EQ(engine->asked, 1) << Name(kind);
  }
}

}  // namespace
}  // namespace linnet::answer
