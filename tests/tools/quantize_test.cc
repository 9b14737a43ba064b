#include "runtime/tools/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/quant/quant.h"
#include "tests/support/faulty_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::tools {
namespace {

using kernels::WeightType;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

std::vector<float> Values(const gguf::TensorInfo& tensor) {
  return quant::Dequantize(tensor.type, tensor.data);
}

class QuantizeTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::WriteTinyModel(in_); }
  absl::StatusOr<QuantizeResult> Run(const QuantizeOptions& options, bool replace = true) {
    return Quantize(fs_, in_, {out_, replace}, options, nullptr);
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  const std::string in_ = dir_ / "in.gguf", out_ = dir_ / "out.gguf";
};

TEST_F(QuantizeTest, KeepsEverythingButTheMatrices) {
  ASSERT_OK_AND_ASSIGN(const QuantizeResult result, Run({.type = "Q8_0", .measure = true}));
  ASSERT_OK_AND_ASSIGN(const auto before, gguf::GgufFile::Open(fs_, in_));
  ASSERT_OK_AND_ASSIGN(const auto after, gguf::GgufFile::Open(fs_, out_));
  for (const std::string_view key : before->Keys()) {
    EXPECT_EQ(before->GetStored(key)->bytes, after->GetStored(key)->bytes) << key;
  }
  EXPECT_EQ(*after->GetUint("general.file_type"), 7u);
  EXPECT_EQ(*after->GetUint("general.quantization_version"), 2u);
  EXPECT_EQ(after->Keys().size(), before->Keys().size() + 2);

  ASSERT_EQ(before->tensors().size(), after->tensors().size());
  for (size_t i = 0; i < before->tensors().size(); ++i) {
    const gguf::TensorInfo &old = before->tensors()[i], &made = after->tensors()[i];
    EXPECT_EQ(old.name, made.name);
    EXPECT_EQ(old.shape, made.shape);
    if (old.name.find("norm") != std::string::npos) {
      EXPECT_EQ(made.type_name, "F32");
      EXPECT_EQ(base::AsText(old.data), base::AsText(made.data));
      continue;
    }
    EXPECT_EQ(made.type_name, "Q8_0") << made.name;
    // The format: 32 values share d = max / 127, and each is the nearest of its 255 multiples.
    const auto x = Values(old), y = Values(made);
    double errors = 0;
    for (size_t b = 0; b < x.size(); b += 32) {
      float most = 0;
      for (size_t j = b; j < b + 32; ++j) most = std::max(most, std::fabs(x[j]));
      for (size_t j = b; j < b + 32; ++j) {
        EXPECT_NEAR(x[j], y[j], most / 127 * 0.5 * 1.08);  // 8 %: d itself is a half
        errors += std::pow(static_cast<double>(x[j]) - y[j], 2);
      }
    }
    const QuantizedTensor& report = result.tensors[i];
    EXPECT_NEAR(*report.rmse, std::sqrt(errors / static_cast<double>(x.size())), 1e-9);
    EXPECT_EQ(report.bytes_after, made.data.size());
  }
  EXPECT_EQ(result.bytes_after, after->size_bytes());
  EXPECT_EQ(result.bytes_before, before->size_bytes());
}

// What llama.cpp asks of its own quantizers, on its own data (tests/test-quantize-fns.cpp): |error| / n over
// 4096 values of 0.1 + 2 cos(i).
TEST_F(QuantizeTest, ErrorsAreWithinThePublishedBounds) {
  constexpr struct {
    const char* type;
    double most;
  } kBounds[] = {{"Q4_0", 0.002},   {"Q4_1", 0.002},   {"Q5_0", 0.002},   {"Q5_1", 0.002},   {"Q8_0", 0.002},
                 {"Q2_K", 0.0075},  {"Q3_K_S", 0.004}, {"Q4_K_S", 0.002}, {"Q5_K_S", 0.002}, {"Q6_K", 0.002},
                 {"IQ4_NL", 0.002}, {"IQ4_XS", 0.002}, {"TQ1_0", 0.01},   {"TQ2_0", 0.01},   {"MXFP4", 0.002},
                 {"F16", 1e-5},     {"BF16", 1e-4},    {"F32", 0}};
  constexpr size_t kValues = 4096;
  std::vector<float> values(kValues);
  for (size_t i = 0; i < kValues; ++i) values[i] = 0.1F + 2.0F * std::cos(static_cast<float>(i));
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  writer.AddTensor("blk.0.attn_q.weight", WeightType::kF32, {256, 16},
                   quant::Quantize(WeightType::kF32, values));
  ASSERT_THAT(writer.WriteTo(fs_, in_), IsOk());
  for (const auto& [type, most] : kBounds) {
    ASSERT_OK_AND_ASSIGN(const QuantizeResult result, Run({.type = type, .pure = true, .measure = true}));
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(fs_, out_));
    const gguf::TensorInfo& tensor = file->tensors()[0];
    EXPECT_TRUE(std::string_view(type).starts_with(tensor.type_name)) << tensor.type_name;
    const auto back = Values(tensor);
    double squares = 0;
    for (size_t i = 0; i < kValues; ++i) squares += std::pow(static_cast<double>(values[i]) - back[i], 2);
    EXPECT_LE(std::sqrt(squares) / kValues, most) << type;
    RecordProperty(type, absl::StrCat(std::sqrt(squares / kValues) / 1.4177));  // relative to their RMS
  }
}

