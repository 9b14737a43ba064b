#ifndef LINNET_RUNTIME_PACK_PACK_FORMAT_H_
#define LINNET_RUNTIME_PACK_PACK_FORMAT_H_

#include <bit>
#include <cstddef>
#include <cstdint>

// The packed file, version 4: the same bytes for every machine, made from a GGUF by pack_writer.h.
//
//   header    [1] PackHeader
//   index     [tensors] PackTensor, in the order of their places, then [pieces] SHA-256
//   padding   zeros to a multiple of kPackPage
//   payload   metadata: every key of the GGUF as GGUF encodes it (length, name, type, value), nothing between
//             padding to a multiple of kPackPage
//             the tokenizer's tables (runtime/tokenizer/tables.h), of this metadata; none where no tokenizer
//             of ours is for it padding to a multiple of kPackPage tensors, each at a multiple of kTileAlign:
//             tiles (runtime/kernels/tiles.h), planes (runtime/kernels/planes.h) or rows
//
// The header's digest covers header and index; the index has a digest of each piece of the payload. So a look
// at the index and at some pieces is cheap, and one at all of them is complete. Numbers are little-endian;
// what is reserved is zero.
namespace linnet::pack {

static_assert(std::endian::native == std::endian::little, "numbers are read and written as they lie");

inline constexpr char kPackMagic[8] = {'L', 'I', 'N', 'N', 'E', 'T', 'P', 'K'};
inline constexpr uint32_t kPackVersion = 4;
inline constexpr uint64_t kPackPage = 4096;
inline constexpr uint64_t kPackPiece = 64 << 10;
// Of the payload's pieces, so many are looked at when a file is opened: first, last, and between.
inline constexpr uint64_t kPackSamples = 8;

// Which file in which state was packed, so that a start need not read all of it. Zeros: not said; packs that
// are shipped say nothing.
struct PackStamp {
  uint64_t device = 0, inode = 0;
  int64_t modified_ns = 0;  // since 1970

  bool operator==(const PackStamp&) const = default;
};

struct PackSource {
  uint8_t sha256[32] = {};  // of the GGUF
  uint64_t size_bytes = 0;  // of the GGUF
  PackStamp stamp;
};

struct PackHeader {
  char magic[8];
  uint32_t version;
  uint32_t tensor_count;
  uint64_t key_count;
  uint64_t metadata_bytes;
  uint64_t payload_bytes;  // the file ends with it
  PackSource source;
  uint64_t tables_bytes;
  uint8_t reserved[112];
  uint8_t digest[32];  // SHA-256 of the header before it and of the index
};
static_assert(sizeof(PackHeader) == 256);

enum class PackLayout : uint8_t { kRows = 0, kTiles = 1, kPlanes = 2 };

struct PackTensor {
  char name[64];  // zeros behind it
  uint64_t shape[4];
  uint64_t offset;  // of the payload
  uint64_t bytes;
  uint32_t ggml_type;
  uint8_t layout;
  uint8_t dimensions;
  uint8_t reserved[10];
};
static_assert(sizeof(PackTensor) == 128);

constexpr uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }
// Of the payload; `metadata_bytes` at most 2^62.
constexpr uint64_t TablesOffset(uint64_t metadata_bytes) { return RoundUp(metadata_bytes, kPackPage); }
constexpr uint64_t PieceCount(uint64_t payload_bytes) {
  return (payload_bytes + kPackPiece - 1) / kPackPiece;
}
// `tensors` at most 2^32, `payload_bytes` at most 2^62.
constexpr uint64_t IndexBytes(uint64_t tensors, uint64_t payload_bytes) {
  return tensors * sizeof(PackTensor) + PieceCount(payload_bytes) * 32;
}
constexpr uint64_t PayloadOffset(uint64_t tensors, uint64_t payload_bytes) {
  return RoundUp(sizeof(PackHeader) + IndexBytes(tensors, payload_bytes), kPackPage);
}

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_PACK_FORMAT_H_
