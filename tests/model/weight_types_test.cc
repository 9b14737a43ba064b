#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/model/transformer.h"
#include "runtime/quant/quant.h"
#include "tests/model/reference.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_model.h"

// Whole models of every weight type.
namespace linnet::model {
namespace {

using kernels::WeightType;
using ::linnet::testing::PackedModel;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyModelBytes;
using ::linnet::testing::TinyModelOptions;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Rows are whole blocks of 256 in every matrix.
TinyModelOptions Large() { return {.dim = 256, .layers = 1, .ffn = 512}; }

std::vector<int32_t> SomeTokens(size_t n) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>(i * 37 % 251));
  return tokens;
}

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::vector<float> Logits(const gguf::ModelFile& file, const kernels::Variant& variant, int threads,
                          size_t chunk, const std::vector<int32_t>& tokens) {
  base::ThreadPool pool(threads);
  auto model = Transformer::Create(file, variant.ops, pool, static_cast<uint32_t>(chunk));
  EXPECT_TRUE(model.ok()) << model.status();
  auto kv = KvCache::Create((*model)->config(), 64);
  std::vector<float> logits((*model)->config().vocabulary);
  for (size_t i = 0; i < tokens.size(); i += chunk) {
    (*model)->Forward(std::span(tokens).subspan(i, std::min(chunk, tokens.size() - i)), **kv, logits);
  }
  return logits;
}

const kernels::Variant& Best() {
  std::string error;
  return *kernels::Select("", &error);
}

// The same bits for every set, any threads and chunk, packed or not; close to float64 on the dequantized
// weights.
void Check(const std::string& bytes) {
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
  const auto tokens = SomeTokens(9);
  const auto found = Logits(*file, Best(), 1, 9, tokens);
  const auto expected = ReferenceLogits(*file, tokens);
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    dot += expected[i] * static_cast<double>(found[i]);
    aa += expected[i] * expected[i];
    bb += static_cast<double>(found[i]) * static_cast<double>(found[i]);
  }
  EXPECT_GE(dot / std::sqrt(aa * bb), 0.999);  // activations have 7 bits and a sign
  const PackedModel packed(bytes);
  for (const kernels::Variant& variant : kernels::Variants()) {
    if (!kernels::Supported(variant)) continue;
    for (const auto& [threads, chunk] : {std::pair(3, size_t{4}), std::pair(2, size_t{1})}) {
      for (const gguf::ModelFile* form : {static_cast<const gguf::ModelFile*>(file.get()), &packed.file()}) {
        const auto other = Logits(*form, variant, threads, chunk, tokens);
        ASSERT_EQ(std::memcmp(other.data(), found.data(), found.size() * sizeof(float)), 0)
            << variant.name << " threads " << threads << " chunk " << chunk << " of " << form->path();
      }
    }
  }
}

TEST(WeightTypesTest, AModelOfEachType) {
  for (const WeightType type : quant::AllTypes()) {
    SCOPED_TRACE(std::string(quant::TypeName(type)));
    TinyModelOptions options = Large();
    options.type = type;
    Check(TinyModelBytes(options));
  }
}

// What llama-quantize writes: q Q4_K, v Q6_K, and so on, in one product.
TEST(WeightTypesTest, OneProductMixesTypes) {
  TinyModelOptions options = Large();
  options.mixed = {WeightType::kQ4_K,   WeightType::kQ6_K, WeightType::kQ5_0, WeightType::kF16,
                   WeightType::kIQ4_NL, WeightType::kQ5_1, WeightType::kQ8_0};
  Check(TinyModelBytes(options));
}

TEST(WeightTypesTest, PackedModelsHaveTilesOfEveryTypeThatHasThem) {
  for (const kernels::TileFormat& format : kernels::kTileFormats) {
    TinyModelOptions options = Large();
    options.type = format.type;
    const PackedModel packed(TinyModelBytes(options));
    for (const char* name : {"token_embd.weight", "blk.0.attn_k.weight", "blk.0.ffn_down.weight"}) {
      const gguf::TensorInfo* tensor = packed.file().FindTensor(name);
      ASSERT_NE(tensor, nullptr) << name;
      EXPECT_TRUE(tensor->tiled) << name << " " << tensor->type_name;
    }
    EXPECT_FALSE(packed.file().FindTensor("output_norm.weight")->tiled);
  }
}

TEST(WeightTypesTest, AHeadOfItsOwnIsTheSamePacked) {
  TinyModelOptions options = Large();
  options.mixed = {WeightType::kQ4_0, WeightType::kQ8_0, WeightType::kQ6_K};
  options.tied = false;
  Check(TinyModelBytes(options));
}

TEST(WeightTypesTest, AScaleThatIsNoNumberIsRefused) {
  for (const WeightType type : quant::AllTypes()) {
    const kernels::WeightTypeInfo& info = kernels::InfoOf(type);
    TinyModelOptions options = Large();
    options.type = type;
    std::string bytes = TinyModelBytes(options);
    ASSERT_OK_AND_ASSIGN(const auto whole, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    const gguf::TensorInfo* tensor = whole->FindTensor("blk.0.ffn_up.weight");
    ASSERT_NE(tensor, nullptr);
    size_t at = static_cast<size_t>(tensor->data.data() - Bytes(bytes).data()) +
                size_t{7} * info.block_bytes + info.scale_offset;
    if (type == WeightType::kF32) at += 2;
    bytes[at] = '\xff';
    if (type != WeightType::kMXFP4) bytes[at + 1] = '\x7f';
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", Bytes(bytes)));
    base::ThreadPool pool(1);
    EXPECT_THAT(
        Transformer::Create(*file, Best().ops, pool, 8),
        StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("blk.0.ffn_up.weight"), HasSubstr("block 7"),
                                                    HasSubstr(std::string(info.name)))));
  }
}

}  // namespace
}  // namespace linnet::model
