#include "agent/device/model_slot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "agent/device/generator.h"
#include "runtime/grammar/json_schema.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::device {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;

class ModelSlotTest : public ::testing::Test {
 protected:
  ModelSlotTest() {
    testing::WriteTinyModel(dir_ / "one.gguf", {.seed = 1, .name = "one"});
    testing::WriteTinyModel(dir_ / "two.gguf", {.seed = 2, .name = "two"});
  }

  struct Outcome {
    absl::Status started;
    absl::StatusOr<engine::GenerateResult> result = absl::UnknownError("not done");
    std::string model, deltas;
  };
  Outcome Run(Generation generation, std::shared_ptr<engine::Cancellation> cancellation = nullptr) {
    Outcome outcome;
    std::promise<void> done;
    if (cancellation == nullptr) cancellation = std::make_shared<engine::Cancellation>();
    outcome.started = generator_.Start(
        std::move(generation), [&](std::string_view delta) { outcome.deltas += delta; },
        [&](absl::StatusOr<engine::GenerateResult> result) {
          outcome.result = std::move(result);
          done.set_value();
        },
        cancellation, &outcome.model);
    if (outcome.started.ok()) done.get_future().wait();
    return outcome;
  }
  static Generation Prompt(std::string text, uint32_t max_tokens = 8) {
    Generation generation;
    generation.prompt = std::move(text);
    generation.max_tokens = max_tokens;
    return generation;
  }

  testing::TempDir dir_;
  ModelSlot slot_{base::FileSystem::Real(), {.threads = 2}};
  Generator generator_{slot_};
};

TEST_F(ModelSlotTest, WithoutAModelItSaysSo) {
  EXPECT_EQ(slot_.engine(), nullptr);
  EXPECT_THAT(slot_.SelfCheck(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Run(Prompt("hello")).started,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no model is installed")));
}

TEST_F(ModelSlotTest, CountsGenerationsSinceTheSwitch) {
  ASSERT_THAT(slot_.Switch(dir_ / "one.gguf"), IsOk());
  EXPECT_EQ(slot_.inferences(), 0U);
  ASSERT_THAT(slot_.SelfCheck(), IsOk());
  EXPECT_THAT(Run(Prompt("hello")).result, IsOk());
  EXPECT_EQ(slot_.inferences(), 2U);
  ASSERT_THAT(slot_.Switch(dir_ / "two.gguf"), IsOk());
  EXPECT_EQ(slot_.inferences(), 0U);
}

TEST_F(ModelSlotTest, AFailedSwitchLeavesTheOldOne) {
  ASSERT_THAT(slot_.Switch(dir_ / "one.gguf"), IsOk());
  EXPECT_FALSE(slot_.Switch(dir_ / "absent.gguf").ok());
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(dir_ / "bad.gguf", "GGUF and then nothing"), IsOk());
  EXPECT_FALSE(slot_.Switch(dir_ / "bad.gguf").ok());
  EXPECT_EQ(slot_.engine()->info().name, "one");
  EXPECT_THAT(Run(Prompt("hello")).result, IsOk());
  ASSERT_THAT(slot_.Switch(""), IsOk());
  EXPECT_EQ(slot_.engine(), nullptr);
}

TEST_F(ModelSlotTest, RequestsUnderWayEndOnTheModelTheyBeganOn) {
  ASSERT_THAT(slot_.Switch(dir_ / "one.gguf"), IsOk());
  std::promise<void> first_delta, go;
  std::promise<absl::StatusOr<engine::GenerateResult>> done;
  std::string model;
  bool first = true;
  Generation generation = Prompt("hello", 32);
  ASSERT_THAT(generator_.Start(
                  std::move(generation),
                  [&](std::string_view) {
                    // Stands in for a long generation: the engine's thread stays in this request.
                    if (std::exchange(first, false)) {
                      first_delta.set_value();
                      go.get_future().wait();
                    }
                  },
                  [&](absl::StatusOr<engine::GenerateResult> result) { done.set_value(std::move(result)); },
                  std::make_shared<engine::Cancellation>(), &model),
              IsOk());
  first_delta.get_future().wait();
  ASSERT_THAT(slot_.Switch(dir_ / "two.gguf"), IsOk());
  EXPECT_EQ(slot_.engine()->info().name, "two");
  const Outcome other = Run(Prompt("hello"));
  EXPECT_THAT(other.result, IsOk());
  EXPECT_EQ(other.model, "two");
  go.set_value();
  EXPECT_THAT(done.get_future().get(), IsOk());
  EXPECT_EQ(model, "one");
}

TEST_F(ModelSlotTest, DeltasAddUpToTheText) {
  ASSERT_THAT(slot_.Switch(dir_ / "one.gguf"), IsOk());
  Generation chat;
  chat.messages = {{"user", "hello"}};
  chat.max_tokens = 20;
  const Outcome outcome = Run(std::move(chat));
  ASSERT_THAT(outcome.result, IsOk());
  EXPECT_EQ(outcome.deltas, outcome.result->text);
}

TEST_F(ModelSlotTest, ASchemaHoldsWhateverTheModelSays) {
  ASSERT_THAT(slot_.Switch(dir_ / "one.gguf"), IsOk());
  constexpr char kSchema[] =
      R"({"type":"object","properties":{"on":{"type":"boolean"},"room":{"enum":["kitchen","hall"]}},)"
      R"("required":["on","room"],"additionalProperties":false})";
  for (uint64_t seed = 0; seed < 3; ++seed) {
    Generation generation = Prompt("turn on the light", 64);
    generation.format = Generation::Format::kJsonSchema;
    generation.json_schema = kSchema;
    generation.sampling.temperature = 1;
    generation.sampling.seed = seed;
    const Outcome outcome = Run(std::move(generation));
    ASSERT_THAT(outcome.result, IsOk());
    EXPECT_TRUE(grammar::CompileSchema(kSchema)->Matches(outcome.result->text)) << outcome.result->text;
  }
  Generation generation = Prompt("x");
  generation.format = Generation::Format::kJsonSchema;
  generation.json_schema = R"({"type":"object","patternProperties":{}})";
  EXPECT_THAT(Run(std::move(generation)).started,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("json_schema: ")));
}

