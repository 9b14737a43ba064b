#include "runtime/model/lora.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/transformer.h"
#include "runtime/quant/quant.h"
#include "tests/model/reference.h"
#include "tests/support/lora_adapter.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_families.h"
#include "tests/support/tiny_model.h"

namespace linnet::model {
namespace {

using kernels::WeightType;
using ::linnet::testing::AdapterBytes;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyModelBytes;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kBad = absl::StatusCode::kDataLoss;
constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;

std::unique_ptr<gguf::GgufFile> Parsed(const std::string& bytes) {
  auto file = gguf::GgufFile::Parse("file", base::AsBytes(bytes));
  EXPECT_THAT(file, IsOk());
  return *std::move(file);
}

// The model with W + scale * B A in double, rounded to float once.
std::string Merged(const gguf::GgufFile& base, const gguf::GgufFile& adapter, double scale) {
  gguf::GgufWriter writer;
  writer.CopyMetadata(base);
  for (const gguf::TensorInfo& t : base.tensors()) {
    std::vector<float> w = quant::Dequantize(t.type, t.data);
    const gguf::TensorInfo* a = adapter.FindTensor(t.name + ".lora_a");
    const gguf::TensorInfo* b = adapter.FindTensor(t.name + ".lora_b");
    if (a != nullptr) {
      const auto av = quant::Dequantize(a->type, a->data), bv = quant::Dequantize(b->type, b->data);
      const size_t cols = t.shape[0], rank = a->shape[1];
      for (size_t i = 0; i < w.size(); ++i) {
        double sum = 0;
        for (size_t r = 0; r < rank; ++r) {
          sum += static_cast<double>(bv[i / cols * rank + r]) * static_cast<double>(av[r * cols + i % cols]);
        }
        w[i] = static_cast<float>(static_cast<double>(w[i]) + scale * sum);
      }
    }
    writer.AddTensor(t.name, WeightType::kF32, t.shape, quant::Quantize(WeightType::kF32, w));
  }
  return *writer.Serialize();
}

TEST(LoraTest, ComputesWhatTheMergedWeightsWould) {
  const std::string base_bytes = TinyModelBytes({.tied = false});
  const auto base = Parsed(base_bytes);
  const std::string adapter_bytes = AdapterBytes({.alpha = 12,
                                                  .tensors = {{"blk.0.attn_q.weight", 4},
                                                              {"blk.0.ffn_down.weight", 3},
                                                              {"blk.1.attn_v.weight", 1},
                                                              {"blk.1.attn_output.weight", 17},
                                                              {"blk.1.ffn_gate.weight", 2},
                                                              {"output.weight", 4}}},
                                                 *base);
  const auto adapter_file = Parsed(adapter_bytes);
  ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(*adapter_file, *base, 0.5F));
  for (const LoraAdapter::Pair& pair : adapter->pairs()) {
    EXPECT_FLOAT_EQ(pair.scale, 0.5F * 12.0F / static_cast<float>(pair.rank));
  }
  // The ranks differ, so the reference takes one tensor's scale after another.
  std::string merged = base_bytes;
  for (const LoraAdapter::Pair& pair : adapter->pairs()) {
    const std::string one = AdapterBytes({.alpha = 12, .tensors = {{pair.target->name, pair.rank}}}, *base);
    const auto before = Parsed(merged), change = Parsed(one);
    merged = Merged(*before, *change, 0.5 * 12.0 / static_cast<double>(pair.rank));
  }
  const auto whole = Parsed(merged);
  const std::vector<int32_t> tokens = {7, 100, 3, 3, 250, 64, 12};
  const std::vector<double> expected = ReferenceLogits(*whole, tokens);

  std::string error;
  for (const int threads : {1, 3}) {
    base::ThreadPool pool(threads);
    ASSERT_OK_AND_ASSIGN(const auto model,
                         Transformer::Create(*base, kernels::Select("", &error)->ops, pool, 4));
    ASSERT_OK_AND_ASSIGN(const auto kv, KvCache::Create(model->config(), 64));
    std::vector<float> plain(model->config().vocabulary), logits = plain, again = plain;
    const auto run = [&](std::vector<float>& out) {
      kv->Truncate(0);
      model->Forward(std::span(tokens).first(4), *kv, {});
      model->Forward(std::span(tokens).subspan(4), *kv, out);
    };
    run(plain);
    model->SetAdapter(adapter.get());
    run(logits);
    model->SetAdapter(nullptr);
    run(again);
    EXPECT_EQ(plain, again);
    double most = 0, change = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      most = std::max(most, std::fabs(expected[i]));
      change = std::max(change, std::fabs(static_cast<double>(plain[i]) - expected[i]));
    }
    EXPECT_GT(change, 0.05 * most);  // it does something
    for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 1e-5 * most) << i;
  }
}

