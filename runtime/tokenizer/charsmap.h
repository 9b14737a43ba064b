#ifndef LINNET_RUNTIME_TOKENIZER_CHARSMAP_H_
#define LINNET_RUNTIME_TOKENIZER_CHARSMAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::tokenizer {

// SentencePiece's precompiled_charsmap: what to write in the place of which texts before tokens are looked
// for (NFKC and the like), as a double array of 32-bit nodes and the replacements, each ended by a 0.
// Immutable, so thread-safe.
//
// The blob is a little-endian uint32, the size of the nodes in bytes, the nodes, and the replacements. A
// node: bits 0 to 7 the byte that leads to it, bit 8 whether a key ends there, bits 10 to 30 the offset to
// its children, times 256 with bit 9; bit 31 marks a value, which is the place of a replacement. The child of
// state s by byte c is node s ^ c; its own state is that, ^ its offset, where its value is, too. Source:
// darts-clone (Susumu Yata), as SentencePiece writes it.
class Charsmap {
 public:
  // Nothing is replaced.
  Charsmap() = default;
  // DataLoss: cut short, a replacement outside, without an end, or beyond all measure. Messages do not name
  // the file.
  static absl::StatusOr<Charsmap> Parse(std::span<const std::byte> blob);

  struct Match {
    size_t size;  // bytes of the text that it replaces, at least 1
    std::string_view replacement;
  };
  // Of the longest key that `text` begins with.
  std::optional<Match> Longest(std::string_view text) const;

 private:
  // A node's child and its state, or nullopt.
  struct Step {
    uint32_t node, state;
  };
  std::optional<Step> Child(uint32_t state, uint8_t byte) const;
  absl::Status Check() const;

  std::vector<uint32_t> nodes_;
  std::string replacements_;
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_CHARSMAP_H_
