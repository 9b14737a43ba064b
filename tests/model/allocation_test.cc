#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "tests/support/count_allocations.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_model.h"

namespace linnet::model {
namespace {

using ::linnet::testing::allocations;
using ::linnet::testing::IsOk;

// Of a prompt, of tokens after it, and of tokens of two sessions together.
uint64_t Allocations(const gguf::ModelFile& file, const kernels::Ops& ops, base::ThreadPool& pool,
                     KvType type) {
  const auto model = Transformer::Create(file, ops, pool, 16);
  EXPECT_THAT(model, IsOk());
  const auto kv = KvCache::Create((*model)->config(), 64, type);
  const auto other = KvCache::Create((*model)->config(), 64, type);
  EXPECT_THAT(kv, IsOk());
  EXPECT_THAT(other, IsOk());
  std::vector<float> logits((*model)->config().vocabulary), two(2 * logits.size());
  const std::vector<int32_t> prompt = {1, 2, 3, 4, 5, 6, 7};
  const uint64_t before = allocations.load();
  (*model)->Forward(prompt, **kv, logits);
  for (int32_t token = 20; token < 50; ++token) {
    const Segment alone = {{&token, 1}, kv->get(), 1, {.highest = 1, .ids = (*model)->config().vocabulary}};
    (*model)->Forward({&alone, 1}, logits);
    if (token % 2 == 0) continue;
    const Segment both[] = {{{&token, 1}, kv->get(), 1}, {{&token, 1}, other->get(), 1}};
    (*model)->Forward(both, two);
  }
  return allocations.load() - before;
}

TEST(AllocationTest, ATokenTakesNoMemoryFromTheHeap) {
  std::string error;
  const kernels::Variant& best = *kernels::Select("", &error);
  for (const auto type : {kernels::WeightType::kF16, kernels::WeightType::kQ4_0, kernels::WeightType::kQ8_0,
                          kernels::WeightType::kQ4_K}) {
    // Large enough that the work is shared out among threads.
    const std::string bytes = testing::TinyModelBytes({.type = type, .dim = 512, .ffn = 1024});
    ASSERT_OK_AND_ASSIGN(const auto file,
                         gguf::GgufFile::Parse("tiny", std::as_bytes(std::span(bytes.data(), bytes.size()))));
    const testing::PackedModel packed(bytes);
    base::ThreadPool pool(2);
    for (const gguf::ModelFile* form : {static_cast<const gguf::ModelFile*>(file.get()), &packed.file()}) {
      for (const KvType kv : {KvType::kF16, KvType::kQ8}) {
        EXPECT_EQ(Allocations(*form, best.ops, pool, kv), 0u) << static_cast<int>(type);
      }
    }
  }
}

}  // namespace
}  // namespace linnet::model
