#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "runtime/kernels/kv_types.h"
#include "tests/engine/batch_fixture.h"

// Who decodes together, who waits, and that one's end is no harm to others.
namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::WriteTinyModel;

class BatchOrderTest : public BatchFixture {
 protected:
  // Notes who shows text, in order.
  OnDelta Mark(char name) {
    return [this, name](std::string_view) { order_ += name; };
  }
  std::string order_;  // the engine's thread's until all are done
};

TEST_F(BatchOrderTest, AsManyAsMayTakeTurnsAndTheNextWaits) {
  const auto engine = Load({.threads = 1, .max_sessions = 2});
  Gate gate;
  Pending holder;
  ASSERT_THAT(engine->Submit(Letters("hold", 1, Priority::kUrgent), gate.Delta(), holder.Done(), nullptr),
              IsOk());
  gate.AwaitReached();
  std::vector<Pending> pending(3);
  const std::string names = "abc";
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_THAT(engine->Submit(Letters(names.substr(i, 1), 4), Mark(names[i]), pending[i].Done(), nullptr),
                IsOk());
  }
  gate.Open();
  for (Pending& p : pending) EXPECT_THAT(p.Wait(), IsOk());
  EXPECT_EQ(order_, "ababababcccc");
  EXPECT_THAT(holder.Wait(), IsOk());
}

// By how keys and values are kept.
class BatchOrderKvTest : public BatchOrderTest, public ::testing::WithParamInterface<kernels::KvType> {};

TEST_P(BatchOrderKvTest, MoreUrgentRequestInterruptsAllAndAllAreRight) {
  const std::vector<Make> requests = {[] { return Letters("first", 20); },
                                      [] { return Letters("second", 20); },
                                      [] { return Letters("urgent", 6, Priority::kUrgent); }};
  const auto expected = EachAlone(*Load({.threads = 1, .kv = GetParam(), .max_sessions = 1}), requests);
  const auto engine = Load({.threads = 1, .kv = GetParam(), .max_sessions = 2});  // both places are taken
  Gate hold, middle(5);
  std::vector<Pending> pending(3);
  const OnDelta held = hold.Delta(), paused = middle.Delta();
  ASSERT_THAT(engine->Submit(
                  requests[0](),
                  [&](std::string_view text) {
                    order_ += 'a';
                    held(text);
                  },
                  pending[0].Done(), nullptr),
              IsOk());
  hold.AwaitReached();
  ASSERT_THAT(engine->Submit(
                  requests[1](),
                  [&](std::string_view text) {
                    order_ += 'b';
                    paused(text);
                  },
                  pending[1].Done(), nullptr),
              IsOk());
  hold.Open();
  middle.AwaitReached();
  ASSERT_THAT(engine->Submit(requests[2](), Mark('u'), pending[2].Done(), nullptr), IsOk());
  middle.Open();
  std::vector<GenerateResult> results;
  for (Pending& p : pending) {
    auto result = p.Wait();
    ASSERT_THAT(result, IsOk());
    results.push_back(*std::move(result));
  }
  ExpectSame(results, expected);
  // From the next step on the urgent one runs, and nobody else until it is done.
  EXPECT_EQ(order_.find('u'), order_.find_last_of("ab", order_.find('u')) + 1);
  EXPECT_NE(order_.find("uuuuuu"), std::string::npos) << order_;
  EXPECT_EQ(order_.substr(0, 17), "aabababababuuuuuu") << order_;
}

INSTANTIATE_TEST_SUITE_P(Kv, BatchOrderKvTest, ::testing::Values(kernels::KvType::kF32, kernels::KvType::kQ8),
                         [](const auto& param_info) {
                           return std::string(kernels::NameOf(param_info.param));
                         });

