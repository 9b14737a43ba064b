#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string>
#include <vector>

#include "runtime/base/file_system.h"
#include "runtime/base/thread_pool.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "runtime/pack/pack_writer.h"
#include "runtime/pack/packed_file.h"
#include "runtime/tools/synth.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

// How often threads wait for each other in a pass: the most of a few, because a pool whose threads come late
// goes on alone for a while (runtime/base/thread_pool.h).
namespace linnet::model {
namespace {

using ::linnet::testing::IsOk;

// At most so many in each layer, which is what is asked for, and in the whole pass beside its layers.
struct Shape {
  const char* name;  // layers as wide as the real ones, fewer of them and with fewer tokens
  uint32_t layers;   // all kinds that it has: Gemma's sixth sees the whole context
};
constexpr Shape kShapes[] = {
    {"SmolLM2-135M", 3},
    {"Llama-3.2-1B", 3},
    {"Qwen2.5-0.5B", 3},
    {"Gemma-3-270M", 6},
};
constexpr uint32_t kMostInLayer = 5, kMostBeside = 2;  // the head, and a prompt's first input
constexpr uint32_t kPrompt = 96;                       // as the engine cuts them

class BarriersTest : public ::testing::TestWithParam<Shape> {};

TEST_P(BarriersTest, ThreadsWaitNoMoreOften) {
  const Shape& shape = GetParam();
  base::FileSystem& fs = base::FileSystem::Real();
  const linnet::testing::TempDir folder;
  const std::string gguf = folder / "model.gguf", packed = folder / "model.linnet";
  ASSERT_THAT(tools::Synth(fs, {gguf, true},
                           {.shape = shape.name, .type = "Q4_0", .layers = shape.layers, .vocabulary = 2048},
                           nullptr),
              IsOk());
  ASSERT_THAT(pack::Pack(fs, gguf, packed, {}), IsOk());
  std::string error;
  const kernels::Variant& best = *kernels::Select("", &error);
  ASSERT_OK_AND_ASSIGN(const auto file, pack::OpenModel(fs, packed));
  base::ThreadPool pool(2);
  ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*file, best.ops, pool, kPrompt));
  ASSERT_OK_AND_ASSIGN(const auto kv,
                       KvCache::Create(model->config(), 4 * kPrompt, KvTypeFor(model->weights())));
  std::vector<float> logits(model->config().vocabulary);
  const auto counted = [&](size_t tokens) {
    std::vector<int32_t> ids(tokens);
    for (size_t i = 0; i < tokens; ++i) ids[i] = static_cast<int32_t>(100 + 7 * i);
    const uint64_t before = model->barriers();
    model->Forward(ids, *kv, logits);
    return model->barriers() - before;
  };
  uint64_t prompt = 0, token = 0;
  for (int i = 0; i < 3; ++i) prompt = std::max(prompt, counted(kPrompt));
  for (int i = 0; i < 20; ++i) token = std::max(token, counted(1));
  std::printf("%s, %u layers: a prompt of %u waits %llu times, a token %llu\n", shape.name, shape.layers,
              kPrompt, static_cast<unsigned long long>(prompt), static_cast<unsigned long long>(token));
  EXPECT_LE(prompt, shape.layers * kMostInLayer + kMostBeside);
  EXPECT_LE(token, shape.layers * kMostInLayer + kMostBeside);
  EXPECT_GT(prompt, 0u);  // work was shared out
}

INSTANTIATE_TEST_SUITE_P(Shapes, BarriersTest, ::testing::ValuesIn(kShapes), [](const auto& shape) {
  std::string name;
  for (const char* c = shape.param.name; *c != '\0'; ++c) {
    if (std::isalnum(static_cast<unsigned char>(*c)) != 0) name += *c;
  }
  return name;
});

}  // namespace
}  // namespace linnet::model
