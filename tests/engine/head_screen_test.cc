#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pack/pack_writer.h"
#include "tests/engine/engine_fixture.h"
#include "tests/engine/script_constraint.h"

// A packed head is screened, a GGUF's is not: the answers are the same, token by token, whatever is asked.
namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::WriteTinyModel;

class HeadScreenTest : public EngineFixture {
 protected:
  void SetUp() override {
    WriteTinyModel(path_, {.type = kernels::WeightType::kQ8_0, .dim = 128, .tied = true});
    ASSERT_THAT(pack::Pack(base::FileSystem::Real(), path_, packed_, {}), IsOk());
  }

  std::unique_ptr<Engine> LoadPacked(EngineOptions options = {.threads = 1}) {
    auto engine = Engine::Load(base::FileSystem::Real(), packed_, options);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }

  const std::string packed_ = folder_ / "tiny.linnet";
};

struct Case {
  const char* name;
  bool screened;
  std::function<void(GenerateRequest&)> change;
};

TEST_F(HeadScreenTest, AnswersAreTheSameForEverySampler) {
  const Case kCases[] = {
      {"greedy", true, [](GenerateRequest&) {}},
      {"top_k", true,
       [](GenerateRequest& r) {
         r.sampling.temperature = 0.9f;
         r.sampling.top_k = 5;
       }},
      {"top_k, top_p, min_p", true,
       [](GenerateRequest& r) {
         r.sampling.temperature = 1.5f;
         r.sampling.top_k = 8;
         r.sampling.top_p = 0.8f;
       }},
      {"no top_k", false,
       [](GenerateRequest& r) {
         r.sampling.temperature = 1.0f;
         r.sampling.top_k = 0;
       }},
      {"penalties", false, [](GenerateRequest& r) { r.sampling.repetition_penalty = 1.3f; }},
      {"dry", false, [](GenerateRequest& r) { r.sampling.dry_multiplier = 2.0f; }},
      {"bias", false, [](GenerateRequest& r) { r.sampling.logit_bias = {{'e', -4.0f}}; }},
      {"mirostat", false,
       [](GenerateRequest& r) {
         r.sampling.temperature = 1.0f;
         r.sampling.mirostat = 2;
       }},
      {"letters, greedy", true, [](GenerateRequest& r) { r.constraint = std::make_unique<LettersOnly>(); }},
      {"letters, top_k", true,
       [](GenerateRequest& r) {
         r.constraint = std::make_unique<LettersOnly>();
         r.sampling.temperature = 1.0f;
         r.sampling.top_k = 4;
       }},
      {"a script", true, [](GenerateRequest& r) { r.constraint = std::make_unique<Script>("ab", "cde"); }},
  };
  const auto plain = Load({.threads = 1, .speculate = false});
  const auto packed = LoadPacked({.threads = 1, .speculate = false}), threads = LoadPacked({.threads = 3});
  for (const Case& c : kCases) {
    for (const uint64_t seed : {1, 2, 3}) {
      const auto ask = [&](Engine& engine) {
        GenerateRequest request = Request("The tiny model says 12 things", 40);
        request.sampling.seed = seed;
        c.change(request);
        return engine.Generate(std::move(request));
      };
      const auto expected = ask(*plain), found = ask(*packed), other = ask(*threads);
      ASSERT_THAT(expected, IsOk());
      ASSERT_THAT(found, IsOk());
      ASSERT_THAT(other, IsOk());
      EXPECT_EQ(found->ids, expected->ids) << c.name;
      EXPECT_EQ(other->ids, expected->ids) << c.name;
      EXPECT_EQ(found->text, expected->text) << c.name;
      EXPECT_EQ(expected->decode_head.screened, 0u);
      const model::HeadUse& head = found->decode_head;
      if (std::string(c.name) == "a script") continue;  // one token is chosen: with the prompt
      EXPECT_GT(head.tokens, 0u) << c.name;
      EXPECT_EQ(head.screened > 0, c.screened) << c.name;
      if (!c.screened) {
        EXPECT_EQ(head.fallbacks, 0u) << c.name;
        EXPECT_EQ(head.bytes / head.tokens, 288u * 128 / 32 * 34) << c.name;  // whole tiles
      }
    }
  }
}

TEST_F(HeadScreenTest, LogitsThatAreAskedForAreAllThere) {
  const std::vector<tokenizer::TokenId> tokens = {72, 101, 108, 108, 111};
  const auto plain = Load()->Logits(tokens), packed = LoadPacked()->Logits(tokens);
  ASSERT_THAT(plain, IsOk());
  ASSERT_THAT(packed, IsOk());
  EXPECT_EQ(*plain, *packed);
}

TEST_F(HeadScreenTest, SessionsTogetherAndGuessesAreAsAlone) {
  const auto plain = Load({.threads = 1, .speculate = false});
  const auto packed = LoadPacked({.threads = 2, .max_sessions = 3});
  const char* const prompts[] = {"abcabcabcabcabc", "one two one two one two", "x"};
  const auto request = [&](size_t i) {
    GenerateRequest r = Request(prompts[i], 48);
    r.sampling.temperature = i == 2 ? 0.8f : 0.0f;
    if (i == 1) r.constraint = std::make_unique<LettersOnly>();
    return r;
  };
  std::vector<Pending> pending(3);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_THAT(packed->Submit(request(i), nullptr, pending[i].Done(), nullptr), IsOk());
  }
  for (size_t i = 0; i < 3; ++i) {
    const auto expected = plain->Generate(request(i)), found = pending[i].Wait();
    ASSERT_THAT(expected, IsOk());
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->ids, expected->ids) << prompts[i];
    const auto alone = packed->Generate(request(i));
    ASSERT_THAT(alone, IsOk());
    EXPECT_EQ(alone->ids, expected->ids) << prompts[i];
  }
}

}  // namespace
}  // namespace linnet::engine