// Also where several matrices are rows of one tensor (attn_qkv, ffn_up of phi3), in short convolutions, and
// in heads of their own.
TEST(LoraTest, ChangesEveryMatrixOfEveryFamily) {
  std::string error;
  const kernels::Ops& ops = kernels::Select("", &error)->ops;
  const std::vector<int32_t> tokens = {7, 100, 3, 3, 250, 64, 12};
  for (const linnet::testing::TinyFamily& family : linnet::testing::TinyFamilies()) {
    SCOPED_TRACE(family.name);
    const std::string base_bytes = TinyFamilyBytes(family);
    const auto base = Parsed(base_bytes);
    linnet::testing::AdapterContents contents;
    for (const gguf::TensorInfo& t : base->tensors()) {
      const std::string_view name = t.name;
      const bool looked_up = name == "token_embd.weight" || name == "position_embd.weight";
      const bool product = name.ends_with(".weight") && name.find("norm") == name.npos &&
                           name.find("conv.conv") == name.npos && name.find("conv1d") == name.npos;
      if (t.shape.size() == 2 && product && !looked_up) contents.tensors.emplace_back(t.name, 2);
    }
    ASSERT_GT(contents.tensors.size(), 6u);
    const std::string adapter_bytes = AdapterBytes(contents, *base);
    const auto adapter_file = Parsed(adapter_bytes);
    ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(*adapter_file, *base, 1.0F));
    const std::string merged = Merged(*base, *adapter_file, 1.0);
    const std::vector<double> expected = ReferenceLogits(*Parsed(merged), tokens);

    base::ThreadPool pool(1);
    ASSERT_OK_AND_ASSIGN(const auto model, Transformer::Create(*base, ops, pool, 16));
    ASSERT_OK_AND_ASSIGN(const auto kv, KvCache::Create(model->config(), 256));
    std::vector<float> logits(model->config().vocabulary);
    model->SetAdapter(adapter.get());
    model->Forward(tokens, *kv, logits);
    double most = 0;
    for (const double e : expected) most = std::max(most, std::fabs(e));
    for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-4 * most) << i;
  }
}

// An adapter finds its rows in tiles, also where a matrix begins inside one.
TEST(LoraTest, ChangesPackedModelsAsItDoesOthers) {
  std::string error;
  const kernels::Ops& ops = kernels::Select("", &error)->ops;
  const std::vector<int32_t> tokens = {7, 100, 3, 3, 250, 64, 12};
  for (const linnet::testing::TinyFamily& family : linnet::testing::TinyFamilies()) {
    SCOPED_TRACE(family.name);
    const std::string base_bytes = TinyFamilyBytes(family, {.type = WeightType::kQ8_0});
    const auto base = Parsed(base_bytes);
    const linnet::testing::PackedModel packed(base_bytes);
    linnet::testing::AdapterContents contents;
    for (const gguf::TensorInfo& t : base->tensors()) {
      for (const char* part : {"attn_q", "ffn_", "attn_output.weight", "in_proj"}) {
        if (t.shape.size() == 2 && t.name.ends_with(".weight") && t.name.find(part) != t.name.npos &&
            t.name.find("norm") == t.name.npos) {
          contents.tensors.emplace_back(t.name, 2);
        }
      }
    }
    const std::string adapter_bytes = AdapterBytes(contents, *base);
    const auto adapter_file = Parsed(adapter_bytes);
    const auto logits_of = [&](const gguf::ModelFile& file) {
      base::ThreadPool pool(2);
      const auto adapter = LoraAdapter::Load(*adapter_file, file, 1.0F);
      const auto model = Transformer::Create(file, ops, pool, 16);
      EXPECT_TRUE(adapter.ok() && model.ok());
      const auto kv = KvCache::Create((*model)->config(), 256);
      std::vector<float> logits((*model)->config().vocabulary);
      (*model)->SetAdapter(adapter->get());
      (*model)->Forward(tokens, **kv, logits);
      return logits;
    };
    EXPECT_EQ(logits_of(packed.file()), logits_of(*base));
  }
}

