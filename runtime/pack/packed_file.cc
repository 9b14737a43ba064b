#include "runtime/pack/packed_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/huge_pages.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/weight_types.h"
#include "runtime/pack/planes.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/quant.h"
#include "runtime/tokenizer/tables_builder.h"

namespace linnet::pack {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint64_t kMostTensors = 1 << 20;  // as in GGUF: the largest models have some 10^4

base::Sha256Digest DigestOf(Bytes bytes) { return base::Sha256(base::AsText(bytes)); }

bool SameDigest(const base::Sha256Digest& digest, const void* stored) {
  return std::memcmp(digest.data(), stored, digest.size()) == 0;
}

// The walk over a file that nobody vouches for. Every count is compared with the file's size before anything
// is computed from it, so no sum of two of its numbers overflows.
class Reader {
 public:
  Reader(const std::string& name, Bytes bytes) : name_(name), bytes_(bytes) {}

  absl::Status ReadHead();
  absl::Status ReadTensors();
  absl::Status CheckPieces(bool all) const;

  const PackHeader& header() const { return header_; }
  Bytes metadata() const { return payload_.first(header_.metadata_bytes); }
  Bytes tables() const {
    return header_.tables_bytes == 0
               ? Bytes()
               : payload_.subspan(TablesOffset(header_.metadata_bytes), header_.tables_bytes);
  }
  std::vector<gguf::TensorInfo> TakeTensors() { return std::move(tensors_); }

 private:
  absl::Status Bad(const std::string& what) const {
    return absl::DataLossError(absl::StrCat(name_, ": ", what));
  }
  absl::Status Damaged(const std::string& what) const {
    return Bad(absl::StrCat(what, ": the file is damaged; pack the GGUF again, or fetch the file again"));
  }
  absl::StatusOr<gguf::TensorInfo> ReadTensor(const PackTensor& record, const std::string& what);
  absl::StatusOr<uint64_t> BytesOf(const PackTensor& record, const std::string& what) const;

