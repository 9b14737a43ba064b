// Encoders and embeddings against a plain forward pass in double with libm, written from the papers.

#include "runtime/model/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/kernel_table.h"
#include "runtime/model/embedder.h"
#include "runtime/quant/quant.h"
#include "tests/model/reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_encoder.h"
#include "tests/support/tiny_model.h"

namespace linnet::model {
namespace {

using ::linnet::testing::StatusIs;
using ::linnet::testing::TinyEncoder;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint32_t kVocabulary = TinyEncoder::kVocabulary, kLayers = TinyEncoder::kLayers,
                   kDim = TinyEncoder::kDim, kHeads = TinyEncoder::kHeads, kFfn = TinyEncoder::kFfn;
constexpr double kEpsilon = TinyEncoder::kEpsilon, kBase = TinyEncoder::kBase;

using Doubles = std::vector<double>;
using Rows = std::vector<Doubles>;  // [tokens][values]

// The reference: whole tensors in double, loops as the formulas are.
class Reference {
 public:
  explicit Reference(const gguf::GgufFile& file, bool nomic) : file_(file), nomic_(nomic) {}

  Rows Forward(const std::vector<int32_t>& tokens) const {
    const Doubles embedding = Tensor("token_embd.weight"), types = Tensor("token_types.weight");
    const Doubles positions = nomic_ ? Doubles() : Tensor("position_embd.weight");
    Rows x(tokens.size(), Doubles(kDim));
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t i = 0; i < kDim; ++i) {
        x[t][i] = embedding[static_cast<size_t>(tokens[t]) * kDim + i] + types[i];
        if (!nomic_) x[t][i] += positions[t * kDim + i];
      }
    }
    LayerNorm(x, "token_embd_norm");
    for (uint32_t l = 0; l < kLayers; ++l) {
      const std::string p = absl::StrCat("blk.", l, ".");
      AddTo(x, Times(Attend(x, p), p + "attn_output"));
      LayerNorm(x, p + "attn_output_norm");
      Rows up = Times(x, p + "ffn_up");
      const Rows gate = nomic_ ? Times(x, p + "ffn_gate") : up;
      for (size_t t = 0; t < up.size(); ++t) {
        for (size_t i = 0; i < kFfn; ++i) {
          const double g = gate[t][i];
          up[t][i] =
              nomic_ ? g / (1 + std::exp(-g)) * up[t][i] : 0.5 * g * (1 + std::erf(g / std::sqrt(2.0)));
        }
      }
      AddTo(x, Times(up, p + "ffn_down"));
      LayerNorm(x, p + "layer_output_norm");
    }
    return x;
  }

 private:
  Doubles Tensor(const std::string& name) const {
    const auto values = quant::Dequantize(kernels::WeightType::kF32, file_.FindTensor(name)->data);
    return {values.begin(), values.end()};
  }
  Rows Times(const Rows& x, const std::string& name) const {
    const Doubles w = Tensor(name + ".weight");
    const size_t in = x[0].size(), out = w.size() / in;
    const Doubles bias = file_.FindTensor(name + ".bias") == nullptr ? Doubles(out) : Tensor(name + ".bias");
    Rows y(x.size(), bias);
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t r = 0; r < out; ++r) {
        for (size_t c = 0; c < in; ++c) y[t][r] += w[r * in + c] * x[t][c];
      }
    }
    return y;
  }
  static void AddTo(Rows& x, const Rows& y) {
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
    }
  }
  void LayerNorm(Rows& x, const std::string& name) const {
    const Doubles weight = Tensor(name + ".weight"), bias = Tensor(name + ".bias");
    for (Doubles& row : x) {
      double mean = 0, variance = 0;
      for (const double value : row) mean += value / kDim;
      for (const double value : row) variance += (value - mean) * (value - mean) / kDim;
      for (size_t i = 0; i < kDim; ++i) {
        row[i] = (row[i] - mean) / std::sqrt(variance + kEpsilon) * weight[i] + bias[i];
      }
    }
  }
  // Rotary positions: element i of a head's first half turns with element i of its second.
  static void Rotate(Rows& x) {
    const size_t d = kDim / kHeads;
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t head = 0; head < kHeads; ++head) {
        for (size_t i = 0; i < d / 2; ++i) {
          const double angle = static_cast<double>(t) * std::pow(kBase, -2.0 * static_cast<double>(i) / d);
          double& a = x[t][head * d + i];
          double& b = x[t][head * d + d / 2 + i];
          const double before = a;
          a = before * std::cos(angle) - b * std::sin(angle);
          b = b * std::cos(angle) + before * std::sin(angle);
        }
      }
    }
  }
  Rows Attend(const Rows& x, const std::string& p) const {
    Rows q, k, v;
    if (nomic_) {
      for (const Doubles& row : Times(x, p + "attn_qkv")) {
        q.emplace_back(row.begin(), row.begin() + kDim);
        k.emplace_back(row.begin() + kDim, row.begin() + 2 * kDim);
        v.emplace_back(row.begin() + 2 * kDim, row.end());
      }
      Rotate(q);
      Rotate(k);
    } else {
      q = Times(x, p + "attn_q");
      k = Times(x, p + "attn_k");
      v = Times(x, p + "attn_v");
    }
    const size_t d = kDim / kHeads;
    Rows y(x.size(), Doubles(kDim, 0.0));
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t head = 0; head < kHeads; ++head) {
        Doubles weights(x.size(), 0.0);
        double total = 0;
        for (size_t s = 0; s < x.size(); ++s) {
          for (size_t i = head * d; i < (head + 1) * d; ++i) weights[s] += q[t][i] * k[s][i];
          total += weights[s] = std::exp(weights[s] / std::sqrt(static_cast<double>(d)));
        }
        for (size_t s = 0; s < x.size(); ++s) {
          for (size_t i = head * d; i < (head + 1) * d; ++i) y[t][i] += weights[s] / total * v[s][i];
        }
      }
    }
    return y;
  }

  const gguf::GgufFile& file_;
  const bool nomic_;
};

