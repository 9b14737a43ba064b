#ifndef LINNET_RUNTIME_ENGINE_PREFIX_FILE_H_
#define LINNET_RUNTIME_ENGINE_PREFIX_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/engine/prefix_key.h"
#include "runtime/model/kv_cache.h"
#include "runtime/tokenizer/tokenizer.h"

// One stored prefix, version 1: the keys and values of the first tokens of a prompt.
//
//   header   magic "LINNETKV", version, tokens, strips, row bytes, PrefixKey, digest
//   ids      [tokens] int32
//   digests  [blocks] SHA-256
//   blocks   [blocks][strips][positions of the block][row bytes]; the last may have fewer positions
//
// The header's digest covers header, ids and digests, and these the blocks: what is used is checked, and a
// request that shares the beginning only reads that. Numbers are little-endian.
namespace linnet::engine {

inline constexpr uint32_t kPrefixBlock = 64;  // positions

struct PrefixHead {
  PrefixKey key = {};
  uint32_t strips = 0, row_bytes = 0;
  std::vector<tokenizer::TokenId> tokens;
  std::vector<base::Sha256Digest> digests;

  uint32_t positions(uint32_t block) const;  // of one of its blocks
  uint64_t file_bytes() const;
};

// How many bytes a file of so many tokens has.
uint64_t PrefixFileBytes(const model::KvShape& shape, uint64_t tokens);

// NotFound or Unavailable: those of FileSystem. DataLoss: not such a file, of another version, damaged, or
// cut short. Reads no more than the file has.
absl::StatusOr<PrefixHead> ReadPrefixHead(base::FileSystem& fs, const std::string& path);
// A block's bytes. DataLoss: not those that `head` has the digest of.
absl::StatusOr<std::string> ReadPrefixBlock(base::FileSystem& fs, const std::string& path,
                                            const PrefixHead& head, uint32_t block);
// `blocks`: as they lie in the file; digests are set here. The file is whole or not there; an old one of that
// name is replaced.
absl::Status WritePrefixFile(base::FileSystem& fs, const std::string& path, PrefixHead& head,
                             std::span<const std::byte> blocks);

// The positions of a block, out of `kv` into all of `bytes`.
void CopyBlockOut(model::KvCache& kv, const PrefixHead& head, uint32_t block, std::span<std::byte> bytes);
// Positions `first` to `end`, which are in this block, into `kv`.
void CopyBlockIn(std::string_view bytes, const PrefixHead& head, uint32_t block, uint32_t first, uint32_t end,
                 model::KvCache& kv);

}  // namespace linnet::engine

#endif  // LINNET_RUNTIME_ENGINE_PREFIX_FILE_H_
