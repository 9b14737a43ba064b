#include "runtime/pack/pack_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/planes.h"
#include "runtime/pack/tile_packer.h"
#include "runtime/quant/quant.h"
#include "runtime/tokenizer/tables_builder.h"

namespace linnet::pack {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint64_t kHashAtOnce = 1 << 20;
// Tiles that are made at once; a single one may be larger.
constexpr uint64_t kTilesAtOnce = 4 << 20;

Bytes AsBytes(const void* data, size_t size) { return {static_cast<const std::byte*>(data), size}; }

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Metadata as GGUF has it.
std::string MetadataOf(const gguf::GgufFile& file) {
  std::string out;
  const auto append = [&](const auto& number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  for (const std::string_view key : file.Keys()) {
    const auto value = file.GetStored(key);
    append(uint64_t{key.size()});
    out.append(key);
    append(static_cast<uint32_t>(value->type));
    out.append(value->bytes);
  }
  return out;
}

// Matrices of fewer rows than a tile stay rows: vectors that are stored as such are among them.
const kernels::TileFormat* FormatOf(const gguf::TensorInfo& tensor) {
  if (!tensor.supported || tensor.shape.size() != 2 || tensor.shape[1] < kernels::kTileRows) return nullptr;
  return kernels::FindTileFormat(tensor.type);
}

// The matrix that gives the logits, where a product of its upper halves can rule rows out.
bool InPlanes(const gguf::GgufFile& file, const gguf::TensorInfo& tensor) {
  // Tied embeddings are a head only where there is a last norm: encoders have none.
  const bool tied =
      file.FindTensor("output.weight") == nullptr && file.FindTensor("output_norm.weight") != nullptr;
  return (tensor.name == "output.weight" || (tied && tensor.name == "token_embd.weight")) &&
         FormatOf(tensor) != nullptr && tensor.type == kernels::WeightType::kQ8_0 &&
         tensor.shape[1] >= kernels::kLeastPlaneRows && tensor.shape[0] <= kernels::kMostPlaneCols;
}

// The payload, written from front to back, with the digest of every piece.
class PayloadWriter {
 public:
  PayloadWriter(base::WritableFile& file, uint64_t file_offset, const PackOptions& options, uint64_t total)
      : file_(file), file_offset_(file_offset), options_(options), total_(total) {}

  absl::Status Add(Bytes bytes) {
    LINNET_RETURN_IF_ERROR(file_.WriteAt(file_offset_ + at_, bytes));
    while (!bytes.empty()) {
      const Bytes part = bytes.first(std::min<uint64_t>(bytes.size(), kPackPiece - at_ % kPackPiece));
      hasher_.Update(part);
      bytes = bytes.subspan(part.size());
      at_ += part.size();
      if (at_ % kPackPiece == 0) EndPiece();
    }
    if (options_.progress) options_.progress(at_, total_);
    return absl::OkStatus();
  }

  // Zeros up to `offset`.
  absl::Status Pad(uint64_t offset) {
    static constexpr std::byte kZeros[kPackPage] = {};
    LINNET_CHECK(offset >= at_ && offset - at_ <= sizeof(kZeros));
    return Add(Bytes(kZeros).first(offset - at_));
  }

  std::string TakeDigests() {
    if (at_ % kPackPiece != 0) EndPiece();
    return std::move(digests_);
  }

 private:
  void EndPiece() {
    digests_.append(base::AsView(hasher_.Finish()));
    hasher_ = base::Sha256Hasher();
  }

  base::WritableFile& file_;
  const uint64_t file_offset_;
  const PackOptions& options_;
  const uint64_t total_;
  uint64_t at_ = 0;
  base::Sha256Hasher hasher_;
  std::string digests_;
};

absl::Status AddTiles(const gguf::TensorInfo& tensor, const kernels::TileFormat& format,
                      PayloadWriter& writer) {
  const uint64_t cols = tensor.shape[0], rows = tensor.shape[1], row_bytes = tensor.data.size() / rows;
  const uint64_t tile_bytes = TileBytes(format, cols);
  const uint64_t at_once = std::max<uint64_t>(1, kTilesAtOnce / tile_bytes) * kernels::kTileRows;
  std::vector<std::byte> tiles;
  for (uint64_t row = 0; row < rows; row += at_once) {
    const uint64_t count = std::min(at_once, rows - row);
    tiles.resize(TiledBytes(format, count, cols));
    PackTiles(tensor.type, tensor.data.subspan(row * row_bytes, count * row_bytes), count, cols, tiles);
    LINNET_RETURN_IF_ERROR(writer.Add(tiles));
  }
  return absl::OkStatus();
}

// Places the tensors from `begin` on; returns the payload's size.
uint64_t Place(const gguf::GgufFile& file, uint64_t begin, std::vector<PackTensor>& records) {
  uint64_t at = begin;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    PackTensor record = {};
    const kernels::TileFormat* format = FormatOf(tensor);
    std::memcpy(record.name, tensor.name.data(), tensor.name.size());
    std::copy(tensor.shape.begin(), tensor.shape.end(), record.shape);
    record.dimensions = static_cast<uint8_t>(tensor.shape.size());
    record.ggml_type = tensor.ggml_type;
    PackLayout layout = PackLayout::kRows;
    record.bytes = tensor.data.size();
    if (InPlanes(file, tensor)) {
      layout = PackLayout::kPlanes;
      record.bytes = kernels::PlanesOf(tensor.shape[1], tensor.shape[0]).bytes;
    } else if (format != nullptr) {
      layout = PackLayout::kTiles;
      record.bytes = TiledBytes(*format, tensor.shape[1], tensor.shape[0]);
    }
    record.layout = static_cast<uint8_t>(layout);
    record.offset = RoundUp(at, kernels::kTileAlign);
    at = record.offset + record.bytes;
    records.push_back(record);
  }
  return at;
}

absl::Status CheckTensors(const gguf::GgufFile& file) {
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    if (tensor.name.find('\0') != std::string::npos) {
      return absl::DataLossError(absl::StrCat(file.path(), ": tensor ", gguf::Shown(tensor.name),
                                              " has a zero byte in its name: damaged"));
    }
    if (FormatOf(tensor) == nullptr) continue;  // a start looks at those
    if (const auto block = quant::FindNonFinite(tensor.type, tensor.data)) {
      return absl::DataLossError(absl::StrCat(file.path(), ": tensor ", gguf::Shown(tensor.name), ": block ",
                                              *block, " of type ", std::string(tensor.type_name),
                                              " has a scale that is infinite or not a number: damaged"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<base::Sha256Digest> Sha256OfFile(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const auto mapping, fs.Map(path));
  base::Sha256Hasher hasher;
  const Bytes bytes = mapping->bytes();
  for (uint64_t at = 0; at < bytes.size(); at += kHashAtOnce) {
    hasher.Update(bytes.subspan(at, std::min<uint64_t>(kHashAtOnce, bytes.size() - at)));
  }
  return hasher.Finish();
}

absl::StatusOr<PackStamp> StampOf(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
  return PackStamp{info.device, info.inode, info.modified_ns};
}

absl::StatusOr<PackReport> Pack(base::FileSystem& fs, const std::string& gguf, const std::string& out,
                                const PackOptions& options) {
  LINNET_ASSIGN_OR_RETURN(const auto file, gguf::GgufFile::Open(fs, gguf));
  PackReport report;
  if (options.stamped) {
    LINNET_ASSIGN_OR_RETURN(report.source.stamp, StampOf(fs, gguf));
  }
  LINNET_ASSIGN_OR_RETURN(const base::Sha256Digest source, Sha256OfFile(fs, gguf));
  std::copy(source.begin(), source.end(), report.source.sha256);
  report.source.size_bytes = file->size_bytes();
  LINNET_RETURN_IF_ERROR(CheckTensors(*file));

  const std::string metadata = MetadataOf(*file);
  // What is no tokenizer of ours has no tables; who loads it says what is wrong.
  const std::string tables = tokenizer::BuildTables(*file).value_or("");
  const uint64_t tables_at = TablesOffset(metadata.size());
  std::vector<PackTensor> records;
  PackHeader header = {};
  std::memcpy(header.magic, kPackMagic, sizeof(kPackMagic));
  header.version = kPackVersion;
  header.tensor_count = static_cast<uint32_t>(file->tensors().size());
  header.key_count = file->Keys().size();
  header.metadata_bytes = metadata.size();
  header.tables_bytes = tables.size();
  header.payload_bytes = Place(*file, RoundUp(tables_at + tables.size(), kPackPage), records);
  header.source = report.source;
  const uint64_t payload_at = PayloadOffset(header.tensor_count, header.payload_bytes);
  report.bytes = payload_at + header.payload_bytes;
  report.tensors = records.size();

  LINNET_ASSIGN_OR_RETURN(const uint64_t free, fs.FreeBytes(FolderOf(out)));
  if (report.bytes > free) {
    return absl::ResourceExhaustedError(absl::StrCat(out, ": needs ", report.bytes >> 20,
                                                     " MiB, but the disk has ", free >> 20,
                                                     " MiB free; make room or name another place"));
  }
  LINNET_ASSIGN_OR_RETURN(const auto target, fs.CreateUnpublished(out));
  PayloadWriter payload(*target, payload_at, options, header.payload_bytes);
  LINNET_RETURN_IF_ERROR(payload.Add(base::AsBytes(metadata)));
  LINNET_RETURN_IF_ERROR(payload.Pad(tables_at));
  LINNET_RETURN_IF_ERROR(payload.Add(base::AsBytes(tables)));
  for (size_t i = 0; i < records.size(); ++i) {
    const gguf::TensorInfo& tensor = file->tensors()[i];
    LINNET_RETURN_IF_ERROR(payload.Pad(records[i].offset));
    if (InPlanes(*file, tensor)) {
      LINNET_RETURN_IF_ERROR(WritePlanes(tensor.data, tensor.shape[1], tensor.shape[0],
                                         [&](Bytes bytes) { return payload.Add(bytes); }));
      ++report.tiled;
    } else if (const kernels::TileFormat* format = FormatOf(tensor)) {
      LINNET_RETURN_IF_ERROR(AddTiles(tensor, *format, payload));
      ++report.tiled;
    } else {
      LINNET_RETURN_IF_ERROR(payload.Add(tensor.data));
    }
  }
  LINNET_RETURN_IF_ERROR(payload.Pad(header.payload_bytes));

  std::string index(reinterpret_cast<const char*>(records.data()), records.size() * sizeof(PackTensor));
  index += payload.TakeDigests();
  index.resize(payload_at - sizeof(PackHeader));
  base::Sha256Hasher hasher;
  hasher.Update(AsBytes(&header, offsetof(PackHeader, digest)));
  hasher.Update(base::AsBytes(index));
  const base::Sha256Digest digest = hasher.Finish();
  std::copy(digest.begin(), digest.end(), header.digest);
  LINNET_RETURN_IF_ERROR(target->WriteAt(0, AsBytes(&header, sizeof(header))));
  LINNET_RETURN_IF_ERROR(target->WriteAt(sizeof(header), base::AsBytes(index)));
  LINNET_RETURN_IF_ERROR(target->Publish(options.replace));
  return report;
}

}  // namespace linnet::pack
