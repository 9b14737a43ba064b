#ifndef LINNET_RUNTIME_TOKENIZER_TABLES_H_
#define LINNET_RUNTIME_TOKENIZER_TABLES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/tokenizer/pieces.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/turn_texts.h"

// All that a tokenizer looks up, as one run of bytes that is used as it lies: made of a GGUF's metadata in
// memory, or once, for its packed file (runtime/pack). The image, each section at a multiple of 8:
//
//   header         [1] TablesHeader
//   text starts    [tokens + 1] uint32, of the texts
//   texts          [text_bytes] as the vocabulary writes them
//   types          [tokens] TokenType, with turn_texts.h taken into account
//   scores         [scores] float, 0 or all tokens
//   piece starts   [tokens + 1] uint32, of the pieces
//   pieces         [piece_bytes] what each token adds to a text
//   text buckets   [2^text_bucket_bits + 1] uint32: where each bucket of the next begins
//   by text        [named] ids of tokens with a text, by bucket (HashText), inside one by text
//   always, when parsing, words   [...] ids by text: the lists below
//   merge buckets  [2^merge_bucket_bits + 1] uint32
//   merges         [merges] Merge, by bucket (HashPair), inside one by left and right
//
// Nobody vouches for the bytes. Tables::Open checks the header, so that all sections are inside; what an
// entry says is bounded where it is used, so that a start touches no page that it does not need. A lookup in
// bad tables gives a wrong answer, never a wrong read, nor an endless search; CheckTables (tables_builder.h)
// finds them.
namespace linnet::tokenizer {

static_assert(std::endian::native == std::endian::little, "numbers are read and written as they lie");

// Changes with the image, and with what the rest of tables_builder.cc and pieces.cc makes of a vocabulary.
inline constexpr uint32_t kTablesVersion = 1;
inline constexpr uint32_t kMostTokens = 1 << 24;  // the largest known vocabularies have 2^18
inline constexpr uint32_t kMostBucketBits = 28;

struct TablesHeader {
  uint32_t version;
  uint32_t kind;
  uint64_t rules;  // TurnTextsDigest
  uint32_t tokens, text_bytes, named, longest_text_bytes;
  uint32_t scores, piece_bytes;
  uint32_t always, when_parsing, words;
  uint32_t merges;
  uint32_t text_bucket_bits, merge_bucket_bits;
  float least_score;  // of a normal token
  uint32_t reserved;
};
static_assert(sizeof(TablesHeader) == 72);

struct Merge {
  TokenId left, right;
  int32_t rank;  // the least is merged first
  TokenId id;    // of both texts joined
};

// These are part of the format. Multiplication by an odd number moves all bits up, the shift brings them
// back.
constexpr uint64_t MixBits(uint64_t bits) {
  bits *= 0x9e3779b97f4a7c15;
  return bits ^ bits >> 32;
}
template <typename T>
T LoadAt(std::string_view text, size_t at) {
  T value;
  std::memcpy(&value, text.data() + at, sizeof(value));
  return value;
}
// Eight bytes at a time, the last of which may have been there before; of less than four, the first, the
// middle and the last.
inline uint64_t HashText(std::string_view text) {
  const size_t size = text.size();
  uint64_t hash = MixBits(size);
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) hash = MixBits(hash ^ LoadAt<uint64_t>(text, at));
    hash ^= LoadAt<uint64_t>(text, size - 8);
  } else if (size >= 4) {
    hash ^= uint64_t{LoadAt<uint32_t>(text, 0)} << 32 | LoadAt<uint32_t>(text, size - 4);
  } else if (size > 0) {
    hash ^= uint64_t{LoadAt<uint8_t>(text, 0)} << 16 | uint64_t{LoadAt<uint8_t>(text, size / 2)} << 8 |
            LoadAt<uint8_t>(text, size - 1);
  }
  return MixBits(MixBits(hash));
}
constexpr uint64_t PairKey(TokenId left, TokenId right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}
constexpr uint64_t HashPair(uint64_t key) { return MixBits(MixBits(key)); }
// Twice as many buckets as entries, at most; 1 to 28 bits.
constexpr uint32_t BucketBits(uint32_t entries) {
  const auto bits = static_cast<uint32_t>(std::bit_width(entries));
  return bits < 1 ? 1 : bits > kMostBucketBits ? kMostBucketBits : bits;
}
constexpr uint32_t BucketOf(uint64_t hash, uint32_t bits) {
  return static_cast<uint32_t>(hash >> (64 - bits));
}

// Entries somewhere in an image, aligned or not.
template <typename T>
class Array {
 public:
  Array() = default;
  Array(const std::byte* data, size_t size) : data_(data), size_(size) {}
  size_t size() const { return size_; }
  T operator[](size_t i) const {
    T value;
    std::memcpy(&value, data_ + i * sizeof(T), sizeof(T));
    return value;
  }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Texts one after the other; where the starts are wrong, empty.
struct Texts {
  Array<uint32_t> starts;  // and the end
  std::string_view bytes;

