#include "runtime/gguf/gguf_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/weight_types.h"
#include "tests/gguf/gguf_bytes.h"
#include "tests/support/shared_data.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::gguf {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string AllTypes() {
  GgufWriter writer;
  writer.SetUint8("u8", 255);
  writer.SetInt8("i8", -128);
  writer.SetUint16("u16", 65535);
  writer.SetInt16("i16", -32768);
  writer.SetUint32("u32", 0xffffffff);
  writer.SetInt32("i32", -2147483647 - 1);
  writer.SetUint64("u64", ~uint64_t{0});
  writer.SetInt64("i64", -5);
  writer.SetFloat32("f32", 0.5F);
  writer.SetFloat64("f64", -0.25);
  writer.SetBool("yes", true);
  writer.SetBool("no", false);
  writer.SetString("text", "na\xc3\xafve\n");
  writer.SetStringArray("texts", {"", "a", "bc", "d", "e"});
  writer.SetInt32Array("ints", {-1, 0, 7});
  writer.SetUint32Array("uints", {0xffffffff});
  writer.SetFloat32Array("floats", {1.5F, -2.5F});
  writer.SetBoolArray("bools", {true, false});
  writer.SetInt32Array("none", {});
  auto bytes = writer.Serialize();
  LINNET_CHECK(bytes.ok());
  return *bytes;
}

class MetadataTest : public ::testing::Test {
 protected:
  const std::string bytes_ = AllTypes();
  const std::unique_ptr<GgufFile> file_ = *GgufFile::Parse("all.gguf", base::AsBytes(bytes_));
};

TEST_F(MetadataTest, IntegersOfEveryWidthConvert) {
  EXPECT_EQ(*file_->GetUint("u8"), 255U);
  EXPECT_EQ(*file_->GetInt("i8"), -128);
  EXPECT_EQ(*file_->GetUint("u16"), 65535U);
  EXPECT_EQ(*file_->GetInt("i16"), -32768);
  EXPECT_EQ(*file_->GetInt("u32"), 0xffffffff);
  EXPECT_EQ(*file_->GetInt("i32"), -2147483648LL);
  EXPECT_EQ(*file_->GetUint("u64"), ~uint64_t{0});
  EXPECT_EQ(*file_->GetInt("i64"), -5);
}

TEST_F(MetadataTest, IntegersThatDoNotFitAreRefusedWithTheirValue) {
  EXPECT_THAT(file_->GetUint("i8"), StatusIs(kInvalid, AllOf(HasSubstr("'i8'"), HasSubstr("-128"))));
  EXPECT_THAT(file_->GetInt("u64"), StatusIs(kInvalid, HasSubstr("18446744073709551615")));
}

TEST_F(MetadataTest, OtherScalars) {
  EXPECT_EQ(*file_->GetFloat("f32"), 0.5F);
  EXPECT_EQ(*file_->GetFloat("f64"), -0.25F);
  EXPECT_TRUE(*file_->GetBool("yes"));
  EXPECT_FALSE(*file_->GetBool("no"));
  EXPECT_EQ(*file_->GetString("text"), "na\xc3\xafve\n");
}

TEST_F(MetadataTest, Arrays) {
  EXPECT_THAT(*file_->GetStringArray("texts"), ElementsAre("", "a", "bc", "d", "e"));
  EXPECT_THAT(*file_->GetIntArray("ints"), ElementsAre(-1, 0, 7));
  EXPECT_THAT(*file_->GetIntArray("uints"), ElementsAre(0xffffffff));
  EXPECT_THAT(*file_->GetFloatArray("floats"), ElementsAre(1.5F, -2.5F));
  EXPECT_THAT(*file_->GetIntArray("none"), IsEmpty());
}

TEST_F(MetadataTest, AbsentKeysAreNotFoundByName) {
  EXPECT_TRUE(file_->Has("u8"));
  EXPECT_FALSE(file_->Has("absent"));
  const auto absent = StatusIs(absl::StatusCode::kNotFound, HasSubstr("'absent'"));
  EXPECT_THAT(file_->GetUint("absent"), absent);
  EXPECT_THAT(file_->GetInt("absent"), absent);
  EXPECT_THAT(file_->GetFloat("absent"), absent);
  EXPECT_THAT(file_->GetBool("absent"), absent);
  EXPECT_THAT(file_->GetString("absent"), absent);
  EXPECT_THAT(file_->GetStringArray("absent"), absent);
  EXPECT_THAT(file_->GetFloatArray("absent"), absent);
  EXPECT_THAT(file_->GetIntArray("absent"), absent);
}

