#include "runtime/tools/bench.h"

#include <gtest/gtest.h>

#include "runtime/pack/pack_writer.h"
#include "runtime/tools/synth.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::IsOk;

// The context has room for each of its requests: at the start there is one token before those that are timed.
TEST(BenchTest, MeasuresDecodeFromTheStartWithTheShortestPrompt) {
  base::FileSystem& fs = base::FileSystem::Real();
  const testing::TempDir dir;
  const std::string gguf = dir / "model.gguf", packed = dir / "model.linnet";
  ASSERT_THAT(Synth(fs, {gguf, true},
                    {.shape = "SmolLM2-135M", .type = "Q4_0", .layers = 1, .vocabulary = 512}, nullptr),
              IsOk());
  ASSERT_THAT(pack::Pack(fs, gguf, packed, {}), IsOk());
  for (const bool huge_pages : {false, true}) {
    for (const uint32_t depth : {0u, 1u, 5u}) {
      const auto result = Bench(fs, packed,
                                {.prompt_tokens = 1,
                                 .generate_tokens = 4,
                                 .depth = depth,
                                 .threads = 1,
                                 .huge_pages = huge_pages,
                                 .repeat = 1});
      ASSERT_THAT(result, IsOk()) << depth;
      EXPECT_EQ(result->decode_depth, std::max(depth, 1u));
      EXPECT_EQ(result->decode_tokens, 4u);
      EXPECT_GT(result->median.decode_tokens_per_second, 0);
    }
  }
}

}  // namespace
}  // namespace linnet::tools