// Columns that matter get the smaller errors.
TEST_F(QuantizeTest, ImportanceMovesTheErrorToWhereItMattersLess) {
  std::vector<float> values(256 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i * i % 7919));
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  writer.AddTensor("blk.0.attn_q.weight", WeightType::kF32, {256, 64},
                   quant::Quantize(WeightType::kF32, values));
  ASSERT_THAT(writer.WriteTo(fs_, in_), IsOk());
  const std::string imatrix = dir_ / "imatrix.gguf";
  std::vector<float> sums(256, 0.01F);
  for (size_t i = 0; i < sums.size(); i += 4) sums[i] = 100;
  gguf::GgufWriter measured;
  measured.SetString("general.type", "imatrix");
  measured.AddTensor("blk.0.attn_q.weight.in_sum2", WeightType::kF32, {256, 1},
                     quant::Quantize(WeightType::kF32, sums));
  measured.AddTensor("blk.0.attn_q.weight.counts", WeightType::kF32, {1, 1},
                     quant::Quantize(WeightType::kF32, {{1.0F}}));
  ASSERT_THAT(measured.WriteTo(fs_, imatrix), IsOk());
  const auto error = [&] {  // of the columns that matter
    const auto back = Values((*gguf::GgufFile::Open(fs_, out_))->tensors()[0]);
    double squares = 0;
    for (size_t i = 0; i < values.size(); i += 4)
      squares += std::pow(static_cast<double>(values[i]) - back[i], 2);
    return squares;
  };
  for (const char* type : {"Q4_K_S", "Q2_K", "IQ4_NL"}) {
    ASSERT_THAT(Run({.type = type, .pure = true}), IsOk());
    const double without = error();
    ASSERT_THAT(Run({.type = type, .imatrix = imatrix, .pure = true}), IsOk());
    EXPECT_LT(error(), 0.8 * without) << type;
    ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Open(fs_, out_));
    EXPECT_EQ(*file->GetString("quantize.imatrix.file"), "imatrix.gguf");
    EXPECT_EQ(*file->GetUint("quantize.imatrix.entries_count"), 1u);
  }
}

TEST_F(QuantizeTest, TheNumberOfThreadsCannotBeSeen) {
  ASSERT_THAT(Run({.type = "Q4_0", .threads = 1}), IsOk());
  const std::string one = *fs_.ReadFile(out_, 1 << 24);
  ASSERT_THAT(Run({.type = "Q4_0", .threads = 3}), IsOk());
  EXPECT_EQ(*fs_.ReadFile(out_, 1 << 24), one);
}

TEST_F(QuantizeTest, FallsBackWhereRowsAreNoWholeBlocksAndSaysSo) {
  testing::WriteTinyModel(in_, {.dim = 48, .heads = 4, .ffn = 96});
  ASSERT_OK_AND_ASSIGN(const QuantizeResult result, Run({.type = "Q8_0"}));
  std::map<std::string, const QuantizedTensor*> by_name;
  for (const QuantizedTensor& tensor : result.tensors) by_name[tensor.name] = &tensor;
  EXPECT_EQ(by_name["blk.0.attn_q.weight"]->wanted, "Q8_0");
  EXPECT_EQ(by_name["blk.0.attn_q.weight"]->to, "F16");
  EXPECT_EQ(by_name["blk.0.ffn_down.weight"]->to, "Q8_0");
}

