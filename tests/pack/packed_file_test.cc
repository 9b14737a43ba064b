#include "runtime/pack/packed_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/planes.h"
#include "runtime/pack/pack_writer.h"
#include "runtime/tokenizer/tables.h"
#include "tests/support/packed_model.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

// What is written comes back; what nobody wrote is refused, by one line that says what is wrong.
namespace linnet::pack {
namespace {

using kernels::WeightType;
using ::linnet::testing::AlignedBytes;
using ::linnet::testing::IsOk;
using ::linnet::testing::PackedBytes;
using ::linnet::testing::StatusIs;
using ::linnet::testing::TempDir;
using ::linnet::testing::TinyModelBytes;
using ::testing::HasSubstr;

constexpr auto kBad = absl::StatusCode::kDataLoss;

std::string Mixed() {
  return TinyModelBytes(
      {.mixed = {WeightType::kQ4_0, WeightType::kQ8_0, WeightType::kF16, WeightType::kQ5_1}, .tied = false});
}

absl::Status Opened(const std::string& bytes) {
  const AlignedBytes aligned(bytes);
  return ParsePacked("m.linnet", aligned.span()).status();
}

// A file with the header's checksum made anew after `change`, and those of the payload's pieces.
std::string Resealed(std::string bytes, const std::function<void(PackHeader&, PackTensor*)>& change,
                     bool pieces = false) {
  PackHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const size_t end = PayloadOffset(header.tensor_count, header.payload_bytes);
  std::vector<PackTensor> tensors(header.tensor_count);
  const size_t size = tensors.size() * sizeof(PackTensor);
  std::memcpy(tensors.data(), bytes.data() + sizeof(header), size);
  for (uint64_t i = 0; pieces && i < PieceCount(header.payload_bytes); ++i) {
    const auto digest = base::Sha256(std::string_view(bytes).substr(end + i * kPackPiece, kPackPiece));
    std::memcpy(bytes.data() + sizeof(header) + size + i * 32, digest.data(), digest.size());
  }
  change(header, tensors.data());
  std::memcpy(bytes.data() + sizeof(header), tensors.data(), size);
  std::memcpy(bytes.data(), &header, sizeof(header));
  base::Sha256Hasher hasher;
  hasher.Update(base::AsBytes(bytes).first(offsetof(PackHeader, digest)));
  hasher.Update(base::AsBytes(bytes).subspan(sizeof(header), end - sizeof(header)));
  const auto digest = hasher.Finish();
  std::memcpy(bytes.data() + offsetof(PackHeader, digest), digest.data(), digest.size());
  return bytes;
}

TEST(PackedFileTest, SaysWhatTheGgufSays) {
  const std::string gguf_bytes = Mixed();
  ASSERT_OK_AND_ASSIGN(const auto gguf, gguf::GgufFile::Parse("m.gguf", base::AsBytes(gguf_bytes)));
  const AlignedBytes bytes(PackedBytes(gguf_bytes));
  ASSERT_OK_AND_ASSIGN(const PackedFile packed, ParsePacked("m.linnet", bytes.span()));
  EXPECT_EQ(packed.source.size_bytes, gguf_bytes.size());
  EXPECT_EQ(base::Hex(packed.source.sha256), base::Hex(base::AsView(base::Sha256(gguf_bytes))));
  EXPECT_EQ(packed.source.stamp, PackStamp());
  ASSERT_EQ(packed.model->Keys(), gguf->Keys());
  for (const std::string_view key : gguf->Keys()) {
    ASSERT_OK_AND_ASSIGN(const auto mine, packed.model->GetStored(key));
    ASSERT_OK_AND_ASSIGN(const auto theirs, gguf->GetStored(key));
    EXPECT_TRUE(mine.type == theirs.type && mine.bytes == theirs.bytes) << key;
  }
  ASSERT_EQ(packed.model->tensors().size(), gguf->tensors().size());
  size_t tiled = 0;
  for (const gguf::TensorInfo& theirs : gguf->tensors()) {
    ASSERT_OK_AND_ASSIGN(const gguf::TensorInfo* mine, packed.model->RequireTensor(theirs.name));
    EXPECT_EQ(mine->shape, theirs.shape);
    EXPECT_EQ(mine->type, theirs.type);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(mine->data.data()) % 64, 0u);
    std::vector<std::byte> unpacked;
    EXPECT_EQ(base::AsText(RowsOf(*mine, unpacked)), base::AsText(theirs.data)) << theirs.name;
    tiled += mine->tiled ? 1 : 0;
  }
  EXPECT_GT(tiled, 6u);
  EXPECT_LT(tiled, gguf->tensors().size());
}

TEST(PackedFileTest, TheWayBackIsTheGguf) {
  const TempDir dir;
  base::FileSystem& fs = base::FileSystem::Real();
  const std::string gguf_bytes = Mixed();
  ASSERT_THAT(fs.WriteFileAtomic(dir / "m.gguf", gguf_bytes), IsOk());
  ASSERT_THAT(Pack(fs, dir / "m.gguf", dir / "m.linnet", {}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto back, OpenAsGguf(fs, dir / "m.linnet"));
  gguf::GgufWriter writer;
  writer.CopyMetadata(*back);
  for (const gguf::TensorInfo& t : back->tensors())
    writer.AddTensorView(t.name, t.ggml_type, t.shape, t.data);
  EXPECT_EQ(*writer.Serialize(), gguf_bytes);
}

TEST(PackedFileTest, TheSameGgufGivesTheSameBytes) {
  const std::string gguf_bytes = Mixed();
  EXPECT_EQ(PackedBytes(gguf_bytes), PackedBytes(gguf_bytes));
  EXPECT_THAT(Opened(PackedBytes(gguf_bytes)), IsOk());
}

TEST(PackedFileTest, ACutFileIsRefusedWhereverItIsCut) {
  const std::string whole = PackedBytes(TinyModelBytes({.type = WeightType::kQ4_0, .layers = 1}));
  for (size_t size = 0; size < whole.size(); size += size < 9000 ? 37 : 4099) {
    EXPECT_THAT(Opened(whole.substr(0, size)), StatusIs(kBad, HasSubstr("m.linnet: "))) << size;
  }
  EXPECT_THAT(Opened(whole + std::string(64, '\0')), StatusIs(kBad, HasSubstr("its header says")));
}

TEST(PackedFileTest, AFlippedByteAnywhereIsFoundByTheFullLookAndInTheIndexByEveryStart) {
  const std::string whole = PackedBytes(TinyModelBytes({.type = WeightType::kQ4_0}));
  PackHeader header;
  std::memcpy(&header, whole.data(), sizeof(header));
  const size_t payload_at = PayloadOffset(header.tensor_count, header.payload_bytes);
  ASSERT_THAT(VerifyPacked("m", AlignedBytes(whole).span()), IsOk());
  for (size_t at = 0; at < whole.size(); at += at < payload_at ? 61 : 5003) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    const AlignedBytes bytes(damaged);
    EXPECT_FALSE(VerifyPacked("m", bytes.span()).ok()) << at;
    if (at < payload_at) {
      EXPECT_FALSE(ParsePacked("m", bytes.span()).ok()) << at;
    }
  }
  std::string damaged = whole;
  damaged.back() = static_cast<char>(damaged.back() ^ 4);  // in the last piece, which every start looks at
  EXPECT_THAT(Opened(damaged), StatusIs(kBad, HasSubstr("checksum of bytes")));
}

TEST(PackedFileTest, WhatLiesUnderARightChecksumIsRefusedByName) {
  const std::string whole = PackedBytes(TinyModelBytes({.type = WeightType::kQ4_0}));
  const auto changed = [&](const std::function<void(PackHeader&, PackTensor*)>& change) {
    return Opened(Resealed(whole, change));
  };
  EXPECT_THAT(changed([](PackHeader&, PackTensor*) {}), IsOk());
  EXPECT_THAT(changed([](PackHeader& h, PackTensor*) { h.version = 1; }),
              StatusIs(absl::StatusCode::kUnimplemented,
                       HasSubstr("version 1; this program reads version 4: pack the GGUF again")));
  EXPECT_THAT(changed([](PackHeader& h, PackTensor*) { h.key_count = uint64_t{1} << 60; }),
              StatusIs(kBad, HasSubstr("keys")));
  EXPECT_THAT(changed([](PackHeader& h, PackTensor*) { ++h.key_count; }),
              StatusIs(kBad, HasSubstr("m.linnet")));
  EXPECT_THAT(changed([](PackHeader& h, PackTensor*) { --h.key_count; }),
              StatusIs(kBad, HasSubstr("follow the last key")));
  for (const uint64_t bytes : {~uint64_t{0}, uint64_t{1} << 62}) {
    EXPECT_THAT(changed([&](PackHeader& h, PackTensor*) { h.tables_bytes = bytes; }),
                StatusIs(kBad, HasSubstr("bytes of tokenizer tables")));
  }
  // As long as the payload has room, but over the tensors.
  EXPECT_THAT(changed([](PackHeader& h, PackTensor*) { h.tables_bytes += kPackPage; }),
              StatusIs(kBad, HasSubstr("after byte")));
  EXPECT_THAT(changed([](PackHeader& h, PackTensor*) { h.metadata_bytes -= 1; }),
              StatusIs(kBad, HasSubstr("")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].name[0] = '\0'; }),
              StatusIs(kBad, HasSubstr("name")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].dimensions = 5; }),
              StatusIs(kBad, HasSubstr("5 dimensions")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].layout = 3; }),
              StatusIs(kBad, HasSubstr("layout 3")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].layout = 2; }),
              StatusIs(kBad, HasSubstr("of type Q4_0 and 64 columns cannot be packed in planes")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].ggml_type = 4242; }),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("4242")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].shape[1] = uint64_t{1} << 40; }),
              StatusIs(kBad, HasSubstr("cannot be packed")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].shape[0] = 33; }),
              StatusIs(kBad, HasSubstr("shape")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].bytes += 64; }),
              StatusIs(kBad, HasSubstr("need")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].offset += 8; }),
              StatusIs(kBad, HasSubstr("multiple of 64")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[0].offset = ~uint64_t{63}; }),
              StatusIs(kBad, HasSubstr("payload of")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { t[1].offset = t[0].offset; }),
              StatusIs(kBad, HasSubstr("after byte")));
  EXPECT_THAT(changed([](PackHeader&, PackTensor* t) { std::memcpy(t[1].name, t[0].name, 64); }),
              StatusIs(kBad, HasSubstr("there twice")));
}