TEST_F(BatchOrderTest, OneThatIsCancelledOrLateHarmsNoOther) {
  const std::vector<Make> requests = {
      [] { return Letters("first", 30); }, [] { return Letters("cancelled", 200); },
      [] { return Letters("late", 200); }, [] { return Letters("last", 30); }};
  const auto expected = EachAlone(*Load({.threads = 1, .max_sessions = 1}), requests);
  const auto engine = Load();
  Gate gate;
  std::vector<Pending> pending(4);
  ASSERT_THAT(engine->Submit(requests[0](), gate.Delta(), pending[0].Done(), nullptr), IsOk());
  gate.AwaitReached();
  const auto cancellation = std::make_shared<Cancellation>();
  int cancelled_deltas = 0, late_deltas = 0;
  ASSERT_THAT(engine->Submit(
                  requests[1](),
                  [&](std::string_view) {
                    if (++cancelled_deltas == 5) cancellation->Cancel();
                  },
                  pending[1].Done(), cancellation),
              IsOk());
  // Its tenth delta lasts until the deadline, however slow the machine is.
  GenerateRequest late = requests[2]();
  const absl::Time deadline = absl::Now() + absl::Milliseconds(500);
  late.deadline = deadline;
  ASSERT_THAT(engine->Submit(
                  std::move(late),
                  [&](std::string_view) {
                    if (++late_deltas == 10) absl::SleepFor(deadline - absl::Now());
                  },
                  pending[2].Done(), nullptr),
              IsOk());
  ASSERT_THAT(engine->Submit(requests[3](), nullptr, pending[3].Done(), nullptr), IsOk());
  gate.Open();
  std::vector<GenerateResult> results;
  for (Pending& p : pending) {
    auto result = p.Wait();
    ASSERT_THAT(result, IsOk());
    results.push_back(*std::move(result));
  }
  EXPECT_EQ(results[0].ids, expected[0].ids);
  EXPECT_EQ(results[3].ids, expected[3].ids);
  EXPECT_EQ(results[1].finish, FinishReason::kCancelled);
  EXPECT_EQ(results[1].ids.size(), 5u);
  EXPECT_EQ(results[2].finish, FinishReason::kDeadline);
  EXPECT_LE(results[2].ids.size(), 10u);
  for (const size_t i : {1, 2}) {
    const auto beginning = expected[i].ids.begin();
    EXPECT_TRUE(std::equal(results[i].ids.begin(), results[i].ids.end(), beginning)) << i;
  }
}

TEST_F(BatchOrderTest, AnErrorOfOneHarmsNoOther) {
  const std::vector<Make> requests = {[] { return Letters("first", 30); },
                                      [] { return Letters("last", 30); }};
  const auto expected = EachAlone(*Load({.threads = 1, .max_sessions = 1}), requests);
  const auto engine = Load();
  Gate gate;
  std::vector<Pending> pending(3);
  ASSERT_THAT(engine->Submit(requests[0](), gate.Delta(), pending[0].Done(), nullptr), IsOk());
  gate.AwaitReached();
  GenerateRequest wrong = Letters("wrong", 30);
  for (int32_t c = 'a'; c <= 'z'; ++c)
    wrong.sampling.logit_bias.emplace_back(c, -std::numeric_limits<float>::infinity());
  ASSERT_THAT(engine->Submit(std::move(wrong), nullptr, pending[2].Done(), nullptr), IsOk());
  ASSERT_THAT(engine->Submit(requests[1](), nullptr, pending[1].Done(), nullptr), IsOk());
  gate.Open();
  EXPECT_FALSE(pending[2].Wait().ok());
  for (const size_t i : {0, 1}) {
    const auto result = pending[i].Wait();
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->ids, expected[i].ids);
  }
}

TEST_F(BatchOrderTest, FewerDecodeTogetherWhereTheirContextsWouldTakeHalfOfTheMemory) {
  EXPECT_EQ(Load()->info().sessions, 4u);
  EXPECT_EQ(Load({.threads = 1, .max_sessions = 0})->info().sessions, 1u);
  const uint64_t memory =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  constexpr uint32_t kLongest = 1u << 24;  // that a file may say
  WriteTinyModel(path_, {.dim = 256, .kv_heads = 4, .context_tokens = kLongest});
  const uint64_t token = 2 * 2 * 4 * 64 * sizeof(float);  // keys and values, layers, KV heads, head_dim
  if (memory / 2 / 3 / token > kLongest)
    GTEST_SKIP() << "no context is long enough for this machine's memory";
  for (const uint32_t sessions : {1, 2, 3}) {
    // As many contexts as `sessions` need at most, and one that is interrupted by each class above.
    const auto context = static_cast<uint32_t>(memory / 2 / (sessions + 2) / token * 99 / 100);
    EXPECT_EQ(Load({.threads = 1, .context_tokens = context})->info().sessions, sessions);
  }
}

}  // namespace
}  // namespace linnet::engine
