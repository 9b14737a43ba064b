#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/engine/engine.h"
#include "runtime/pack/pack_writer.h"
#include "runtime/tools/endless.h"
#include "tests/engine/engine_fixture.h"
#include "tests/engine/gate.h"
#include "tests/support/count_allocations.h"

namespace linnet::engine {
namespace {

using ::linnet::testing::allocations;
using ::linnet::testing::IsOk;

// Counts what the whole program takes from the heap while one request gets on by many tokens, from its third
// delta to its last. The text is handed to the caller on the way.
class AllocationTest : public EngineFixture {
 protected:
  static constexpr uint32_t kTokens = 80;

  void SetUp() override {
    // Large enough that the work is shared out among threads.
    linnet::testing::WriteTinyModel(path_, {.type = kernels::WeightType::kQ8_0, .dim = 256, .ffn = 512});
    ASSERT_THAT(pack::Pack(base::FileSystem::Real(), path_, packed_, {}), IsOk());
  }

  GenerateRequest Endless(const Engine& engine, const sampler::SamplingOptions& sampling = {}) {
    GenerateRequest request = Request("on and on, and on again", kTokens);
    request.constraint = tools::Endless(engine.tokenizer());
    request.sampling = sampling;
    return request;
  }

  // Notes the count at each delta, into memory that is there.
  OnDelta Count() {
    at_.clear();
    at_.reserve(kTokens + 1);
    return [this](std::string_view) { at_.push_back(allocations.load()); };
  }
  uint64_t Counted() const {
    EXPECT_GT(at_.size(), 20u);  // what is no UTF-8 yet waits for the rest
    return at_.size() < 4 ? 1 : at_.back() - at_[2];
  }

  const std::string packed_ = folder_ / "tiny.linnet";
  std::vector<uint64_t> at_;
};

TEST_F(AllocationTest, ATokenOfARequestTakesNoMemoryFromTheHeap) {
  const sampler::SamplingOptions greedy = {}, drawn = {.temperature = 0.8f, .seed = 3};
  const sampler::SamplingOptions changed = {
      .temperature = 1.0f, .repetition_penalty = 1.1f, .presence_penalty = 0.5f, .seed = 4};
  const sampler::SamplingOptions surprising = {.temperature = 1.0f, .mirostat = 2, .seed = 5};
  for (const std::string& path : {path_, packed_}) {
    for (const int threads : {1, 2}) {
      auto engine = Engine::Load(base::FileSystem::Real(), path, {.threads = threads, .speculate = false});
      ASSERT_THAT(engine, IsOk());
      for (const auto& [name, sampling] :
           {std::pair{"greedy", greedy}, std::pair{"drawn", drawn}, std::pair{"changed", changed},
            std::pair{"mirostat", surprising}}) {
        for (const bool stops : {false, true}) {
          GenerateRequest request = Endless(**engine, sampling);
          if (stops) request.stop = {"never in such a text", "nor this"};
          ASSERT_THAT(Run(**engine, std::move(request), Count()), IsOk());
          EXPECT_EQ(Counted(), 0u) << path << ", " << threads << " threads, " << name << ", stops " << stops;
        }
      }
    }
  }
}

TEST_F(AllocationTest, NeitherDoesAGuess) {
  auto engine = Engine::Load(base::FileSystem::Real(), packed_, {.threads = 1, .speculate = true});
  ASSERT_THAT(engine, IsOk());
  // Greedy text of random weights goes round and round. The first guesses make room for their logits.
  GenerateRequest request = Endless(**engine);
  const auto result = Run(**engine, std::move(request), Count());
  ASSERT_THAT(result, IsOk());
  EXPECT_GT(result->guessed_tokens, 0u);
  ASSERT_GT(at_.size(), 20u);
  EXPECT_LE(at_.back() - at_[2], 12u);  // room for 2, 3, ... 8 rows and tokens, once
  EXPECT_EQ(at_.back() - at_[at_.size() * 3 / 4], 0u);
}

TEST_F(AllocationTest, NorDoTwoRequestsTogether) {
  auto engine = Engine::Load(base::FileSystem::Real(), packed_, {.threads = 1});
  ASSERT_THAT(engine, IsOk());
  Gate gate;
  Pending first, second;
  const OnDelta count = Count(), held = gate.Delta();
  ASSERT_TRUE((*engine)
                  ->Submit(
                      Endless(**engine),
                      [&](std::string_view delta) {
                        held(delta);
                        count(delta);
                      },
                      first.Done(), nullptr)
                  .ok());
  gate.AwaitReached();
  GenerateRequest longer = Endless(**engine);
  longer.max_tokens = 2 * kTokens;  // it is there until the first is done
  ASSERT_TRUE((*engine)->Submit(std::move(longer), [](std::string_view) {}, second.Done(), nullptr).ok());
  gate.Open();
  ASSERT_THAT(first.Wait(), IsOk());
  ASSERT_THAT(second.Wait(), IsOk());
  ASSERT_GT(at_.size(), 20u);
  EXPECT_EQ(at_.back() - at_[10], 0u);  // the other has begun
}

}  // namespace
}  // namespace linnet::engine
