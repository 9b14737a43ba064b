#include "runtime/engine/prefix_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read and written as they lie");
static_assert(sizeof(tokenizer::TokenId) == sizeof(int32_t));

constexpr char kMagic[8] = {'L', 'I', 'N', 'N', 'E', 'T', 'K', 'V'};
constexpr uint32_t kVersion = 1;
// What no model has; so that products of a damaged header's numbers fit 64 bits.
constexpr uint32_t kMostTokens = 1 << 24;
constexpr uint32_t kMostStrips = 1 << 16;
constexpr uint32_t kMostRowBytes = 1 << 16;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t tokens, strips, row_bytes;
  PrefixKey key;
  base::Sha256Digest digest;
};
static_assert(sizeof(Header) == 88);

uint64_t BlocksOf(uint64_t tokens) { return (tokens + kPrefixBlock - 1) / kPrefixBlock; }
uint64_t HeadBytes(uint64_t tokens) {
  return sizeof(Header) + tokens * sizeof(int32_t) + BlocksOf(tokens) * sizeof(base::Sha256Digest);
}
uint64_t TotalBytes(uint64_t tokens, uint64_t strips, uint64_t row_bytes) {
  return HeadBytes(tokens) + tokens * strips * row_bytes;
}

template <typename T>
std::span<const std::byte> Raw(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

base::Sha256Digest DigestOf(const Header& header, std::span<const std::byte> ids,
                            std::span<const std::byte> digests) {
  base::Sha256Hasher hasher;
  hasher.Update(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, digest)));
  hasher.Update(ids);
  hasher.Update(digests);
  return hasher.Finish();
}

absl::Status Damaged(const std::string& path, std::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ": ", std::string(what), "; it is not used"));
}

uint64_t BlockOffset(const PrefixHead& head, uint32_t block) {
  return HeadBytes(head.tokens.size()) + uint64_t{block} * kPrefixBlock * head.strips * head.row_bytes;
}

}  // namespace

uint32_t PrefixHead::positions(uint32_t block) const {
  return std::min(kPrefixBlock, static_cast<uint32_t>(tokens.size()) - block * kPrefixBlock);
}

uint64_t PrefixHead::file_bytes() const { return TotalBytes(tokens.size(), strips, row_bytes); }

uint64_t PrefixFileBytes(const model::KvShape& shape, uint64_t tokens) {
  return TotalBytes(tokens, shape.strips, shape.row_bytes);
}

absl::StatusOr<PrefixHead> ReadPrefixHead(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
  if (info.size_bytes < sizeof(Header)) return Damaged(path, "too short for a stored prefix");
  LINNET_ASSIGN_OR_RETURN(const std::string start, fs.ReadAt(path, 0, sizeof(Header)));
  Header header;
  std::memcpy(&header, start.data(), sizeof(Header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) return Damaged(path, "no stored prefix");
  if (header.version != kVersion) return Damaged(path, absl::StrCat("of version ", header.version));
  if (header.tokens == 0 || header.tokens > kMostTokens || header.strips > kMostStrips ||
      header.row_bytes > kMostRowBytes ||
      TotalBytes(header.tokens, header.strips, header.row_bytes) != info.size_bytes) {
    return Damaged(path, absl::StrCat(info.size_bytes, " bytes, its header says otherwise"));
  }
  LINNET_ASSIGN_OR_RETURN(const std::string rest,
                          fs.ReadAt(path, sizeof(Header), HeadBytes(header.tokens) - sizeof(Header)));
  PrefixHead head = {header.key, header.strips, header.row_bytes, {}, {}};
  head.tokens.resize(header.tokens);
  head.digests.resize(BlocksOf(header.tokens));
  const std::span<const std::byte> ids = base::AsBytes(rest).first(Raw(head.tokens).size());
  const std::span<const std::byte> digests = base::AsBytes(rest).subspan(ids.size());
  if (DigestOf(header, ids, digests) != header.digest) return Damaged(path, "its checksum does not fit");
  std::memcpy(head.tokens.data(), ids.data(), ids.size());
  std::memcpy(head.digests.data(), digests.data(), digests.size());
  return head;
}

absl::StatusOr<std::string> ReadPrefixBlock(base::FileSystem& fs, const std::string& path,
                                            const PrefixHead& head, uint32_t block) {
  const uint64_t bytes = uint64_t{head.positions(block)} * head.strips * head.row_bytes;
  LINNET_ASSIGN_OR_RETURN(std::string read, fs.ReadAt(path, BlockOffset(head, block), bytes));
  if (base::Sha256(read) != head.digests[block]) return Damaged(path, "a block's checksum does not fit");
  return read;
}

absl::Status WritePrefixFile(base::FileSystem& fs, const std::string& path, PrefixHead& head,
                             std::span<const std::byte> blocks) {
  const uint64_t block_bytes = uint64_t{kPrefixBlock} * head.strips * head.row_bytes;
  head.digests.clear();
  for (uint64_t at = 0; at < blocks.size(); at += block_bytes) {
    const uint64_t size = std::min<uint64_t>(block_bytes, blocks.size() - at);
    head.digests.push_back(base::Sha256(base::AsText(blocks.subspan(at, size))));
  }
  Header header = {{},       kVersion, static_cast<uint32_t>(head.tokens.size()), head.strips, head.row_bytes,
                   head.key, {}};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.digest = DigestOf(header, Raw(head.tokens), Raw(head.digests));

  LINNET_ASSIGN_OR_RETURN(const auto file, fs.CreateUnpublished(path, 0600));
  uint64_t at = 0;
  for (const std::span<const std::byte> part :
       {std::as_bytes(std::span(&header, 1)), Raw(head.tokens), Raw(head.digests), blocks}) {
    LINNET_RETURN_IF_ERROR(file->WriteAt(at, part));
    at += part.size();
  }
  return file->Publish(true);
}

void CopyBlockOut(model::KvCache& kv, const PrefixHead& head, uint32_t block, std::span<std::byte> bytes) {
  const uint32_t count = head.positions(block);
  for (uint32_t strip = 0; strip < head.strips; ++strip) {
    const std::span<const std::byte> rows = kv.Rows(strip, block * kPrefixBlock, count);
    std::memcpy(bytes.data() + strip * rows.size(), rows.data(), rows.size());
  }
}

void CopyBlockIn(std::string_view bytes, const PrefixHead& head, uint32_t block, uint32_t first, uint32_t end,
                 model::KvCache& kv) {
  const size_t strip_bytes = size_t{head.positions(block)} * head.row_bytes;
  const size_t skipped = size_t{first - block * kPrefixBlock} * head.row_bytes;
  for (uint32_t strip = 0; strip < head.strips; ++strip) {
    const std::span<std::byte> rows = kv.Rows(strip, first, end - first);
    std::memcpy(rows.data(), bytes.data() + strip * strip_bytes + skipped, rows.size());
  }
}

}  // namespace linnet::engine