// Who makes a file by hand can put one there; the full look finds it.
TEST(PackedFileTest, AnInfiniteScaleUnderRightChecksumsIsFoundByTheFullLook) {
  for (const WeightType type : {WeightType::kQ8_0, WeightType::kQ4_1}) {
    std::string bytes = PackedBytes(TinyModelBytes({.type = type}));
    const AlignedBytes sound(bytes);
    ASSERT_OK_AND_ASSIGN(const PackedFile file, ParsePacked("m", sound.span()));
    const gguf::TensorInfo* tensor = file.model->FindTensor("blk.0.ffn_up.weight");
    ASSERT_TRUE(tensor->tiled);
    bytes[tensor->offset_bytes + 2 * 5] = '\0';  // d of row 5
    bytes[tensor->offset_bytes + 2 * 5 + 1] = '\x7c';
    const std::string whole = Resealed(bytes, [](PackHeader&, PackTensor*) {}, /*pieces=*/true);
    const AlignedBytes aligned(whole);
    EXPECT_THAT(VerifyPacked("m", aligned.span()),
                StatusIs(kBad, ::testing::AllOf(HasSubstr("blk.0.ffn_up.weight"), HasSubstr("row 5"))));
  }
}

// A head of Q8_0, tied or not, and nothing else.
TEST(PackedFileTest, TheHeadIsInPlanes) {
  for (const bool tied : {true, false}) {
    const std::string gguf_bytes = TinyModelBytes({.type = WeightType::kQ8_0, .tied = tied});
    ASSERT_OK_AND_ASSIGN(const auto gguf, gguf::GgufFile::Parse("m.gguf", base::AsBytes(gguf_bytes)));
    const std::string whole = PackedBytes(gguf_bytes);
    const AlignedBytes bytes(whole);
    EXPECT_THAT(VerifyPacked("m", bytes.span()), IsOk());
    ASSERT_OK_AND_ASSIGN(const PackedFile packed, ParsePacked("m.linnet", bytes.span()));
    for (const gguf::TensorInfo& tensor : packed.model->tensors()) {
      EXPECT_EQ(tensor.planes, tensor.name == (tied ? "token_embd.weight" : "output.weight")) << tensor.name;
      std::vector<std::byte> unpacked;
      EXPECT_EQ(base::AsText(RowsOf(tensor, unpacked)), base::AsText(gguf->FindTensor(tensor.name)->data));
    }
    // Other matrices are taken apart by who loads them, and planes cannot be.
    const auto moved = [](PackHeader& h, PackTensor* t) {
      for (uint32_t i = 0; i < h.tensor_count; ++i) {
        if (std::string_view(t[i].name) == "blk.0.ffn_up.weight") t[i].layout = 2;
      }
    };
    EXPECT_THAT(Opened(Resealed(whole, moved)), StatusIs(kBad, HasSubstr("cannot be packed in planes")));

    const gguf::TensorInfo& head = *packed.model->FindTensor(tied ? "token_embd.weight" : "output.weight");
    std::string wrong = whole;
    const size_t row =
        kernels::PlanesOf(head.shape[1], head.shape[0]).rows_at + 9 * sizeof(kernels::PlaneRow);
    wrong[head.offset_bytes + row] = static_cast<char>(wrong[head.offset_bytes + row] ^ 1);
    wrong = Resealed(wrong, [](PackHeader&, PackTensor*) {}, /*pieces=*/true);
    EXPECT_THAT(VerifyPacked("m", AlignedBytes(wrong).span()),
                StatusIs(kBad, HasSubstr("row 9 is not what its planes' bounds say")));
  }
}