TEST_F(ModelSlotTest, PrefixesOutliveARestart) {
  const std::string prompt(200, 'a');
  for (const uint32_t from_store : {0U, 199U}) {
    ModelSlot slot(base::FileSystem::Real(), {.threads = 2});
    engine::PrefixCacheOptions options;
    options.folder = dir_ / "prefixes";
    options.seal_key = std::string(32, 'k');
    slot.KeepPrefixes(options);
    ASSERT_THAT(slot.Switch(dir_ / "one.gguf"), IsOk());
    engine::GenerateRequest request;
    request.prompt = slot.engine()->tokenizer().Encode(prompt, {});
    request.prompt.resize(200, request.prompt.back());
    request.max_tokens = 4;
    const auto result = slot.engine()->Generate(std::move(request));
    ASSERT_THAT(result.status(), IsOk());
    EXPECT_EQ(result->prefix_tokens_from_store, from_store);
  }
}

TEST_F(ModelSlotTest, NamesWhatIsWrongWithARequest) {
  ASSERT_THAT(slot_.Switch(dir_ / "one.gguf"), IsOk());
  EXPECT_THAT(Run(Prompt("")).started, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  EXPECT_THAT(Run(Prompt("\xff")).started, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  EXPECT_THAT(Run(Prompt(std::string(5'000, 'x'))).started,
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("context of 256")));
  EXPECT_THAT(Run(Prompt("hello", 300)).started, StatusIs(absl::StatusCode::kOutOfRange));
  Generation generation = Prompt("x");
  generation.sampling.temperature = -1;
  EXPECT_THAT(Run(generation).started,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("temperature")));
  generation = Prompt("x");
  generation.stop = {""};
  EXPECT_THAT(Run(generation).started, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("stop")));
  generation = {};
  generation.messages = {{"ghost", "x"}};
  EXPECT_THAT(Run(generation).started,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("messages[0].role")));
  generation.messages = {{"user", "\xc3"}};
  EXPECT_THAT(Run(generation).started,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("messages[0].content")));
}

}  // namespace
}  // namespace linnet::device