  const std::string& name_;
  const Bytes bytes_;
  PackHeader header_;
  Bytes payload_;
  uint64_t end_ = 0;  // of what the tensors before hold, in the payload
  std::vector<gguf::TensorInfo> tensors_;
};

absl::Status Reader::ReadHead() {
  if (!IsPacked(bytes_)) return Bad("is not a packed model: it must begin with LINNETPK");
  if (bytes_.size() < sizeof(PackHeader)) {
    return Bad(absl::StrCat("has ", bytes_.size(), " bytes, a packed model has at least ", sizeof(PackHeader),
                            ": the file is cut short"));
  }
  std::memcpy(&header_, bytes_.data(), sizeof(PackHeader));
  if (header_.version != kPackVersion) {
    return absl::UnimplementedError(absl::StrCat(name_, ": is a packed model of version ", header_.version,
                                                 "; this program reads version ", kPackVersion,
                                                 ": pack the GGUF again (linnet model pack, or "
                                                 "linnet model import)"));
  }
  const uint64_t size = bytes_.size();
  if (header_.tensor_count > kMostTensors || header_.payload_bytes > size ||
      header_.metadata_bytes > header_.payload_bytes) {
    return Bad(absl::StrCat("claims ", header_.tensor_count, " tensors, ", header_.metadata_bytes,
                            " bytes of metadata and a payload of ", header_.payload_bytes,
                            " bytes, but it has ", size, " in all: it is cut short or damaged"));
  }
  const uint64_t payload_at = PayloadOffset(header_.tensor_count, header_.payload_bytes);
  if (payload_at + header_.payload_bytes != size) {
    return Bad(absl::StrCat("has ", size, " bytes, its header says ", payload_at + header_.payload_bytes,
                            ": it is cut short or damaged"));
  }
  if (header_.tables_bytes > header_.payload_bytes ||
      (header_.tables_bytes != 0 &&
       TablesOffset(header_.metadata_bytes) > header_.payload_bytes - header_.tables_bytes)) {
    return Bad(absl::StrCat("claims ", header_.tables_bytes, " bytes of tokenizer tables after ",
                            header_.metadata_bytes, " of metadata, but its payload has ",
                            header_.payload_bytes, ": it is cut short or damaged"));
  }
  payload_ = bytes_.subspan(payload_at);
  base::Sha256Hasher hasher;
  hasher.Update(bytes_.first(offsetof(PackHeader, digest)));
  hasher.Update(bytes_.subspan(sizeof(PackHeader), payload_at - sizeof(PackHeader)));
  if (!SameDigest(hasher.Finish(), header_.digest)) {
    return Damaged("the checksum of its header and index does not fit");
  }
  return absl::OkStatus();
}

absl::Status Reader::CheckPieces(bool all) const {
  const uint64_t pieces = PieceCount(header_.payload_bytes);
  const std::byte* digests =
      bytes_.data() + sizeof(PackHeader) + uint64_t{header_.tensor_count} * sizeof(PackTensor);
  const uint64_t looks = all ? pieces : std::min(pieces, kPackSamples);
  for (uint64_t i = 0; i < looks; ++i) {
    const uint64_t piece = looks == 1 ? 0 : i * (pieces - 1) / (looks - 1);
    const uint64_t at = piece * kPackPiece, size = std::min(kPackPiece, header_.payload_bytes - at);
    if (!SameDigest(DigestOf(payload_.subspan(at, size)), digests + piece * 32)) {
      const auto from = static_cast<uint64_t>(payload_.data() - bytes_.data()) + at;
      return Damaged(absl::StrCat("the checksum of bytes ", from, " to ", from + size, " does not fit"));
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadTensors() {
  end_ = header_.tables_bytes == 0 ? header_.metadata_bytes
                                   : TablesOffset(header_.metadata_bytes) + header_.tables_bytes;
  tensors_.reserve(header_.tensor_count);
  for (uint64_t i = 0; i < header_.tensor_count; ++i) {
    PackTensor record;
    std::memcpy(&record, bytes_.data() + sizeof(PackHeader) + i * sizeof(PackTensor), sizeof(record));
    const std::string_view name(record.name, strnlen(record.name, sizeof(record.name)));
    LINNET_ASSIGN_OR_RETURN(gguf::TensorInfo tensor,
                            ReadTensor(record, absl::StrCat("tensor ", gguf::Shown(name))));
    tensor.name = std::string(name);
    tensors_.push_back(std::move(tensor));
  }
  return absl::OkStatus();
}

absl::StatusOr<gguf::TensorInfo> Reader::ReadTensor(const PackTensor& record, const std::string& what) {
  if (record.name[0] == '\0' || record.dimensions < 1 || record.dimensions > 4 ||
      record.layout > static_cast<uint8_t>(PackLayout::kPlanes)) {
    return Bad(absl::StrCat(what, " has ", record.dimensions, " dimensions and layout ", record.layout,
                            ", expected a name, 1 to 4 and 0 to 2"));
  }
  gguf::TensorInfo tensor;
  tensor.ggml_type = record.ggml_type;
  tensor.tiled = record.layout != static_cast<uint8_t>(PackLayout::kRows);
  tensor.planes = record.layout == static_cast<uint8_t>(PackLayout::kPlanes);
  tensor.shape.assign(record.shape, record.shape + record.dimensions);
  LINNET_ASSIGN_OR_RETURN(const uint64_t bytes, BytesOf(record, what));
  if (record.bytes != bytes) {
    return Bad(absl::StrCat(what, " has ", record.bytes, " bytes, its type and shape need ", bytes));
  }
  if (record.offset % kernels::kTileAlign != 0 || record.offset < end_ ||
      record.offset > header_.payload_bytes || bytes > header_.payload_bytes - record.offset) {
    return Bad(absl::StrCat(what, " has ", bytes, " bytes at ", record.offset, " of a payload of ",
                            header_.payload_bytes, ", expected a multiple of ", kernels::kTileAlign,
                            " after byte ", end_));
  }
  end_ = record.offset + bytes;
  tensor.data = payload_.subspan(record.offset, bytes);
  tensor.offset_bytes = static_cast<uint64_t>(tensor.data.data() - bytes_.data());
  return tensor;
}

absl::StatusOr<uint64_t> Reader::BytesOf(const PackTensor& record, const std::string& what) const {
  const gguf::GgmlType* type = gguf::FindGgmlType(record.ggml_type);
  if (type == nullptr) {
    return absl::UnimplementedError(absl::StrCat(name_, ": ", what, " is of ggml type number ",
                                                 record.ggml_type, ", which this program does not know"));
  }
  const auto rows = gguf::TensorSizeBytes(*type, std::span(record.shape, record.dimensions));
  if (!rows.has_value()) {
    return Bad(absl::StrCat(what, " of type ", std::string(type->name), " has a shape that does not fit it"));
  }
  if (record.layout == static_cast<uint8_t>(PackLayout::kRows)) return *rows;
  const kernels::WeightTypeInfo* weights = kernels::FindWeightType(record.ggml_type);
  const kernels::TileFormat* format = weights == nullptr ? nullptr : kernels::FindTileFormat(weights->type);
  // The least that the tiles can be, so that what follows cannot overflow.
  if (format == nullptr || record.dimensions != 2 || *rows > header_.payload_bytes) {
    return Bad(absl::StrCat(what, " of type ", std::string(type->name), " and ", record.dimensions,
                            " dimensions cannot be packed in tiles of its size"));
  }
  if (record.layout == static_cast<uint8_t>(PackLayout::kTiles)) {
    return TiledBytes(*format, record.shape[1], record.shape[0]);
  }
  // Who loads a model expects planes of a head, tied or not, alone.
  const std::string_view name(record.name, strnlen(record.name, sizeof(record.name)));
  if ((name != "output.weight" && name != "token_embd.weight") ||
      weights->type != kernels::WeightType::kQ8_0 || record.shape[0] > kernels::kMostPlaneCols) {
    return Bad(absl::StrCat(what, " of type ", std::string(type->name), " and ", record.shape[0],
                            " columns cannot be packed in planes"));
  }
  return kernels::PlanesOf(record.shape[1], record.shape[0]).bytes;
}

absl::StatusOr<PackedFile> Read(const std::string& name, std::unique_ptr<base::MappedFile> mapping,
                                Bytes bytes) {
  Reader reader(name, bytes);
  LINNET_RETURN_IF_ERROR(reader.ReadHead());
  LINNET_RETURN_IF_ERROR(reader.CheckPieces(false));
  LINNET_RETURN_IF_ERROR(reader.ReadTensors());
  PackedFile out;
  out.source = reader.header().source;
  LINNET_ASSIGN_OR_RETURN(out.model, gguf::ModelFile::FromParts({.path = name,
                                                                 .mapping = std::move(mapping),
                                                                 .bytes = bytes,
                                                                 .metadata = reader.metadata(),
                                                                 .key_count = reader.header().key_count,
                                                                 .tokenizer_tables = reader.tables(),
                                                                 .tensors = reader.TakeTensors()}));
  LINNET_RETURN_IF_ERROR(tokenizer::CheckTablesHeader(*out.model));
  return out;
}

PlanesView ViewOf(const gguf::TensorInfo& tensor) {
  return {tensor.data.data(), tensor.shape[1], tensor.shape[0]};
}

// The first row of a tile that has a scale which is infinite or not a number; its halves stand first in a
// block.
std::optional<uint64_t> FindNonFiniteRow(const gguf::TensorInfo& tensor) {
  constexpr uint16_t kExponent = 0x7c00;
  const kernels::TileFormat& format = *kernels::FindTileFormat(tensor.type);
  const size_t cols = tensor.shape[0], halves = kernels::InfoOf(tensor.type).scales * kernels::kTileRows;
  for (size_t at = 0, tile = 0; at < tensor.data.size(); at += TileBytes(format, cols), ++tile) {
    for (size_t block = 0; block < cols / format.block; ++block) {
      for (size_t i = 0; i < halves; ++i) {
        uint16_t half;
        std::memcpy(&half, tensor.data.data() + at + block * BlockBytes(format) + 2 * i, sizeof(half));
        if ((half & kExponent) == kExponent) return tile * kernels::kTileRows + i % kernels::kTileRows;
      }
    }
  }
  return std::nullopt;
}

// Memory as a file.
class HeldBytes final : public base::MappedFile {
 public:
  explicit HeldBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes() const override { return base::AsBytes(bytes_); }

 private:
  const std::string bytes_;
};

}  // namespace

bool IsPacked(Bytes bytes) {
  return bytes.size() >= sizeof(kPackMagic) && std::memcmp(bytes.data(), kPackMagic, sizeof(kPackMagic)) == 0;
}

absl::StatusOr<bool> IsPacked(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const auto mapping, fs.Map(path));
  return IsPacked(mapping->bytes());
}

absl::StatusOr<PackedFile> OpenPacked(base::FileSystem& fs, const std::string& path, Residence residence) {
  LINNET_ASSIGN_OR_RETURN(auto mapping,
                          residence == Residence::kMapped ? fs.Map(path) : base::ReadIntoHugePages(path));
  const Bytes bytes = mapping->bytes();
  return Read(path, std::move(mapping), bytes);
}

absl::StatusOr<PackedFile> ParsePacked(const std::string& name, Bytes bytes) {
  return Read(name, nullptr, bytes);
}

absl::Status VerifyPacked(const std::string& name, Bytes bytes) {
  Reader reader(name, bytes);
  LINNET_RETURN_IF_ERROR(reader.ReadHead());
  LINNET_RETURN_IF_ERROR(reader.CheckPieces(true));
  LINNET_ASSIGN_OR_RETURN(const PackedFile file, ParsePacked(name, bytes));
  LINNET_RETURN_IF_ERROR(tokenizer::CheckTables(*file.model));
  for (const gguf::TensorInfo& tensor : file.model->tensors()) {
    if (!tensor.tiled) continue;  // LoadWeights looks at those
    if (tensor.planes) {
      const size_t row = FindWrongPlaneRow(ViewOf(tensor));
      if (row == tensor.shape[1]) continue;
      return absl::DataLossError(absl::StrCat(name, ": tensor ", gguf::Shown(tensor.name), ": row ", row,
                                              " is not what its planes' bounds say: damaged"));
    }
    if (const auto row = FindNonFiniteRow(tensor)) {
      return absl::DataLossError(absl::StrCat(name, ": tensor ", gguf::Shown(tensor.name), ": row ", *row,
                                              " has a scale that is infinite or not a number: damaged"));
    }
  }
  return absl::OkStatus();
}

absl::Status VerifyIfPacked(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const auto mapping, fs.Map(path));
  return IsPacked(mapping->bytes()) ? VerifyPacked(path, mapping->bytes()) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<gguf::ModelFile>> OpenModel(base::FileSystem& fs, const std::string& path,
                                                           Residence residence) {
  LINNET_ASSIGN_OR_RETURN(const bool packed, IsPacked(fs, path));
  if (!packed) return gguf::GgufFile::Open(fs, path);
  LINNET_ASSIGN_OR_RETURN(PackedFile file, OpenPacked(fs, path, residence));
  return std::move(file.model);
}

absl::StatusOr<std::unique_ptr<gguf::GgufFile>> OpenAsGguf(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const bool packed, IsPacked(fs, path));
  if (!packed) return gguf::GgufFile::Open(fs, path);
  LINNET_ASSIGN_OR_RETURN(const PackedFile file, OpenPacked(fs, path));
  gguf::GgufWriter writer;
  writer.CopyMetadata(*file.model);
  for (const gguf::TensorInfo& tensor : file.model->tensors()) {
    writer.AddTensorProduced(tensor.name, tensor.ggml_type, tensor.shape,
                             [&tensor](const gguf::GgufWriter::Sink& sink) -> absl::Status {
                               if (!tensor.tiled) return sink(tensor.data);
                               std::vector<std::byte> unpacked;
                               for (uint64_t row = 0; row < tensor.shape[1]; ++row) {
                                 LINNET_RETURN_IF_ERROR(sink(RowsOf(tensor, row, 1, unpacked)));
                               }
                               return absl::OkStatus();
                             });
  }
  LINNET_ASSIGN_OR_RETURN(std::string bytes, writer.Serialize());
  return gguf::GgufFile::Take(path, std::make_unique<HeldBytes>(std::move(bytes)));
}

Bytes RowsOf(const gguf::TensorInfo& tensor, uint64_t first, uint64_t count,
             std::vector<std::byte>& unpacked) {
  if (!tensor.tiled) {
    const gguf::GgmlType& type = *gguf::FindGgmlType(tensor.ggml_type);
    const uint64_t row_bytes = tensor.shape[0] / type.block * type.block_bytes;
    return tensor.data.subspan(first * row_bytes, count * row_bytes);
  }
  const uint64_t cols = tensor.shape[0], row_bytes = quant::SizeBytes(tensor.type, cols);
  unpacked.resize(count * row_bytes);
  for (uint64_t i = 0; i < count; ++i) {
    const auto row = std::span(unpacked).subspan(i * row_bytes, row_bytes);
    if (tensor.planes) {
      // Blocks are bytes and halves, but `unpacked` is not aligned to them.
      std::vector<kernels::BlockQ8_0> blocks(cols / kernels::kBlock);
      JoinRow(ViewOf(tensor), first + i, blocks);
      std::memcpy(row.data(), blocks.data(), row_bytes);
    } else {
      UnpackTileRow(tensor.type, tensor.data.data(), first + i, cols, row);
    }
  }
  return unpacked;
}

Bytes RowsOf(const gguf::TensorInfo& tensor, std::vector<std::byte>& unpacked) {
  return tensor.tiled ? RowsOf(tensor, 0, tensor.shape[1], unpacked) : tensor.data;
}

}  // namespace linnet::pack
