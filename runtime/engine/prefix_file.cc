#include "runtime/engine/prefix_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/keys.h"
#include "runtime/base/status_macros.h"

namespace linnet::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read and written as they lie");
static_assert(sizeof(tokenizer::TokenId) == sizeof(int32_t));

constexpr char kMagic[8] = {'L', 'I', 'N', 'N', 'E', 'T', 'K', 'V'};
constexpr uint32_t kPlainVersion = 1, kSealedVersion = 2;
// What no model has; so that products of a damaged header's numbers fit 64 bits.
constexpr uint32_t kMostTokens = 1 << 24;
constexpr uint32_t kMostStrips = 1 << 16;
constexpr uint32_t kMostRowBytes = 1 << 16;

// What base::Seal adds: a nonce before, a tag behind.
constexpr size_t kTagBytes = 16;
constexpr size_t kSealBytes = 12 + kTagBytes;

uint64_t BlocksOf(uint64_t tokens) { return (tokens + kPrefixBlock - 1) / kPrefixBlock; }

template <typename T>
std::span<const std::byte> Raw(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

absl::Status Damaged(const std::string& path, std::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ": ", std::string(what), "; it is not used"));
}

}  // namespace

uint32_t PrefixHead::positions(uint32_t block) const {
  return std::min(kPrefixBlock, static_cast<uint32_t>(tokens.size()) - block * kPrefixBlock);
}

struct PrefixFiles::Header {
  char magic[8];
  uint32_t version;
  uint32_t tokens, strips, row_bytes;
  PrefixKey key;
  base::Sha256Digest digest;

  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(this, 1)); }
  base::Sha256Digest DigestOf(std::span<const std::byte> ids, std::span<const std::byte> digests) const {
    base::Sha256Hasher hasher;
    hasher.Update(bytes().first(offsetof(Header, digest)));
    hasher.Update(ids);
    hasher.Update(digests);
    return hasher.Finish();
  }
};

uint64_t PrefixFiles::HeadBytes(uint64_t tokens) const {
  static_assert(sizeof(Header) == 88);
  const uint64_t of_blocks = sealed() ? kSealBytes : BlocksOf(tokens) * sizeof(base::Sha256Digest);
  return sizeof(Header) + tokens * sizeof(int32_t) + of_blocks;
}

uint64_t PrefixFiles::FileBytes(uint64_t tokens, uint32_t strips, uint32_t row_bytes) const {
  return HeadBytes(tokens) + tokens * strips * row_bytes + (sealed() ? BlocksOf(tokens) * kSealBytes : 0);
}

base::Sha256Digest PrefixFiles::NameOf(const std::vector<tokenizer::TokenId>& tokens) const {
  const std::string_view ids = base::AsText(Raw(tokens));
  if (!sealed()) return base::Sha256(ids);
  return base::HmacSha256(base::AsView(base::HmacSha256(seal_key_, "linnet prefix names")), ids);
}

// What a block is bound to.
std::string PrefixFiles::AssociatedOf(const PrefixHead& head, uint32_t block) const {
  std::string associated = "linnet prefix block";
  associated += head.tag;
  associated.append(reinterpret_cast<const char*>(&block), sizeof(block));
  return associated;
}

absl::StatusOr<PrefixHead> PrefixFiles::ReadHead(const std::string& path) const {
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs_.Stat(path));
  if (info.size_bytes < sizeof(Header)) return Damaged(path, "too short for a stored prefix");
  LINNET_ASSIGN_OR_RETURN(const std::string start, fs_.ReadAt(path, 0, sizeof(Header)));
  Header header;
  std::memcpy(&header, start.data(), sizeof(Header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) return Damaged(path, "no stored prefix");
  if (header.version != (sealed() ? kSealedVersion : kPlainVersion)) {
    return Damaged(path, absl::StrCat("of version ", header.version));
  }
  if (header.tokens == 0 || header.tokens > kMostTokens || header.strips > kMostStrips ||
      header.row_bytes > kMostRowBytes ||
      FileBytes(header.tokens, header.strips, header.row_bytes) != info.size_bytes) {
    return Damaged(path, absl::StrCat(info.size_bytes, " bytes, its header says otherwise"));
  }
  LINNET_ASSIGN_OR_RETURN(std::string rest,
                          fs_.ReadAt(path, sizeof(Header), HeadBytes(header.tokens) - sizeof(Header)));
  PrefixHead head = {header.key, header.strips, header.row_bytes, {}, {}, {}};
  head.tokens.resize(header.tokens);
  if (sealed()) {
    absl::StatusOr<std::string> opened = base::Open(seal_key_, rest, start);
    if (!opened.ok()) return Damaged(path, "it does not open under this device's key");
    head.tag = rest.substr(rest.size() - kTagBytes);
    rest = *std::move(opened);
  } else {
    head.digests.resize(BlocksOf(header.tokens));
  }
  const std::span<const std::byte> ids = base::AsBytes(rest).first(Raw(head.tokens).size());
  const std::span<const std::byte> digests = base::AsBytes(rest).subspan(ids.size());
  if (!sealed() && header.DigestOf(ids, digests) != header.digest) {
    return Damaged(path, "its checksum does not fit");
  }
  std::memcpy(head.tokens.data(), ids.data(), ids.size());
  if (!digests.empty()) std::memcpy(head.digests.data(), digests.data(), digests.size());
  return head;
}

