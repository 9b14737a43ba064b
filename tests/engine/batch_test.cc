#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "tests/engine/batch_fixture.h"
#include "tests/support/lora_adapter.h"
#include "tests/support/tiny_families.h"

// Requests that decode together get the answers that they get alone.
namespace linnet::engine {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::TinyFamilyBytes;
using ::linnet::testing::TinyFamilyNamed;
using ::linnet::testing::WriteTinyModel;

// Threads see no difference between kernel sets, and under this sanitizer each takes minutes.
#ifdef LINNET_SANITIZED_THREADS
constexpr bool kOneSet = true;
#else
constexpr bool kOneSet = false;
#endif

const kernels::Variant& Best() {
  std::string error;
  return *kernels::Select("", &error);
}

class BatchTest : public BatchFixture {
 protected:
  void WriteFamily(const char* name) {
    ASSERT_TRUE(
        base::FileSystem::Real().WriteFileAtomic(path_, TinyFamilyBytes(TinyFamilyNamed(name)), 0644).ok());
  }
};

TEST_F(BatchTest, AnswersAreThoseOfEachAloneForEverySetAndThreads) {
  using kernels::KvType;
  for (const auto& [type, kv] : {std::pair{kernels::WeightType::kF32, KvType::kF32},
                                 std::pair{kernels::WeightType::kQ8_0, KvType::kF16},
                                 std::pair{kernels::WeightType::kQ4_0, KvType::kQ8}}) {
    WriteTinyModel(path_, {.type = type});
    const auto expected =
        EachAlone(*Load({.threads = 1, .kv = kv, .speculate = false, .max_sessions = 1}), Mix());
    for (const kernels::Variant& variant : kernels::Variants()) {
      if (!kernels::Supported(variant) || (kOneSet && &variant != &Best())) continue;
      setenv("LINNET_KERNEL", variant.name, 1);
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(std::string(variant.name) + " threads " + std::to_string(threads));
        const auto engine = Load({.threads = threads, .kv = kv, .prefill_chunk = 8, .max_sessions = 4});
        ASSERT_EQ(engine->info().sessions, 4u);
        ExpectSame(Together(*engine, Mix()), expected);
      }
      unsetenv("LINNET_KERNEL");
    }
  }
}

TEST_F(BatchTest, OthersMayComeWhileGuessesAreAtHand) {
  const auto expected = EachAlone(*Load({.threads = 1, .speculate = false, .max_sessions = 1}), Mix());
  const auto engine = Load({.threads = 1, .max_sessions = 3});
  for (int delta = 1; delta < 40; ++delta) {
    SCOPED_TRACE(delta);
    ExpectSame(Together(*engine, Mix(), delta), expected);
  }
}

TEST_F(BatchTest, StatesAndWindowsAreEachSessionsOwn) {
  for (const char* family : {"lfm2", "granitehybrid", "gemma3", "gpt2"}) {
    SCOPED_TRACE(family);
    WriteFamily(family);
    const auto expected = EachAlone(*Load({.threads = 1, .max_sessions = 1}), Mix());
    for (const int threads : {1, 3}) {
      ExpectSame(Together(*Load({.threads = threads, .prefill_chunk = 5}), Mix()), expected);
    }
  }
}

TEST_F(BatchTest, AFullContextIsShiftedWhileOthersGoOn) {
  const std::vector<Make> requests = {
      [] { return Letters("first", 20); },
      [] {
        GenerateRequest request = Letters("0123456789", 90);
        request.context_shift_keep = 4;
        return request;
      },
      [] {
        GenerateRequest request = Letters("others", 70);
        request.context_shift_keep = 0;
        return request;
      },
  };
  const auto expected = EachAlone(*Load({.threads = 1, .context_tokens = 32, .max_sessions = 1}), requests);
  EXPECT_GT(expected[1].context_shifts, 1u);
  ExpectSame(Together(*Load({.threads = 1, .context_tokens = 32}), requests), expected);
}

TEST_F(BatchTest, AdaptersDoNotMix) {
  const auto base = gguf::GgufFile::Open(base::FileSystem::Real(), path_);
  ASSERT_THAT(base, IsOk());
  EngineOptions options = {.threads = 1};
  for (const uint64_t seed : {1, 2}) {
    const std::string path = folder_ / ("adapter" + std::to_string(seed));
    const std::string bytes = linnet::testing::AdapterBytes(
        {.tensors = {{"blk.0.attn_q.weight", 4}, {"blk.1.ffn_down.weight", 4}}, .seed = seed}, **base);
    ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(path, bytes, 0644), IsOk());
    options.adapters.push_back({"adapter" + std::to_string(seed), path, 4.0f});
  }
  const auto with = [](const char* adapter) {
    return [adapter] {
      GenerateRequest request = Letters("the same prompt", 24);
      request.adapter = adapter;
      return request;
    };
  };
  const std::vector<Make> requests = {with(""), with("adapter1"), with("adapter2"), with("adapter1")};
  EngineOptions one = options;
  one.max_sessions = 1;
  const auto expected = EachAlone(*Load(one), requests);
  EXPECT_NE(expected[0].ids, expected[1].ids);
  EXPECT_NE(expected[1].ids, expected[2].ids);
  EXPECT_EQ(expected[1].ids, expected[3].ids);
  ExpectSame(Together(*Load(options), requests), expected);
}

TEST_F(BatchTest, LogitsAreTheSameWhileOthersDecode) {
  const std::vector<tokenizer::TokenId> tokens(100, 'a');
  ASSERT_OK_AND_ASSIGN(const auto expected, Load()->Logits(tokens));
  const auto engine = Load();
  Gate gate;
  Pending running;
  ASSERT_THAT(engine->Submit(Letters("running", 60), gate.Delta(), running.Done(), nullptr), IsOk());
  gate.AwaitReached();
  auto found = std::async(std::launch::async, [&] { return engine->Logits(tokens); });
  gate.Open();
  EXPECT_THAT(running.Wait(), IsOk());
  const auto logits = found.get();
  ASSERT_THAT(logits, IsOk());
  EXPECT_EQ(*logits, expected);
}

}  // namespace
}  // namespace linnet::engine