  std::string_view operator[](size_t i) const {
    const uint32_t begin = starts[i], end = starts[i + 1];
    return begin <= end && end <= bytes.size() ? std::string_view(bytes.data() + begin, end - begin)
                                               : std::string_view();
  }
};

struct Buckets {
  Array<uint32_t> starts;
  uint32_t bits = 1;

  // The first and the last but one of `entries` that may be of this hash.
  std::pair<size_t, size_t> Of(uint64_t hash, size_t entries) const {
    const uint32_t bucket = BucketOf(hash, bits);
    const size_t begin = starts[bucket], end = starts[size_t{bucket} + 1];
    return {begin, end <= entries ? end : entries};
  }
};

// Tokens by their texts.
struct TextIndex {
  Texts texts;
  Buckets buckets;
  Array<TokenId> ids;

  size_t tokens() const { return texts.starts.size() - 1; }
  // nullopt for an empty text.
  std::optional<TokenId> Find(std::string_view text) const;
};

// Ids of a table of `tokens`, all inside it, whatever the image says.
class IdList {
 public:
  IdList() = default;
  IdList(Array<TokenId> ids, size_t tokens) : ids_(ids), tokens_(tokens) {}
  size_t size() const { return ids_.size(); }
  bool empty() const { return size() == 0; }
  TokenId operator[](size_t i) const {
    const TokenId id = ids_[i];
    return static_cast<uint32_t>(id) < tokens_ ? id : 0;
  }

 private:
  Array<TokenId> ids_;
  size_t tokens_ = 0;
};

// A view of an image. Immutable, so thread-safe.
class Tables {
 public:
  // `owner` keeps the bytes; null: they outlive the tables. DataLoss: not an image of tables of this kind,
  // cut short, or sections that do not fit; Unimplemented: of another version, or of other rules. Messages do
  // not name the file.
  static absl::StatusOr<Tables> Open(std::span<const std::byte> image, Kind kind,
                                     std::shared_ptr<const void> owner);

  TokenId size() const { return static_cast<TokenId>(header_.tokens); }
  // id: 0 to size() - 1, in all of these.
  std::string_view text(TokenId id) const { return index_.texts[static_cast<size_t>(id)]; }
  TokenType type(TokenId id) const { return types_[static_cast<size_t>(id)]; }
  float score(TokenId id) const { return scores_.size() == 0 ? 0.0F : scores_[static_cast<size_t>(id)]; }
  std::string_view piece(TokenId id) const { return pieces_[static_cast<size_t>(id)]; }
  bool IsSpecial(TokenId id) const { return IsSpecialType(type(id)); }

  // By exact text, which is not empty.
  std::optional<TokenId> Find(std::string_view text) const { return index_.Find(text); }
  // Of two ids, in the table or not.
  std::optional<Merge> FindMerge(TokenId left, TokenId right) const;
  size_t longest_text_bytes() const { return header_.longest_text_bytes; }
  float least_score() const { return header_.least_score; }

  // By text, each with one. User-defined tokens; these and special ones; what WordPiece and unigram make
  // words of.
  const IdList& always() const { return always_; }
  const IdList& when_parsing() const { return when_parsing_; }
  const IdList& words() const { return words_; }
  // Calls found(id) for every one of `list` that `text` begins with, the shortest first.
  template <typename Found>
  void ForEachPrefix(const IdList& list, std::string_view text, Found found) const;
  // The token of the longest such text; nullopt when there is none.
  std::optional<TokenId> LongestPrefix(const IdList& list, std::string_view text) const;

 private:
  std::shared_ptr<const void> owner_;
  TablesHeader header_ = {};
  TextIndex index_;
  Texts pieces_;
  Array<TokenType> types_;
  Array<float> scores_;
  IdList always_, when_parsing_, words_;
  Buckets merge_buckets_;
  Array<Merge> merges_;
};

template <typename Found>
void Tables::ForEachPrefix(const IdList& list, std::string_view wanted, Found found) const {
  size_t low = 0, high = list.size();
  // Before step `depth`, [low, high) are the tokens that begin with the first `depth` bytes wanted.
  for (size_t depth = 0; low < high; ++depth) {
    if (depth > 0 && text(list[low]).size() == depth) {
      found(list[low]);
      ++low;  // the shortest sorts first, and texts differ
    }
    if (depth == wanted.size()) break;
    // The first whose byte at `depth` is `least` or more; a text that is too short, as in bad tables, has
    // none.
    const auto first = [&](size_t begin, size_t end, int least) {
      while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        const std::string_view found_text = text(list[middle]);
        const int byte = depth < found_text.size() ? static_cast<uint8_t>(found_text[depth]) : -1;
        byte < least ? void(begin = middle + 1) : void(end = middle);
      }
      return begin;
    };
    const int next = static_cast<uint8_t>(wanted[depth]);
    low = first(low, high, next);
    high = first(low, high, next + 1);
  }
}

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_TABLES_H_