TEST_F(QuantizeTest, PatternsAndTheHeadsTypeComeBeforeTheRule) {
  ASSERT_OK_AND_ASSIGN(const QuantizeResult result,
                       Run({.type = "Q8_0",
                            .output_type = "F16",
                            .tensor_types = {{"blk.1.*_v", "F16"}, {"attn_v", "f32"}, {"token", "Q8_0"}}}));
  std::map<std::string, std::string_view> to;
  for (const QuantizedTensor& tensor : result.tensors) to[tensor.name] = tensor.to;
  EXPECT_EQ(to["blk.1.attn_v.weight"], "F16");
  EXPECT_EQ(to["blk.0.attn_v.weight"], "F32");
  EXPECT_EQ(to["blk.0.attn_q.weight"], "Q8_0");
  EXPECT_EQ(to["token_embd.weight"], "Q8_0");
  ASSERT_OK_AND_ASSIGN(const QuantizeResult head, Run({.type = "Q8_0", .output_type = "F16"}));
  EXPECT_EQ(head.tensors[0].name, "token_embd.weight");
  EXPECT_EQ(head.tensors[0].to, "F16");
}

TEST_F(QuantizeTest, WhatLostBitsIsQuantizedAgainOnlyWhenAsked) {
  testing::WriteTinyModel(in_, {.type = WeightType::kQ8_0});
  EXPECT_THAT(Run({.type = "Q4_0"}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--allow-requantize")));
  EXPECT_FALSE(fs_.Stat(out_).ok());
  EXPECT_THAT(Run({.type = "Q4_0", .allow_requantize = true}), IsOk());
  EXPECT_THAT(Run({.type = "F32"}), IsOk());  // loses nothing
}

TEST_F(QuantizeTest, WeightsThatAreNoNumbersAreNamed) {
  gguf::GgufWriter writer;
  writer.SetString("general.architecture", "llama");
  std::vector<float> values(64 * 4, 0.5F);
  values[64 * 3 + 7] = std::numeric_limits<float>::quiet_NaN();
  writer.AddTensor("blk.0.attn_q.weight", WeightType::kF32, {64, 4},
                   quant::Quantize(WeightType::kF32, values));
  ASSERT_THAT(writer.WriteTo(fs_, in_), IsOk());
  EXPECT_THAT(Run({.type = "Q8_0"}), StatusIs(absl::StatusCode::kDataLoss,
                                              HasSubstr("blk.0.attn_q.weight: weight 199 is not finite")));
  EXPECT_FALSE(fs_.Stat(out_).ok());
}

TEST_F(QuantizeTest, NeverWritesOverTheInputOrUnasked) {
  const std::string before = *fs_.ReadFile(in_, 1 << 24);
  const std::string link = dir_ / "link.gguf";
  std::filesystem::create_symlink(in_, link);
  for (const std::string& same : {in_, dir_ / "./in.gguf", link}) {
    EXPECT_THAT(Quantize(fs_, in_, {same, true}, {.type = "Q8_0"}, nullptr),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("input")))
        << same;
  }
  EXPECT_EQ(*fs_.ReadFile(in_, 1 << 24), before);
  ASSERT_THAT(fs_.WriteFileAtomic(out_, "mine"), IsOk());
  EXPECT_THAT(Run({.type = "Q8_0"}, false), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--force")));
  EXPECT_THAT(Run({.type = "Q8_0", .dry_run = true}, false), IsOk());
  EXPECT_EQ(*fs_.ReadFile(out_, 100), "mine");
  EXPECT_THAT(Quantize(fs_, in_, {dir_.path(), true}, {.type = "Q8_0"}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("folder")));
}

TEST_F(QuantizeTest, AFullDiskIsSaidBeforeTheWork) {
  testing::FaultyFiles files;
  files.SetFreeBytes(1000);
  EXPECT_THAT(Quantize(files, in_, {out_, false}, {.type = "Q8_0"}, nullptr),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("free")));
  EXPECT_EQ(files.written_bytes(), 0u);
}

TEST_F(QuantizeTest, AFaultAnywhereLeavesWhatWasThere) {
  ASSERT_THAT(Run({.type = "Q8_0"}), IsOk());
  const std::string made = *fs_.ReadFile(out_, 1 << 24);
  for (int n = 0; n < 200; ++n) {
    ASSERT_THAT(fs_.WriteFileAtomic(out_, "old"), IsOk());
    testing::FaultyFiles files;
    files.FailAfter(n);
    const auto result = Quantize(files, in_, {out_, true}, {.type = "Q8_0"}, nullptr);
    const std::string found = *fs_.ReadFile(out_, 1 << 24);
    EXPECT_TRUE(found == made || (found == "old" && !result.ok())) << n;
    if (result.ok()) {
      EXPECT_GT(n, 20);
      return;
    }
  }
  FAIL() << "it never succeeded";
}

}  // namespace
}  // namespace linnet::tools
