#include "runtime/tools/self_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/tools/bench.h"
#include "tests/engine/engine_fixture.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;

class SelfCheckTest : public engine::EngineFixture {};

TEST_F(SelfCheckTest, PassesAModelThatWorks) {
  const auto result = SelfCheck(base::FileSystem::Real(), path_, {.generate_tokens = 8});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->generated_tokens, 8u);
  EXPECT_GT(result->peak_rss_bytes, 0u);
}

TEST_F(SelfCheckTest, FailsAModelWithDamagedWeights) {
  std::string bytes = linnet::testing::TinyModelBytes();
  // Not-a-number over the last tensor's tail.
  bytes.replace(bytes.size() - 4096, 4096, 4096, '\xff');
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(path_, bytes), IsOk());
  EXPECT_THAT(SelfCheck(base::FileSystem::Real(), path_, {}), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SelfCheckTest, BenchMeasuresEverything) {
  const auto result =
      Bench(base::FileSystem::Real(), path_, {.prompt_tokens = 20, .generate_tokens = 5, .repeat = 2});
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->runs.size(), 2u);
  EXPECT_GT(result->median.prefill_tokens_per_second, 0);
  EXPECT_GT(result->median.decode_tokens_per_second, 0);
  EXPECT_GT(result->median.load_seconds, 0);
  EXPECT_GT(result->median.first_token_seconds, 0);
  EXPECT_EQ(result->decode_depth, 20u);
  EXPECT_EQ(result->decode_tokens, 4u);
  // Of an even number, the middle of the two.
  EXPECT_DOUBLE_EQ(result->median.load_seconds,
                   (result->runs[0].load_seconds + result->runs[1].load_seconds) / 2);
  EXPECT_THAT(Bench(base::FileSystem::Real(), path_, {.prompt_tokens = 4000}),
              StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(SelfCheckTest, BenchDecodesAtTheDepthThatIsAskedFor) {
  base::FileSystem& fs = base::FileSystem::Real();
  for (const uint32_t depth : {0u, 50u}) {
    const auto result =
        Bench(fs, path_, {.prompt_tokens = 4, .generate_tokens = 5, .depth = depth, .repeat = 1});
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->decode_depth, std::max(depth, 1u));  // there is no decode without a token before it
    EXPECT_EQ(result->decode_tokens, 5u);
    EXPECT_GT(result->median.decode_tokens_per_second, 0);
  }
  EXPECT_THAT(Bench(fs, path_, {.prompt_tokens = 4, .depth = 4000}), StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace linnet::tools