TEST(LoraTest, RefusesByNameWhatItCannotDo) {
  const std::string base_bytes = TinyModelBytes();
  const auto base = Parsed(base_bytes);
  const auto load = [&](const std::string& bytes) {
    return LoraAdapter::Load(*Parsed(bytes), *base, 1).status();
  };
  const auto with = [&](const std::function<void(gguf::GgufWriter&)>& change) {
    const std::string bytes = AdapterBytes({.tensors = {{"blk.0.attn_q.weight", 2}}}, *base);
    const auto good = Parsed(bytes);
    gguf::GgufWriter writer;
    writer.CopyMetadata(*good);
    for (const gguf::TensorInfo& t : good->tensors())
      writer.AddTensorView(t.name, t.ggml_type, t.shape, t.data);
    change(writer);
    return load(*writer.Serialize());
  };
  const auto floats = [](size_t n, float v = 0.5F) {
    return quant::Quantize(WeightType::kF32, std::vector<float>(n, v));
  };
  EXPECT_THAT(with([](gguf::GgufWriter&) {}), IsOk());
  EXPECT_THAT(load(base_bytes), StatusIs(kBad, HasSubstr("is no LoRA adapter")));
  EXPECT_THAT(with([](auto& w) { w.SetString("adapter.type", "dora"); }), StatusIs(kBad, HasSubstr("dora")));
  EXPECT_THAT(with([](auto& w) { w.SetString("general.architecture", "qwen2"); }),
              StatusIs(kInvalid, HasSubstr("'qwen2', the model is 'llama'")));
  EXPECT_THAT(with([](auto& w) { w.SetUint32Array("adapter.alora.invocation_tokens", {1}); }),
              StatusIs(kUnsupported, HasSubstr("alora")));
  EXPECT_THAT(with([&](auto& w) {
                w.AddTensor("blk.0.attn_k.weight.lora_a", WeightType::kF32, {64, 2}, floats(128));
              }),
              StatusIs(kBad, HasSubstr("without its lora_b")));
  EXPECT_THAT(with([&](auto& w) {
                w.AddTensor("blk.0.attn_k.weight.lora_b", WeightType::kF32, {2, 32}, floats(64));
              }),
              StatusIs(kBad, HasSubstr("without its lora_a")));
  const auto pair = [&](const char* name, std::vector<uint64_t> a, std::vector<uint64_t> b, float v = 0.5F) {
    return with([&](auto& w) {
      w.AddTensor(absl::StrCat(name, ".lora_a"), WeightType::kF32, a, floats(a[0] * a[1], v));
      w.AddTensor(absl::StrCat(name, ".lora_b"), WeightType::kF32, b, floats(b[0] * b[1], v));
    });
  };
  EXPECT_THAT(pair("blk.0.attn_k.weight", {64, 2}, {2, 32}), IsOk());
  EXPECT_THAT(pair("blk.0.attn_k.weight", {32, 2}, {2, 32}),
              StatusIs(kInvalid, HasSubstr("expected [64, rank]")));
  EXPECT_THAT(pair("blk.0.attn_k.weight", {64, 2}, {3, 32}), StatusIs(kInvalid, HasSubstr("[3, 32]")));
  EXPECT_THAT(pair("blk.0.attn_k.weight", {64, 2}, {2, 64}), StatusIs(kInvalid, HasSubstr("and [rank, 32]")));
  EXPECT_THAT(pair("blk.7.attn_k.weight", {64, 2}, {2, 32}),
              StatusIs(kInvalid, HasSubstr("blk.7.attn_k.weight")));
  EXPECT_THAT(pair("token_embd.weight", {2, 273}, {2, 64}), StatusIs(kUnsupported, HasSubstr("token_embd")));
  EXPECT_THAT(pair("blk.0.attn_norm.weight", {64, 1}, {1, 1}),
              StatusIs(kUnsupported, HasSubstr("attn_norm")));
  EXPECT_THAT(
      with([&](auto& w) { w.AddTensor("blk.0.attn_norm.weight", WeightType::kF32, {64}, floats(64)); }),
      StatusIs(kUnsupported, HasSubstr("attn_norm")));
  EXPECT_THAT(pair("blk.0.attn_k.weight", {64, 2}, {2, 32}, std::numeric_limits<float>::infinity()),
              StatusIs(kBad, HasSubstr("not finite")));
  EXPECT_THAT(with([](auto& w) { w.SetFloat32("adapter.lora.alpha", NAN); }),
              StatusIs(kBad, HasSubstr("alpha")));
}

}  // namespace
}  // namespace linnet::model
