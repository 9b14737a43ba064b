#include "runtime/engine/pass_pace.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/engine/scheduler.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "tests/engine/engine_fixture.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;

// A machine that needs `of_weights` for each pass and `of_token` for each token of it.
absl::Duration LongestPass(PassPace& pace, absl::Duration of_weights, absl::Duration of_token) {
  absl::Duration longest;
  for (int i = 0; i < 20; ++i) {
    const size_t n = pace.tokens();
    const absl::Duration time = of_weights + static_cast<double>(n) * of_token;
    longest = std::max(longest, time);
    pace.Took(n, time);
  }
  return longest;
}

TEST(PassPaceTest, APassTakesWhatFitsIntoItsTime) {
  struct Machine {
    const char* name;
    absl::Duration of_weights, of_token;
    size_t least, most;  // tokens in the end
  };
  for (const Machine& m : {Machine{"fast", absl::Microseconds(200), absl::Microseconds(100), 64, 64},
                           Machine{"middle", absl::Milliseconds(3), absl::Milliseconds(1), 16, 24},
                           Machine{"slow", absl::Milliseconds(5), absl::Milliseconds(2), 6, 9}}) {
    PassPace pace(64, kLongestWait);
    EXPECT_LE(LongestPass(pace, m.of_weights, m.of_token), kLongestWait) << m.name;
    EXPECT_GE(pace.tokens(), m.least) << m.name;
    EXPECT_LE(pace.tokens(), m.most) << m.name;
  }
}

TEST(PassPaceTest, WhereEvenAFewTakeLongerAFewItIs) {
  PassPace pace(64, kLongestWait);
  LongestPass(pace, absl::Milliseconds(80), absl::Milliseconds(30));
  EXPECT_EQ(pace.tokens(), PassPace::kFewest);
  PassPace two(2, kLongestWait);
  LongestPass(two, absl::Milliseconds(80), absl::Milliseconds(30));
  EXPECT_EQ(two.tokens(), 2u);
}

TEST(PassPaceTest, OneThatWasDisturbedIsForgotten) {
  PassPace pace(64, kLongestWait);
  LongestPass(pace, absl::ZeroDuration(), absl::Microseconds(400));
  const size_t before = pace.tokens();
  pace.Took(before, absl::Seconds(2));
  EXPECT_GE(pace.tokens() + PassPace::kGroup, before / 2);
  LongestPass(pace, absl::ZeroDuration(), absl::Microseconds(400));
  EXPECT_EQ(pace.tokens(), before);
}

TEST(PassPaceTest, PassesOfFewTokensTellNothing) {
  PassPace pace(64, kLongestWait);
  LongestPass(pace, absl::ZeroDuration(), absl::Microseconds(400));
  const size_t before = pace.tokens();
  for (int i = 0; i < 50; ++i) pace.Took(1, absl::Milliseconds(25));  // answers, token by token
  EXPECT_EQ(pace.tokens(), before);
}

// Submits an urgent request in the middle of a pass, when the model is said to be slow.
class Interrupter final : public model::Observer {
 public:
  explicit Interrupter(std::function<void()> interrupt) : interrupt_(std::move(interrupt)) {}
  void OnResidual(uint32_t layer, const float* /*x*/, size_t tokens) override {
    passes_ += layer == 0;
    if (layer != 0 || tokens < 2 || passes_ != 3) return;
    absl::SleepFor(kLongestWait);
    interrupt_();
  }

 private:
  std::function<void()> interrupt_;
  int passes_ = 0;
};

class GiveUpTest : public EngineFixture {
 protected:
  // Ids of a long request of class `slow`; order_: who ended when.
  std::vector<tokenizer::TokenId> Ids(bool interrupted, Priority slow) {
    order_.clear();
    std::string error;
    const auto file = gguf::GgufFile::Open(base::FileSystem::Real(), path_);
    base::ThreadPool pool(1);
    const Scheduler::Options options = {.chunk = 16};
    auto model = model::Transformer::Create(**file, kernels::Select("", &error)->ops, pool,
                                            Scheduler::MaxBatch(options));
    const auto tokenizer = tokenizer::Tokenizer::Create(**file);
    KvSlots slots((*model)->config(), 256, model::KvType::kF16, Scheduler::Slots(1));
    RequestQueue queue(8);
    std::vector<tokenizer::TokenId> ids;
    const auto push = [&](std::string_view name, std::string_view prompt, Priority priority) {
      Job job;
      job.request = Request(prompt, 6);
      job.request.priority = priority;
      job.submitted = absl::Now();
      job.on_done = [&, name](absl::StatusOr<GenerateResult> result) {
        ASSERT_THAT(result, IsOk());
        order_.emplace_back(name);
        if (name == "slow") ids = result->ids;
        if (order_.size() == (interrupted ? 2u : 1u)) queue.Close();
      };
      ASSERT_THAT(queue.Push(job), IsOk());
    };
    Interrupter interrupter([&] { push("urgent", "now", Priority::kUrgent); });
    if (interrupted) (*model)->SetObserver(&interrupter);
    push("slow", std::string(100, 'x') + "slow and long", slow);
    Scheduler scheduler(queue, **model, **tokenizer, slots, nullptr, options);
    scheduler.Serve();
    return ids;
  }

  std::vector<std::string> order_;
};

TEST_F(GiveUpTest, APassThatTakesLongIsGivenUpForOneWhoIsMoreUrgent) {
  const auto alone = Ids(false, Priority::kInteractive);
  ASSERT_EQ(alone.size(), 6u);
  EXPECT_EQ(Ids(true, Priority::kInteractive), alone);
  EXPECT_EQ(order_, (std::vector<std::string>{"urgent", "slow"}));
  // Nobody is more urgent than that.
  EXPECT_EQ(Ids(true, Priority::kUrgent), alone);
  EXPECT_EQ(order_, (std::vector<std::string>{"slow", "urgent"}));
}

}  // namespace
}  // namespace linnet::engine