absl::StatusOr<std::string> PrefixFiles::ReadBlock(const std::string& path, const PrefixHead& head,
                                                   uint32_t block) const {
  const uint64_t added = sealed() ? kSealBytes : 0;
  const uint64_t full = uint64_t{kPrefixBlock} * head.strips * head.row_bytes + added;
  const uint64_t bytes = uint64_t{head.positions(block)} * head.strips * head.row_bytes + added;
  LINNET_ASSIGN_OR_RETURN(std::string read,
                          fs_.ReadAt(path, HeadBytes(head.tokens.size()) + block * full, bytes));
  if (sealed()) {
    absl::StatusOr<std::string> opened = base::Open(seal_key_, read, AssociatedOf(head, block));
    if (!opened.ok()) return Damaged(path, "a block does not open");
    return opened;
  }
  if (base::Sha256(read) != head.digests[block]) return Damaged(path, "a block's checksum does not fit");
  return read;
}

absl::Status PrefixFiles::Write(const std::string& path, PrefixHead& head,
                                std::span<const std::byte> blocks) const {
  Header header = {{},
                   sealed() ? kSealedVersion : kPlainVersion,
                   static_cast<uint32_t>(head.tokens.size()),
                   head.strips,
                   head.row_bytes,
                   head.key,
                   {}};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  LINNET_ASSIGN_OR_RETURN(const auto file, fs_.CreateUnpublished(path, 0600));
  LINNET_RETURN_IF_ERROR(sealed() ? WriteSealed(*file, header, head, blocks)
                                  : WritePlain(*file, header, head, blocks));
  return file->Publish(true);
}

absl::Status PrefixFiles::WritePlain(base::UnpublishedFile& file, Header& header, PrefixHead& head,
                                     std::span<const std::byte> blocks) const {
  const uint64_t block_bytes = uint64_t{kPrefixBlock} * head.strips * head.row_bytes;
  head.digests.clear();
  for (uint64_t at = 0; at < blocks.size(); at += block_bytes) {
    const uint64_t size = std::min<uint64_t>(block_bytes, blocks.size() - at);
    head.digests.push_back(base::Sha256(base::AsText(blocks.subspan(at, size))));
  }
  header.digest = header.DigestOf(Raw(head.tokens), Raw(head.digests));
  uint64_t at = 0;
  for (const std::span<const std::byte> part :
       {header.bytes(), Raw(head.tokens), Raw(head.digests), blocks}) {
    LINNET_RETURN_IF_ERROR(file.WriteAt(at, part));
    at += part.size();
  }
  return absl::OkStatus();
}

absl::Status PrefixFiles::WriteSealed(base::UnpublishedFile& file, const Header& header, PrefixHead& head,
                                      std::span<const std::byte> blocks) const {
  const uint64_t block_bytes = uint64_t{kPrefixBlock} * head.strips * head.row_bytes;
  const std::string ids = base::Seal(seal_key_, base::AsText(Raw(head.tokens)), base::AsText(header.bytes()));
  head.tag = ids.substr(ids.size() - kTagBytes);
  LINNET_RETURN_IF_ERROR(file.WriteAt(0, header.bytes()));
  LINNET_RETURN_IF_ERROR(file.WriteAt(sizeof(Header), base::AsBytes(ids)));
  uint64_t to = sizeof(Header) + ids.size();
  uint32_t block = 0;
  for (uint64_t at = 0; at < blocks.size(); at += block_bytes, ++block) {
    const auto plain = blocks.subspan(at, std::min<uint64_t>(block_bytes, blocks.size() - at));
    const std::string part = base::Seal(seal_key_, base::AsText(plain), AssociatedOf(head, block));
    LINNET_RETURN_IF_ERROR(file.WriteAt(to, base::AsBytes(part)));
    to += part.size();
  }
  return absl::OkStatus();
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
