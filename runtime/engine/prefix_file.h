#ifndef LINNET_RUNTIME_ENGINE_PREFIX_FILE_H_
#define LINNET_RUNTIME_ENGINE_PREFIX_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/engine/prefix_key.h"
#include "runtime/model/kv_cache.h"
#include "runtime/tokenizer/tokenizer.h"

// One stored prefix: the keys and values of the first tokens of a prompt.
//
//   header   magic "LINNETKV", version, tokens, strips, row bytes, PrefixKey, digest
//   ids      [tokens] int32
//   digests  [blocks] SHA-256
//   blocks   [blocks][strips][positions of the block][row bytes]; the last may have fewer positions
//
// Version 1 is this. The header's digest covers header, ids and digests, and these the blocks: what is used
// is checked, and a request that shares the beginning only reads that. Numbers are little-endian.
//
// Version 2 is sealed under a key (base::Seal): ids, and each block. There are no digests, and the header's
// is zeros. The header is bound to the sealed ids, and the tag of these, which no other file has, to each
// block, with its number: no part of one file opens in another, or in another place.
namespace linnet::engine {

inline constexpr uint32_t kPrefixBlock = 64;  // positions

struct PrefixHead {
  PrefixKey key = {};
  uint32_t strips = 0, row_bytes = 0;
  std::vector<tokenizer::TokenId> tokens;
  // Version 1: of the blocks. Version 2: empty, and `tag` is that of the sealed ids.
  std::vector<base::Sha256Digest> digests;
  std::string tag;

  uint32_t positions(uint32_t block) const;  // of one of its blocks
};

// Reads and writes files of one version: of version 2 under `seal_key` (32 bytes), of version 1 where that is
// empty. Immutable, thread-safe.
class PrefixFiles {
 public:
  PrefixFiles(base::FileSystem& fs, std::string seal_key) : fs_(fs), seal_key_(std::move(seal_key)) {}

  bool sealed() const { return !seal_key_.empty(); }
  // How many bytes a file of so many tokens has.
  uint64_t FileBytes(uint64_t tokens, uint32_t strips, uint32_t row_bytes) const;
  // 32 bytes that are the same for the same tokens. Where files are sealed, nobody without the key can say
  // whether they are those of a text that he guesses.
  base::Sha256Digest NameOf(const std::vector<tokenizer::TokenId>& tokens) const;

  // NotFound or Unavailable: those of FileSystem. DataLoss: not such a file, of another version, under
  // another key, damaged, or cut short. Reads no more than the file has.
  absl::StatusOr<PrefixHead> ReadHead(const std::string& path) const;
  // A block's bytes. DataLoss: not those that were written with `head`.
  absl::StatusOr<std::string> ReadBlock(const std::string& path, const PrefixHead& head,
                                        uint32_t block) const;
  // `blocks`: as they lie in a file of version 1; digests or tag are set here. The file is whole or not
  // there; an old one of that name is replaced.
  absl::Status Write(const std::string& path, PrefixHead& head, std::span<const std::byte> blocks) const;

 private:
  struct Header;
  uint64_t HeadBytes(uint64_t tokens) const;
  std::string AssociatedOf(const PrefixHead& head, uint32_t block) const;
  absl::Status WritePlain(base::UnpublishedFile& file, Header& header, PrefixHead& head,
                          std::span<const std::byte> blocks) const;
  absl::Status WriteSealed(base::UnpublishedFile& file, const Header& header, PrefixHead& head,
                           std::span<const std::byte> blocks) const;

  base::FileSystem& fs_;
  const std::string seal_key_;
};

// The positions of a block, out of `kv` into all of `bytes`.
void CopyBlockOut(model::KvCache& kv, const PrefixHead& head, uint32_t block, std::span<std::byte> bytes);
// Positions `first` to `end`, which are in this block, into `kv`.
void CopyBlockIn(std::string_view bytes, const PrefixHead& head, uint32_t block, uint32_t first, uint32_t end,
                 model::KvCache& kv);

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PREFIX_FILE_H_
