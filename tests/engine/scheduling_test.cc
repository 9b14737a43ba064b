#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "tests/engine/engine_fixture.h"
#include "tests/engine/gate.h"
#include "tests/engine/script_constraint.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

class SchedulingTest : public EngineFixture {
 protected:
  // A request that shows text from its first token on, whatever the model thinks.
  static GenerateRequest Talkative(uint32_t max_tokens, Priority priority) {
    GenerateRequest request = Request("talk", max_tokens);
    request.priority = priority;
    request.constraint = std::make_unique<LettersOnly>();
    return request;
  }
};

TEST_F(SchedulingTest, UrgentRequestGetsInBetweenTokensAndBothAreRight) {
  const auto engine = Load();
  ASSERT_OK_AND_ASSIGN(const auto alone, engine->Generate(Talkative(40, Priority::kBackground)));
  ASSERT_OK_AND_ASSIGN(const auto urgent_alone, engine->Generate(Request("urgent", 10)));

  Gate gate;
  Pending slow, urgent, interactive;
  std::atomic<bool> slow_done{false};
  const OnDone slow_callback = slow.Done();
  ASSERT_THAT(engine->Submit(
                  Talkative(40, Priority::kBackground), gate.Delta(),
                  [&](absl::StatusOr<GenerateResult> result) {
                    slow_done = true;
                    slow_callback(std::move(result));
                  },
                  nullptr),
              IsOk());
  gate.AwaitReached();
  bool slow_was_done = true;
  const OnDone urgent_callback = urgent.Done();
  GenerateRequest request = Request("urgent", 10);
  request.priority = Priority::kUrgent;
  ASSERT_THAT(engine->Submit(
                  std::move(request), nullptr,
                  [&](absl::StatusOr<GenerateResult> result) {
                    slow_was_done = slow_done;
                    urgent_callback(std::move(result));
                  },
                  nullptr),
              IsOk());
  gate.Open();
  const auto urgent_result = urgent.Wait();
  const auto slow_result = slow.Wait();
  ASSERT_THAT(urgent_result, IsOk());
  ASSERT_THAT(slow_result, IsOk());
  EXPECT_FALSE(slow_was_done);
  EXPECT_EQ(urgent_result->ids, urgent_alone.ids);
  EXPECT_EQ(slow_result->ids, alone.ids);
}

TEST_F(SchedulingTest, LowerClassThenEarlierDeadlineRunsFirst) {
  const auto engine = Load();
  Gate gate;
  Pending first;
  ASSERT_THAT(engine->Submit(Talkative(2, Priority::kUrgent), gate.Delta(), first.Done(), nullptr), IsOk());
  gate.AwaitReached();
  std::vector<std::string> order;  // written on the engine's thread alone
  std::vector<Pending> pending(5);
  const auto submit = [&](size_t i, const char* name, Priority priority, absl::Duration deadline) {
    GenerateRequest request = Request("x", 2);
    request.priority = priority;
    request.deadline = absl::Now() + deadline;
    const OnDone done = pending[i].Done();
    ASSERT_THAT(engine->Submit(
                    std::move(request), nullptr,
                    [&order, name, done](absl::StatusOr<GenerateResult> result) {
                      order.push_back(name);
                      done(std::move(result));
                    },
                    nullptr),
                IsOk());
  };
  submit(0, "background", Priority::kBackground, absl::Hours(1));
  submit(1, "interactive late", Priority::kInteractive, absl::Hours(3));
  submit(2, "interactive soon", Priority::kInteractive, absl::Hours(2));
  submit(3, "urgent", Priority::kUrgent, absl::InfiniteDuration());
  submit(4, "urgent after", Priority::kUrgent, absl::InfiniteDuration());
  gate.Open();
  for (Pending& p : pending) EXPECT_THAT(p.Wait(), IsOk());
  EXPECT_THAT(first.Wait(), IsOk());
  EXPECT_EQ(order, (std::vector<std::string>{"urgent", "urgent after", "interactive soon", "interactive late",
                                             "background"}));
}

TEST_F(SchedulingTest, CancelEndsAtTheNextTokenWithWhatWasMade) {
  const auto engine = Load();
  const auto cancellation = std::make_shared<Cancellation>();
  int deltas = 0;
  const auto result = Run(
      *engine, Talkative(200, Priority::kInteractive),
      [&](std::string_view) {
        if (++deltas == 3) cancellation->Cancel();
      },
      cancellation);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->finish, FinishReason::kCancelled);
  EXPECT_EQ(result->ids.size(), 3u);
}

