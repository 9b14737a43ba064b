#include "runtime/tools/imatrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/quant/quant.h"
#include "runtime/tokenizer/tokenizer.h"
#include "tests/model/reference.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::tools {
namespace {

using kernels::WeightType;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kBad = absl::StatusCode::kDataLoss;
constexpr std::string_view kText = "hello the hen and on and on hell rein";

class ImatrixTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::WriteTinyModel(model_); }
  absl::StatusOr<ImportanceMatrix> Read(const std::string& bytes) {
    EXPECT_THAT(fs_.WriteFileAtomic(file_, bytes), IsOk());
    return ImportanceMatrix::Read(fs_, file_);
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  const std::string model_ = dir_ / "model.gguf", file_ = dir_ / "imatrix.gguf";
};

TEST_F(ImatrixTest, IsTheMeanOfSquaredInputs) {
  constexpr uint32_t kContext = 7;
  ASSERT_OK_AND_ASSIGN(const ImportanceMatrix matrix,
                       CollectImatrix(fs_, model_, kText, {.context_tokens = kContext}, nullptr));
  // The same in double, chunk by chunk.
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(fs_, model_));
  ASSERT_OK_AND_ASSIGN(const auto tokenizer, tokenizer::Tokenizer::Create(*file));
  const auto ids = tokenizer->Encode(kText, {.add_special = false});
  std::map<std::string, std::vector<double>> sums;
  std::map<std::string, size_t> counts;
  for (size_t at = 0; at < ids.size(); at += kContext) {
    const std::vector<int32_t> chunk(
        ids.begin() + static_cast<ptrdiff_t>(at),
        ids.begin() + static_cast<ptrdiff_t>(std::min(at + kContext, ids.size())));
    model::ReferenceLogits(*file, chunk, kContext,
                           [&](const std::string& name, const std::vector<double>& x) {
                             std::vector<double>& sum = sums[name];
                             sum.resize(x.size());
                             for (size_t i = 0; i < x.size(); ++i) sum[i] += x[i] * x[i];
                             ++counts[name];
                           });
  }
  EXPECT_EQ(matrix.chunks, (ids.size() + kContext - 1) / kContext);
  EXPECT_EQ(matrix.entries.size(), 2u * 7);  // 7 matrices in each of 2 layers; not the head
  for (const auto& [name, entry] : matrix.entries) {
    ASSERT_TRUE(sums.contains(name)) << name;
    EXPECT_EQ(entry.count, ids.size());
    ASSERT_OK_AND_ASSIGN(const auto means, matrix.Of(name, sums[name].size()));
    for (size_t i = 0; i < means.size(); ++i) {
      const double expected = sums[name][i] / static_cast<double>(counts[name]);
      EXPECT_NEAR(means[i], expected, 1e-4 * expected + 1e-9) << name << " " << i;
    }
  }
}

TEST_F(ImatrixTest, ComesBackFromItsFile) {
  ASSERT_OK_AND_ASSIGN(ImportanceMatrix matrix, CollectImatrix(fs_, model_, kText, {}, nullptr));
  matrix.dataset = "text.txt";
  ASSERT_THAT(matrix.Write(fs_, {file_}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto back, ImportanceMatrix::Read(fs_, file_));
  EXPECT_EQ(back.dataset, "text.txt");
  EXPECT_EQ(back.chunks, 1u);
  EXPECT_EQ(back.chunk_tokens, 256u);  // the model's context
  ASSERT_EQ(back.entries.size(), matrix.entries.size());
  for (const auto& [name, entry] : matrix.entries) {
    const auto& other = back.entries.at(name);
    EXPECT_EQ(other.count, entry.count);
    for (size_t i = 0; i < entry.sums.size(); ++i) EXPECT_FLOAT_EQ(other.sums[i], entry.sums[i]);
  }
  EXPECT_THAT(matrix.Of("blk.0.attn_q.weight", 65), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(matrix.Of("blk.9.attn_q.weight", 64)->empty());
}

// llama-imatrix's file, byte by byte: tools/imatrix/imatrix.cpp of llama.cpp.
TEST_F(ImatrixTest, ReadsWhatLlamaCppWrites) {
  gguf::GgufWriter writer;
  writer.SetString("general.type", "imatrix");
  writer.SetStringArray("imatrix.datasets", {"wiki.train.raw"});
  writer.SetUint32("imatrix.chunk_count", 3);
  writer.SetUint32("imatrix.chunk_size", 512);
  const auto floats = [](std::vector<float> v) { return quant::Quantize(WeightType::kF32, v); };
  writer.AddTensor("blk.0.attn_q.weight.in_sum2", WeightType::kF32, {2, 1}, floats({8, 2}));
  writer.AddTensor("blk.0.attn_q.weight.counts", WeightType::kF32, {1, 1}, floats({4}));
  ASSERT_OK_AND_ASSIGN(const auto matrix, Read(*writer.Serialize()));
  EXPECT_EQ(*matrix.Of("blk.0.attn_q.weight", 2), (std::vector<float>{2, 0.5}));
  EXPECT_EQ(matrix.dataset, "wiki.train.raw");
  EXPECT_EQ(matrix.chunks, 3u);
}

void Append(std::string& out, int32_t value) { out.append(reinterpret_cast<const char*>(&value), 4); }
void Append(std::string& out, float value) { out.append(reinterpret_cast<const char*>(&value), 4); }

TEST_F(ImatrixTest, ReadsTheOlderFormat) {
  std::string bytes;
  Append(bytes, 1);
  Append(bytes, 19);
  bytes += "blk.0.attn_q.weight";
  Append(bytes, 4);  // calls
  Append(bytes, 2);  // values
  Append(bytes, 8.0F);
  Append(bytes, 2.0F);
  Append(bytes, 7);  // chunks
  Append(bytes, 3);
  bytes += "abc";
  ASSERT_OK_AND_ASSIGN(const auto matrix, Read(bytes));
  EXPECT_EQ(*matrix.Of("blk.0.attn_q.weight", 2), (std::vector<float>{2, 0.5}));
  EXPECT_EQ(matrix.dataset, "abc");
  for (size_t cut = 0; cut < 43; ++cut) EXPECT_THAT(Read(bytes.substr(0, cut)), StatusIs(kBad)) << cut;
}

TEST_F(ImatrixTest, RefusesWhatIsNone) {
  EXPECT_THAT(ImportanceMatrix::Read(fs_, model_), StatusIs(kBad, HasSubstr("general.type")));
  EXPECT_THAT(Read(std::string(64, '\xff')), StatusIs(kBad));
  std::string many;
  Append(many, std::numeric_limits<int32_t>::max());
  EXPECT_THAT(Read(many), StatusIs(kBad));
  for (const float wrong : {-1.0F, std::numeric_limits<float>::quiet_NaN()}) {
    gguf::GgufWriter writer;
    writer.SetString("general.type", "imatrix");
    writer.AddTensor("t.in_sum2", WeightType::kF32, {1}, quant::Quantize(WeightType::kF32, {{wrong}}));
    EXPECT_THAT(Read(*writer.Serialize()), StatusIs(kBad, HasSubstr("without its .counts")));
    writer.AddTensor("t.counts", WeightType::kF32, {1}, quant::Quantize(WeightType::kF32, {{1.0F}}));
    EXPECT_THAT(Read(*writer.Serialize()), StatusIs(kBad, HasSubstr("no sum of squares")));
  }
  EXPECT_THAT(CollectImatrix(fs_, model_, "", {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no tokens")));
}

}  // namespace
}  // namespace linnet::tools