std::vector<int32_t> SomeTokens(size_t n) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>(i * 37 % kVocabulary));
  return tokens;
}

const kernels::Ops& Best() {
  std::string error;
  return kernels::Select("", &error)->ops;
}

// Over the largest value, as everywhere in the tests of models.
double Error(const std::vector<float>& found, const Doubles& expected) {
  EXPECT_EQ(found.size(), expected.size());
  double worst = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

TEST(EncoderTest, ComputesWhatThePapersSay) {
  for (const auto& [nomic, biases] :
       {std::pair(false, true), std::pair(true, false), std::pair(true, true)}) {
    const std::string bytes = TinyEncoder(nomic, biases).Bytes();
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", base::AsBytes(bytes)));
    base::ThreadPool pool(2);
    ASSERT_OK_AND_ASSIGN(const auto encoder, Encoder::Create(*file, Best(), pool));
    for (const size_t n : {1, 2, 17, 80}) {
      Doubles expected;
      for (const Doubles& row : Reference(*file, nomic).Forward(SomeTokens(n))) {
        expected.insert(expected.end(), row.begin(), row.end());
      }
      EXPECT_LT(Error(encoder->Forward(SomeTokens(n)), expected), 1e-5) << nomic << " " << n;
    }
  }
}

TEST(EncoderTest, IsTheSameOnEveryKernelSetAndThreadCount) {
  for (const bool nomic : {false, true}) {
    const std::string bytes = TinyEncoder(nomic).Bytes();
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", base::AsBytes(bytes)));
    std::vector<float> first;
    for (const kernels::Variant& variant : kernels::Variants()) {
      if (!kernels::Supported(variant)) continue;
      for (const int threads : {1, 3}) {
        base::ThreadPool pool(threads);
        ASSERT_OK_AND_ASSIGN(const auto encoder, Encoder::Create(*file, variant.ops, pool));
        const auto found = encoder->Forward(SomeTokens(33));
        if (first.empty()) first = found;
        EXPECT_EQ(std::memcmp(found.data(), first.data(), 4 * first.size()), 0) << variant.name;
      }
    }
  }
}

TEST(EncoderTest, RefusesWhatItCannotComputeByName) {
  const auto create = [](auto change, bool nomic = false) {
    TinyEncoder tiny(nomic);
    change(tiny);
    const std::string bytes = tiny.Bytes();
    const auto file = gguf::GgufFile::Parse("tiny", base::AsBytes(bytes));
    EXPECT_TRUE(file.ok());
    base::ThreadPool pool(1);
    return Embedder::Create(**file, Best(), pool).status();
  };
  EXPECT_TRUE(create([](auto&) {}).ok());
  constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
  constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
  EXPECT_THAT(create([](auto& t) { t.writer().SetBool("bert.attention.causal", true); }),
              StatusIs(kUnimplemented, HasSubstr("bert.attention.causal")));
  EXPECT_THAT(create([](auto& t) { t.writer().SetUint32("bert.pooling_type", 4); }),
              StatusIs(kUnimplemented, AllOf(HasSubstr("bert.pooling_type"), HasSubstr("ranking"))));
  EXPECT_THAT(create([](auto& t) { t.writer().SetUint32("bert.attention.head_count", 5); }),
              StatusIs(kDataLoss, HasSubstr("bert.attention.head_count")));
  EXPECT_THAT(create([](auto& t) { t.writer().SetUint32("bert.attention.head_count_kv", 1); }),
              StatusIs(kUnimplemented, HasSubstr("bert.attention.head_count_kv")));
  EXPECT_THAT(create([](auto& t) { t.writer().SetUint32("bert.feed_forward_length", 64); }),
              StatusIs(kDataLoss, HasSubstr("blk.0.ffn_up.weight")));
  EXPECT_THAT(create([](auto& t) { t.writer().SetUint32("bert.block_count", 3); }),
              StatusIs(kDataLoss, HasSubstr("blk.2.attn_q.weight")));
  EXPECT_THAT(create([](auto& t) { t.writer().SetUint32("bert.block_count", 1); }),
              StatusIs(kUnimplemented, HasSubstr("blk.1.")));
  EXPECT_THAT(create([](auto& t) { t.writer().SetFloat32("nomic-bert.rope.scaling.factor", 4); }, true),
              StatusIs(kUnimplemented, HasSubstr("nomic-bert.rope.scaling.factor")));
  for (const char* other : {"nomic-bert-moe", "jina-bert-v2", "modern-bert"}) {
    EXPECT_THAT(create([&](auto& t) { t.writer().SetString("general.architecture", other); }),
                StatusIs(kUnimplemented, HasSubstr(other)));
  }
}

Doubles Unit(Doubles v) {
  double squares = 0;
  for (const double value : v) squares += value * value;
  for (double& value : v) value /= std::sqrt(squares);
  return v;
}

TEST(EmbedderTest, PoolsAndNormalizes) {
  const std::string bytes = TinyEncoder(false).Bytes();
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", base::AsBytes(bytes)));
  base::ThreadPool pool(2);
  ASSERT_OK_AND_ASSIGN(const auto embedder, Embedder::Create(*file, Best(), pool));
  EXPECT_EQ(embedder->pooling(), Pooling::kCls);
  const auto tokens = SomeTokens(21);
  const Rows rows = Reference(*file, false).Forward(tokens);
  Doubles mean(kDim, 0.0);
  for (const Doubles& row : rows) {
    for (size_t i = 0; i < kDim; ++i) mean[i] += row[i] / 21;
  }
  const std::pair<Pooling, Doubles> kCases[] = {
      {Pooling::kMean, mean}, {Pooling::kCls, rows.front()}, {Pooling::kLast, rows.back()}};
  for (const auto& [pooling, expected] : kCases) {
    ASSERT_OK_AND_ASSIGN(const auto plain, embedder->Embed(tokens, pooling, false));
    EXPECT_LT(Error(plain, expected), 1e-5);
    ASSERT_OK_AND_ASSIGN(const auto unit, embedder->Embed(tokens, pooling, true));
    EXPECT_LT(Error(unit, Unit(expected)), 1e-5);
  }
  ASSERT_OK_AND_ASSIGN(const auto all, embedder->Embed(tokens, Pooling::kNone, true));
  ASSERT_EQ(all.size(), 21 * kDim);
  EXPECT_LT(Error({all.end() - kDim, all.end()}, Unit(rows.back())), 1e-5);
}

TEST(EmbedderTest, SaysByHowMuchATextIsTooLong) {
  const std::string bytes = TinyEncoder(true).Bytes();
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", base::AsBytes(bytes)));
  base::ThreadPool pool(1);
  ASSERT_OK_AND_ASSIGN(const auto embedder, Embedder::Create(*file, Best(), pool));
  EXPECT_EQ(embedder->pooling(), Pooling::kMean);
  const auto embed = [&](const std::vector<int32_t>& tokens) {
    return embedder->Embed(tokens, Pooling::kMean, true).status();
  };
  EXPECT_TRUE(embed(SomeTokens(80)).ok());
  EXPECT_THAT(embed(SomeTokens(85)),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("5 more than the model's 80")));
  EXPECT_THAT(embed({}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no tokens")));
  for (const int32_t token : {-1, int32_t{kVocabulary}}) {
    EXPECT_THAT(embed({token}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("outside")));
  }
}

// A decoder's vectors are what its head multiplies.
TEST(EmbedderTest, DecodersGiveWhatTheirHeadSees) {
  const std::string bytes = testing::TinyModelBytes();
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("tiny", base::AsBytes(bytes)));
  base::ThreadPool pool(2);
  ASSERT_OK_AND_ASSIGN(const auto embedder, Embedder::Create(*file, Best(), pool));
  EXPECT_EQ(embedder->pooling(), Pooling::kLast);
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < 150; ++i) tokens.push_back(i * 31 % 251);  // more than one batch
  ASSERT_OK_AND_ASSIGN(const auto last, embedder->Embed(tokens, Pooling::kLast, false));
  ASSERT_OK_AND_ASSIGN(const auto all, embedder->Embed(tokens, Pooling::kNone, false));
  ASSERT_EQ(all.size(), tokens.size() * embedder->dim());
  EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - static_cast<ptrdiff_t>(last.size())));
  const Doubles expected = ReferenceLogits(*file, tokens);
  // The head is the embedding: tied.
  const auto head = quant::Dequantize(kernels::WeightType::kF32, file->FindTensor("token_embd.weight")->data);
  std::vector<float> logits(expected.size());
  for (size_t r = 0; r < logits.size(); ++r) {
    double sum = 0;
    for (size_t c = 0; c < last.size(); ++c)
      sum += static_cast<double>(head[r * last.size() + c]) * static_cast<double>(last[c]);
    logits[r] = static_cast<float>(sum);
  }
  EXPECT_LT(Error(logits, expected), 1e-4);
}

}  // namespace
}  // namespace linnet::model