TEST_F(SchedulingTest, DeadlineGivesBackWhatWasMade) {
  const auto engine = Load();
  GenerateRequest late = Request("x", 5);
  late.deadline = absl::Now() - absl::Seconds(1);
  auto result = engine->Generate(std::move(late));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->finish, FinishReason::kDeadline);
  EXPECT_TRUE(result->ids.empty());

  GenerateRequest request = Talkative(200, Priority::kInteractive);
  const absl::Time deadline = absl::Now() + absl::Milliseconds(200);
  request.deadline = deadline;
  // The first delta lasts until the deadline.
  result =
      Run(*engine, std::move(request), [&](std::string_view) { absl::SleepFor(deadline - absl::Now()); });
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->finish, FinishReason::kDeadline);
  EXPECT_LT(result->ids.size(), 200u);
}

TEST_F(SchedulingTest, WaitingRequestsAreCancelledWhileAnotherRuns) {
  const auto engine = Load();
  Gate gate;
  Pending running, waiting;
  ASSERT_THAT(engine->Submit(Talkative(100, Priority::kInteractive), gate.Delta(), running.Done(), nullptr),
              IsOk());
  gate.AwaitReached();
  const auto cancellation = std::make_shared<Cancellation>();
  ASSERT_THAT(engine->Submit(Request("x", 2), nullptr, waiting.Done(), cancellation), IsOk());
  cancellation->Cancel();
  gate.Open();
  const auto result = waiting.Wait();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->finish, FinishReason::kCancelled);
  EXPECT_EQ(result->evaluated_tokens, 0u);
  EXPECT_THAT(running.Wait(), IsOk());
}

TEST_F(SchedulingTest, FullQueueRefuses) {
  const auto engine = Load({.threads = 1, .max_queued = 2});
  Gate gate;
  Pending running, a, b, c;
  ASSERT_THAT(engine->Submit(Talkative(3, Priority::kUrgent), gate.Delta(), running.Done(), nullptr), IsOk());
  gate.AwaitReached();
  EXPECT_THAT(engine->Submit(Request("x", 2), nullptr, a.Done(), nullptr), IsOk());
  EXPECT_THAT(engine->Submit(Request("x", 2), nullptr, b.Done(), nullptr), IsOk());
  EXPECT_THAT(engine->Submit(Request("x", 2), nullptr, c.Done(), nullptr),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("2 requests")));
  gate.Open();
  EXPECT_THAT(running.Wait(), IsOk());
  EXPECT_THAT(a.Wait(), IsOk());
  EXPECT_THAT(b.Wait(), IsOk());
}

TEST_F(SchedulingTest, DestructionCancelsAndAnswersEverybody) {
  auto engine = Load();
  Gate gate;
  Pending running, waiting;
  ASSERT_THAT(engine->Submit(Talkative(250, Priority::kInteractive), gate.Delta(), running.Done(), nullptr),
              IsOk());
  gate.AwaitReached();
  ASSERT_THAT(engine->Submit(Request("x", 2), nullptr, waiting.Done(), nullptr), IsOk());
  std::thread opener([&] {
    EXPECT_EQ(waiting.Wait()->finish, FinishReason::kCancelled);  // the destructor has begun
    gate.Open();
  });
  engine.reset();
  opener.join();
  const auto result = running.Wait();
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->finish, FinishReason::kCancelled);
}

TEST_F(SchedulingTest, ForcedTokensAreTakenUnsampledAndInOrder) {
  const auto engine = Load();
  GenerateRequest request = Request("say ", 50);
  request.constraint = std::make_unique<Script>("{\"on\":", "}");
  const auto result = engine->Generate(std::move(request));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->text.size(), 8u) << result->text;
  EXPECT_TRUE(result->text.starts_with("{\"on\":"));
  EXPECT_TRUE(result->text[6] >= 'a' && result->text[6] <= 'z') << result->text;
  EXPECT_EQ(result->text[7], '}');
  EXPECT_EQ(result->forced_tokens, 7u);
  EXPECT_EQ(result->finish, FinishReason::kStop);
  // The prompt and the first forced run are one batch; the end needs no evaluation.
  EXPECT_EQ(result->evaluated_tokens, 4u + 6u);
}

TEST_F(SchedulingTest, ConstraintIsCutAtMaxTokens) {
  const auto engine = Load();
  GenerateRequest request = Request("say ", 3);
  request.constraint = std::make_unique<Script>("{\"on\":", "}");
  const auto result = engine->Generate(std::move(request));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->text, "{\"o");
  EXPECT_EQ(result->finish, FinishReason::kLength);
}

}  // namespace
}  // namespace linnet::engine