TEST_F(MetadataTest, OtherTypesAreNamed) {
  EXPECT_THAT(file_->GetUint("text"), StatusIs(kInvalid, HasSubstr("'text' is of type string")));
  EXPECT_THAT(file_->GetInt("yes"), StatusIs(kInvalid, HasSubstr("bool")));
  EXPECT_THAT(file_->GetFloat("u8"), StatusIs(kInvalid, HasSubstr("uint8")));
  EXPECT_THAT(file_->GetBool("u8"), StatusIs(kInvalid, HasSubstr("uint8")));
  EXPECT_THAT(file_->GetString("texts"), StatusIs(kInvalid, HasSubstr("array of string")));
  EXPECT_THAT(file_->GetStringArray("ints"), StatusIs(kInvalid, HasSubstr("array of int32")));
  EXPECT_THAT(file_->GetStringArray("text"), StatusIs(kInvalid, HasSubstr("string")));
  EXPECT_THAT(file_->GetFloatArray("ints"), StatusIs(kInvalid, HasSubstr("array of int32")));
  EXPECT_THAT(file_->GetIntArray("bools"), StatusIs(kInvalid, HasSubstr("array of bool")));
  EXPECT_THAT(file_->GetIntArray("u8"), StatusIs(kInvalid, HasSubstr("uint8")));
  EXPECT_THAT(file_->GetByteArray("u8"), StatusIs(kInvalid, HasSubstr("expected array of bytes")));
  EXPECT_THAT(file_->GetByteArray("ints"), StatusIs(kInvalid, HasSubstr("array of int32")));
}

TEST_F(MetadataTest, DescribesEveryKeyInFileOrder) {
  const auto lines = file_->DescribeMetadata();
  ASSERT_EQ(lines.size(), 19U);
  EXPECT_EQ(lines[0], std::make_pair(std::string("u8"), std::string("255")));
  EXPECT_EQ(lines[5].second, "-2147483648");
  EXPECT_EQ(lines[8].second, "0.5");
  EXPECT_EQ(lines[10].second, "true");
  EXPECT_EQ(lines[12].second, "'na\xc3\xafve\\n'");
  EXPECT_EQ(lines[13].second, "string[5]: '', 'a', 'bc', 'd', ...");
  EXPECT_EQ(lines[14].second, "int32[3]: -1, 0, 7");
  EXPECT_EQ(lines[17].second, "bool[2]: true, false");
}

TEST(GgufFileTest, NestedArraysAreWalkedAndDescribed) {
  Bytes bytes;
  bytes.Head(0, 2).Key("k", ValueType::kArray).Array(ValueType::kArray, 2);
  bytes.Array(ValueType::kUint8, 1).Put(uint8_t{7}).Array(ValueType::kString, 1).Text("seven");
  bytes.Key("after", ValueType::kUint8).Put(uint8_t{3});
  ASSERT_OK_AND_ASSIGN(const auto file, bytes.Parse());
  EXPECT_EQ(*file->GetUint("after"), 3U);
  EXPECT_THAT(file->GetIntArray("k"), StatusIs(kInvalid, HasSubstr("array of array")));
  EXPECT_THAT(file->DescribeMetadata()[0].second, HasSubstr("array[2]"));
}

TEST(GgufFileTest, TensorsAreExactlyTheirBytes) {
  GgufWriter writer(2);
  writer.SetAlignment(64);
  writer.AddTensor("a", kernels::WeightType::kF32, {3}, std::string(12, 'a'));
  writer.AddTensor("b.q", kernels::WeightType::kQ8_0, {64, 3}, std::string(204, 'b'));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, writer.Serialize());
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("t.gguf", base::AsBytes(bytes)));
  EXPECT_EQ(file->version(), 2U);
  EXPECT_EQ(file->size_bytes(), bytes.size());
  ASSERT_EQ(file->tensors().size(), 2U);
  const TensorInfo* b = file->FindTensor("b.q");
  ASSERT_NE(b, nullptr);
  EXPECT_THAT(b->shape, ElementsAre(64, 3));
  EXPECT_EQ(b->type, kernels::WeightType::kQ8_0);
  EXPECT_EQ(b->type_name, "Q8_0");
  EXPECT_EQ(base::AsText(b->data), std::string(204, 'b'));
  EXPECT_EQ((b->data.data() - file->tensors()[0].data.data()) % 64, 0);
  EXPECT_EQ(file->FindTensor("c"), nullptr);
  EXPECT_EQ(*file->RequireTensor("b.q"), b);
  EXPECT_THAT(file->RequireTensor("c"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("'c'")));
}

TEST(GgufFileTest, TypesNoKernelKnowsAreListedButNotHandedOut) {
  GgufWriter writer;
  const std::string grid(66, 'q');
  writer.AddTensorView("w", 16, {256}, base::AsBytes(grid));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, writer.Serialize());
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("k.gguf", base::AsBytes(bytes)));
  ASSERT_EQ(file->tensors().size(), 1U);
  EXPECT_EQ(file->tensors()[0].type_name, "IQ2_XXS");
  EXPECT_FALSE(file->tensors()[0].supported);
  EXPECT_EQ(base::AsText(file->tensors()[0].data), grid);
  EXPECT_THAT(file->RequireTensor("w"),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("'w'"), HasSubstr("IQ2_XXS"), HasSubstr("Q4_K"))));
}

