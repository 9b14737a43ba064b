#include "runtime/tools/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/file_system.h"
#include "runtime/tools/int8_peak.h"
#include "runtime/tools/synth.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::tools {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;

class RooflineTest : public ::testing::Test {
 protected:
  void Make(const std::string& shape, uint32_t layers) {
    ASSERT_THAT(Synth(fs_, {path_, true},
                      {.shape = shape, .type = "Q8_0", .layers = layers, .vocabulary = 1000}, nullptr),
                IsOk());
  }
  ModelCost Cost(uint32_t first, uint32_t tokens) {
    const auto cost = CostOf(fs_, path_, model::KvType::kF32, first, tokens);
    EXPECT_THAT(cost, IsOk());
    return cost.value_or(ModelCost());
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  const std::string path_ = dir_ / "model.gguf";
};

TEST_F(RooflineTest, ATokenReadsEveryWeightOnceAndMultipliesThoseOfTheBlocks) {
  Make("SmolLM2-135M", 2);
  const uint64_t block = 576 * (576 + 2 * 192 + 576 + 3 * 1536);
  // 34 bytes for 32 weights; norms in F32.
  EXPECT_EQ(Cost(0, 1).weight_bytes, (2 * block + 1000 * 576) / 32 * 34 + 5 * 576 * 4);
  EXPECT_EQ(Cost(0, 1).prefill_operations, 2 * 2 * block);
}

TEST_F(RooflineTest, KeysAndValuesGrowWithTheDepth) {
  Make("SmolLM2-135M", 2);
  const uint64_t one = Cost(0, 1).kv_bytes;  // the token's own
  EXPECT_GT(one, 0u);
  EXPECT_EQ(Cost(99, 1).kv_bytes, 100 * one);
  EXPECT_EQ(Cost(99, 3).kv_bytes, 101 * one);  // on average
}

TEST_F(RooflineTest, AWindowLimitsWhatIsRead) {
  Make("Gemma-3-270M", 6);  // the sixth layer sees all
  const uint64_t one = Cost(0, 1).kv_bytes / 6;
  EXPECT_EQ(Cost(1023, 1).kv_bytes, (5 * 512 + 1024) * one);
}

TEST_F(RooflineTest, EveryThreadCountIsMeasured) {
  ASSERT_OK_AND_ASSIGN(const Machine machine, MeasureMachine(2));
  EXPECT_FALSE(machine.int8_instructions.empty());
  ASSERT_EQ(machine.peaks.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(machine.peaks[i].threads, i + 1);
    EXPECT_GT(machine.peaks[i].read_bytes_per_second, 0);
    EXPECT_GT(machine.peaks[i].int8_operations_per_second, 0);
  }
}

TEST_F(RooflineTest, TheLoopsComputeWhatTheyCount) {
  for (const Int8Loop& loop : Int8Loops()) {
    SCOPED_TRACE(std::string(loop.name));
    EXPECT_EQ(loop.run(0), 0);
    // Every product is 3 * 5, and lanes of 32 bits share a round's evenly: at least four, at most sixteen.
    const int32_t one = loop.run(1);
    const int32_t products = one / 15;
    EXPECT_EQ(one % 15, 0);
    EXPECT_EQ(loop.operations / 2 % static_cast<uint32_t>(products), 0u);
    EXPECT_GE(loop.operations / 2 / static_cast<uint32_t>(products), 4u);
    EXPECT_LE(loop.operations / 2 / static_cast<uint32_t>(products), 16u);
    EXPECT_EQ(loop.run(1000), 1000 * one);
  }
}

TEST_F(RooflineTest, AFileThatIsNoneIsRefused) {
  EXPECT_THAT(CostOf(fs_, dir_ / "absent", model::KvType::kF32, 0, 1), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace linnet::tools