TEST(PackedFileTest, WrongTokenizerTablesUnderRightChecksumsAreFound) {
  const std::string bytes = PackedBytes(TinyModelBytes({.type = WeightType::kQ4_0}));
  const AlignedBytes sound(bytes);
  ASSERT_OK_AND_ASSIGN(const PackedFile file, ParsePacked("m", sound.span()));
  const auto tables = file.model->tokenizer_tables().bytes;
  ASSERT_FALSE(tables.empty());
  const auto at = static_cast<size_t>(tables.data() - sound.span().data());
  const auto flipped = [&](size_t i) {
    std::string other = bytes;
    other[i] = static_cast<char>(other[i] ^ 1);
    return Resealed(other, [](PackHeader&, PackTensor*) {}, /*pieces=*/true);
  };
  // An entry by the full look, the header by every start.
  EXPECT_THAT(Opened(flipped(at + tables.size() - 1)), IsOk());
  EXPECT_THAT(VerifyPacked("m", AlignedBytes(flipped(at + tables.size() - 1)).span()),
              StatusIs(kBad, HasSubstr("m: its tokenizer tables are not those of its metadata")));
  EXPECT_THAT(Opened(flipped(at + offsetof(tokenizer::TablesHeader, kind))),
              StatusIs(kBad, HasSubstr("m.linnet: its tokenizer tables are of kind 3")));
}

