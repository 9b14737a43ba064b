#include "runtime/gguf/gguf_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::gguf {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kF32 = kernels::WeightType::kF32;

TEST(GgufWriterTest, AFileIsTheSerializedBytesAndReplacesAnOldOne) {
  const testing::TempDir dir;
  auto& fs = base::FileSystem::Real();
  const std::string path = dir / "m.gguf";
  ASSERT_THAT(fs.WriteFileAtomic(path, std::string(10000, 'x')), IsOk());
  GgufWriter writer;
  writer.SetString("general.name", "n");
  writer.AddTensor("a", kF32, {3}, std::string(12, 'a'));
  writer.AddTensor("b", kF32, {1}, std::string(4, 'b'));
  ASSERT_THAT(writer.WriteTo(fs, path), IsOk());
  EXPECT_EQ(*fs.ReadFile(path, 1 << 20), *writer.Serialize());
}

TEST(GgufWriterTest, SettingAKeyAgainReplacesIt) {
  GgufWriter writer;
  writer.SetUint32("k", 1);
  writer.SetString("k", "two");
  const std::string bytes = *writer.Serialize();
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("k.gguf", base::AsBytes(bytes)));
  EXPECT_EQ(*file->GetString("k"), "two");
}

TEST(GgufWriterTest, CopiesEveryKeyAsItIsStored) {
  GgufWriter first;
  first.SetAlignment(64);
  first.SetStringArray("texts", {"a", "", "bc"});
  first.SetString("text", "t");
  first.SetUint8("u8", 200);
  first.SetFloat64("f64", 0.1);
  first.SetBoolArray("bools", {true, false});
  first.SetRaw("nested", ValueType::kArray,
               std::string("\x09\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x07\x08", 26));
  first.AddTensor("a", kF32, {3}, std::string(12, 'a'));
  first.AddTensor("b", kF32, {1}, std::string(4, 'b'));
  const std::string bytes = *first.Serialize();
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("first.gguf", base::AsBytes(bytes)));
  GgufWriter second;
  second.CopyMetadata(*file);
  for (const TensorInfo& t : file->tensors()) second.AddTensorView(t.name, t.ggml_type, t.shape, t.data);
  EXPECT_EQ(*second.Serialize(), bytes);
  EXPECT_EQ(*second.SizeBytes(), bytes.size());

  second.RemoveKey("text");
  second.RemoveKey("absent");
  second.SetUint8("u8", 7);  // keys behind the removed one are still found
  const std::string fewer = *second.Serialize();
  ASSERT_OK_AND_ASSIGN(const auto less, GgufFile::Parse("less.gguf", base::AsBytes(fewer)));
  EXPECT_EQ(less->Keys(),
            (std::vector<std::string_view>{"general.alignment", "texts", "u8", "f64", "bools", "nested"}));
  EXPECT_EQ(*less->GetUint("u8"), 7u);
}

TEST(GgufWriterTest, ProducedTensorsMustBeAsLongAsTheirShape) {
  const auto made = [](std::vector<std::string> parts) {
    GgufWriter writer;
    writer.AddTensorProduced("t", 0, {4}, [parts = std::move(parts)](const GgufWriter::Sink& append) {
      for (const std::string& part : parts) LINNET_RETURN_IF_ERROR(append(base::AsBytes(part)));
      return absl::OkStatus();
    });
    writer.AddTensor("u", kF32, {1}, "last");
    return writer.Serialize();
  };
  ASSERT_OK_AND_ASSIGN(const std::string bytes, made({"12345678", "", "12345678"}));
  ASSERT_OK_AND_ASSIGN(const auto file, GgufFile::Parse("p.gguf", base::AsBytes(bytes)));
  EXPECT_EQ(base::AsText(file->FindTensor("t")->data), "1234567812345678");
  EXPECT_EQ(base::AsText(file->FindTensor("u")->data), "last");
  EXPECT_THAT(made({"12345678"}), StatusIs(absl::StatusCode::kInternal, HasSubstr("8 bytes were made")));
  EXPECT_THAT(made({"12345678", "123456789"}), StatusIs(absl::StatusCode::kInternal, HasSubstr("17 bytes")));
}

TEST(GgufWriterTest, RefusesWhatNoReaderWouldTake) {
  const auto add = [](std::string name, uint32_t type, std::vector<uint64_t> shape, size_t bytes) {
    static const std::string kZeros(4096, '\0');
    GgufWriter writer;
    writer.AddTensorView(std::move(name), type, std::move(shape), base::AsBytes(kZeros).first(bytes));
    return writer.Serialize();
  };
  EXPECT_THAT(add("t", 0, {4}, 16), IsOk());
  EXPECT_THAT(add("", 0, {4}, 16), StatusIs(kInvalid, HasSubstr("name")));
  EXPECT_THAT(add(std::string(65, 't'), 0, {4}, 16), StatusIs(kInvalid, HasSubstr("64")));
  EXPECT_THAT(add("t", 99, {4}, 16), StatusIs(kInvalid, HasSubstr("type 99")));
  EXPECT_THAT(add("t", 8, {33}, 34), StatusIs(kInvalid, HasSubstr("Q8_0")));
  EXPECT_THAT(add("t", 0, {}, 4), StatusIs(kInvalid, HasSubstr("shape")));
  EXPECT_THAT(add("t", 0, {1, 1, 1, 1, 1}, 4), StatusIs(kInvalid, HasSubstr("shape")));
  EXPECT_THAT(add("t", 0, {4}, 15), StatusIs(kInvalid, HasSubstr("has 15 bytes, its shape needs 16")));
  GgufWriter twice;
  twice.AddTensor("t", kF32, {1}, std::string(4, '\0'));
  twice.AddTensor("t", kF32, {1}, std::string(4, '\0'));
  EXPECT_THAT(twice.Serialize(), StatusIs(kInvalid, HasSubstr("twice")));
}

}  // namespace
}  // namespace linnet::gguf