TEST(GgufFileTest, EveryTypeWithAKernelIsHandedOutWholeBlocksOnly) {
  for (const kernels::WeightTypeInfo& info : kernels::kWeightTypes) {
    SCOPED_TRACE(std::string(info.name));
    const GgmlType* known = FindGgmlType(static_cast<uint32_t>(info.type));
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(known->name, info.name);
    EXPECT_EQ(known->block, info.block);
    EXPECT_EQ(known->block_bytes, info.block_bytes);
    GgufWriter writer;
    const std::string weights(size_t{6} * info.block_bytes, 'w');
    writer.AddTensor("w", info.type, {2u * info.block, 3}, weights);
    ASSERT_OK_AND_ASSIGN(std::string bytes, writer.Serialize());
    ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("t.gguf", base::AsBytes(bytes)));
    ASSERT_OK_AND_ASSIGN(const TensorInfo* tensor, file->RequireTensor("w"));
    EXPECT_EQ(tensor->type, info.type);
    EXPECT_EQ(base::AsText(tensor->data), weights);
    if (info.block == 1) continue;
    // A row that ends inside a block: the shape's first entry, found in the file by its neighbours.
    std::string shape(16, '\0');
    shape[0] = static_cast<char>(2u * info.block & 0xff);
    shape[1] = static_cast<char>(2u * info.block >> 8);
    shape[8] = 3;
    const size_t at = bytes.find(shape);
    ASSERT_NE(at, std::string::npos);
    bytes[at] = static_cast<char>(bytes[at] + 1);
    EXPECT_THAT(GgufFile::Parse("t.gguf", base::AsBytes(bytes)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(info.name))));
  }
}

TEST(GgufFileTest, ManyTensorsKeepTheirNames) {
  GgufWriter writer;
  for (int i = 0; i < 3000; ++i) {
    writer.AddTensor(absl::StrCat("t", i), kernels::WeightType::kF32, {1}, std::string(4, '\0'));
  }
  ASSERT_OK_AND_ASSIGN(const std::string bytes, writer.Serialize());
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("many.gguf", base::AsBytes(bytes)));
  for (int i = 0; i < 3000; ++i) {
    const TensorInfo* tensor = file->FindTensor(absl::StrCat("t", i));
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->name, absl::StrCat("t", i));
  }
}

TEST(GgufFileTest, OpensAFileAndNamesItInErrors) {
  const testing::TempDir dir;
  const std::string path = dir / "m.gguf";
  testing::WriteTinyModel(path);
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Open(base::FileSystem::Real(), path));
  EXPECT_EQ(file->path(), path);
  EXPECT_EQ(*file->GetString("general.architecture"), "llama");
  EXPECT_NE(file->FindTensor("blk.1.ffn_down.weight"), nullptr);
  EXPECT_THAT(GgufFile::Open(base::FileSystem::Real(), dir / "absent.gguf"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent.gguf")));
  EXPECT_THAT(file->GetUint("x"), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

// Whatever is cut off the end, the reader says so: nothing of a model lies outside its last tensor.
TEST(GgufFileTest, ATinyModelCutAnywhereIsRefused) {
  const std::string whole = testing::TinyModelBytes();
  for (size_t size = 0; size < whole.size(); size += size < 20000 ? 7 : 1009) {
    const auto file = GgufFile::Parse("cut.gguf", base::AsBytes(std::string_view(whole).substr(0, size)));
    EXPECT_THAT(file, StatusIs(absl::StatusCode::kDataLoss)) << size;
  }
  EXPECT_THAT(GgufFile::Parse("whole.gguf", base::AsBytes(whole)), IsOk());
}

TEST(GgufFileTest, ReadsTheSharedModels) {
  const std::string path = testing::SharedData("models/stories260K/stories260K-q4_0.gguf");
  LINNET_SHARED_OR_SKIP(path);
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Open(base::FileSystem::Real(), path));
  EXPECT_EQ(*file->GetUint("llama.block_count"), 5U);
  ASSERT_OK_AND_ASSIGN(const TensorInfo* down, file->RequireTensor("blk.0.ffn_down.weight"));
  EXPECT_EQ(down->type, kernels::WeightType::kF16);
  EXPECT_THAT(down->shape, ElementsAre(172, 64));
}

TEST(GgufFileTest, OffsetsPointIntoTheFile) {
  const std::string bytes = linnet::testing::TinyModelBytes();
  ASSERT_OK_AND_ASSIGN(const auto file,
                       GgufFile::Parse("a", std::as_bytes(std::span(bytes.data(), bytes.size()))));
  for (const TensorInfo& tensor : file->tensors()) {
    EXPECT_EQ(std::memcmp(bytes.data() + tensor.offset_bytes, tensor.data.data(), tensor.data.size()), 0);
    EXPECT_EQ(reinterpret_cast<const char*>(tensor.data.data()), bytes.data() + tensor.offset_bytes);
  }
}

}  // namespace
}  // namespace linnet::gguf