// Those who load it hear what is wrong; those who need no tokenizer need no tables.
TEST(PackedFileTest, WhereNoTokenizerIsOursThereAreNoTables) {
  for (const std::string model : {"", "rwkv", "gpt2"}) {  // the last: without tokens
    gguf::GgufWriter writer;
    if (!model.empty()) writer.SetString("tokenizer.ggml.model", model);
    const AlignedBytes bytes(PackedBytes(*writer.Serialize()));
    ASSERT_OK_AND_ASSIGN(const PackedFile packed, ParsePacked("m", bytes.span()));
    EXPECT_TRUE(packed.model->tokenizer_tables().bytes.empty());
    EXPECT_THAT(VerifyPacked("m", bytes.span()), IsOk());
  }
}

TEST(PackedFileTest, AnInfiniteScaleIsNotPacked) {
  const TempDir dir;
  base::FileSystem& fs = base::FileSystem::Real();
  std::string bytes = TinyModelBytes({.type = WeightType::kQ8_0});
  ASSERT_OK_AND_ASSIGN(const auto file, gguf::GgufFile::Parse("m.gguf", base::AsBytes(bytes)));
  const size_t at = file->FindTensor("blk.0.ffn_up.weight")->offset_bytes;
  bytes[at] = '\xff';
  bytes[at + 1] = '\x7f';
  ASSERT_THAT(fs.WriteFileAtomic(dir / "m.gguf", bytes), IsOk());
  EXPECT_THAT(Pack(fs, dir / "m.gguf", dir / "m.linnet", {}),
              StatusIs(kBad, HasSubstr("blk.0.ffn_up.weight")));
  EXPECT_THAT(fs.Stat(dir / "m.linnet").status(), StatusIs(absl::StatusCode::kNotFound));
}

TEST(PackedFileTest, AnExistingFileIsReplacedOnlyWhenAsked) {
  const TempDir dir;
  base::FileSystem& fs = base::FileSystem::Real();
  ASSERT_THAT(fs.WriteFileAtomic(dir / "m.gguf", Mixed()), IsOk());
  ASSERT_THAT(fs.WriteFileAtomic(dir / "m.linnet", "a thing of the user's"), IsOk());
  EXPECT_THAT(Pack(fs, dir / "m.gguf", dir / "m.linnet", {}), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(fs.ReadFile(dir / "m.linnet", 100).value_or(""), "a thing of the user's");
  EXPECT_THAT(Pack(fs, dir / "m.gguf", dir / "m.linnet", {.replace = true}), IsOk());
  EXPECT_THAT(OpenPacked(fs, dir / "m.linnet"), IsOk());
}

}  // namespace
}  // namespace linnet::pack
