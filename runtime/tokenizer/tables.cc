#include "runtime/tokenizer/tables.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"

namespace linnet::tokenizer {
namespace {

// Takes one section after the other; a section that does not fit makes all that follow empty.
class Sections {
 public:
  explicit Sections(std::span<const std::byte> image) : image_(image), at_(sizeof(TablesHeader)) {}

  // count: at most 2^32, so that nothing overflows.
  template <typename T>
  Array<T> Take(uint64_t count) {
    const uint64_t bytes = count * sizeof(T);
    if (at_ > image_.size() || bytes > image_.size() - at_) {
      at_ = kFailed;
      return {};
    }
    const Array<T> section(image_.data() + at_, count);
    at_ = (at_ + bytes + 7) / 8 * 8;
    return section;
  }
  std::string_view TakeText(uint64_t count) {
    const uint64_t at = at_;
    Take<char>(count);
    return at_ == kFailed ? std::string_view() : base::AsText(image_.subspan(at, count));
  }
  bool AllTaken() const { return at_ == image_.size(); }

 private:
  static constexpr uint64_t kFailed = ~uint64_t{0};

  const std::span<const std::byte> image_;
  uint64_t at_;
};

bool IsSound(const TablesHeader& header) {
  const auto bits_fit = [](uint32_t bits) { return bits >= 1 && bits <= kMostBucketBits; };
  return header.tokens >= 1 && header.tokens <= kMostTokens && bits_fit(header.text_bucket_bits) &&
         bits_fit(header.merge_bucket_bits) && (header.scores == 0 || header.scores == header.tokens);
}

}  // namespace

absl::StatusOr<Tables> Tables::Open(std::span<const std::byte> image, Kind kind,
                                    std::shared_ptr<const void> owner) {
  Tables tables;
  TablesHeader& header = tables.header_;
  if (image.size() < sizeof(header)) {
    return absl::DataLossError(
        absl::StrCat("have ", image.size(), " bytes, expected at least ", sizeof(header)));
  }
  std::memcpy(&header, image.data(), sizeof(header));
  if (header.version != kTablesVersion || header.rules != TurnTextsDigest()) {
    return absl::UnimplementedError("are of another version of this program");
  }
  if (header.kind != static_cast<uint32_t>(kind)) {
    return absl::DataLossError(absl::StrCat(
        "are of kind ", header.kind, ", but tokenizer.ggml.model asks for ", static_cast<uint32_t>(kind)));
  }
  if (!IsSound(header)) {
    return absl::DataLossError(absl::StrCat("claim ", header.tokens, " tokens, ", header.scores,
                                            " scores, 2^", header.text_bucket_bits, " and 2^",
                                            header.merge_bucket_bits, " buckets: damaged"));
  }
  Sections sections(image);
  const uint64_t tokens = header.tokens;
  const auto take_list = [&](uint64_t count) { return IdList(sections.Take<TokenId>(count), tokens); };
  const auto take_buckets = [&](uint32_t bits) {
    return Buckets{sections.Take<uint32_t>((uint64_t{1} << bits) + 1), bits};
  };
  tables.index_.texts.starts = sections.Take<uint32_t>(tokens + 1);
  tables.index_.texts.bytes = sections.TakeText(header.text_bytes);
  tables.types_ = sections.Take<TokenType>(tokens);
  tables.scores_ = sections.Take<float>(header.scores);
  tables.pieces_.starts = sections.Take<uint32_t>(tokens + 1);
  tables.pieces_.bytes = sections.TakeText(header.piece_bytes);
  tables.index_.buckets = take_buckets(header.text_bucket_bits);
  tables.index_.ids = sections.Take<TokenId>(header.named);
  tables.always_ = take_list(header.always);
  tables.when_parsing_ = take_list(header.when_parsing);
  tables.words_ = take_list(header.words);
  tables.merge_buckets_ = take_buckets(header.merge_bucket_bits);
  tables.merges_ = sections.Take<Merge>(header.merges);
  if (!sections.AllTaken()) {
    return absl::DataLossError(
        absl::StrCat("have ", image.size(), " bytes, but their header tells of ", "others: damaged"));
  }
  tables.owner_ = std::move(owner);
  return tables;
}

std::optional<TokenId> TextIndex::Find(std::string_view wanted) const {
  if (wanted.empty()) return std::nullopt;
  auto [begin, end] = buckets.Of(HashText(wanted), ids.size());
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    const TokenId id = ids[middle];
    if (static_cast<uint32_t>(id) >= tokens()) return std::nullopt;  // bad tables
    const int order = texts[static_cast<size_t>(id)].compare(wanted);
    if (order == 0) return id;
    order < 0 ? void(begin = middle + 1) : void(end = middle);
  }
  return std::nullopt;
}

std::optional<Merge> Tables::FindMerge(TokenId left, TokenId right) const {
  const uint64_t wanted = PairKey(left, right);
  auto [begin, end] = merge_buckets_.Of(HashPair(wanted), merges_.size());
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    const Merge merge = merges_[middle];
    const uint64_t key = PairKey(merge.left, merge.right);
    if (key == wanted) {
      return static_cast<uint32_t>(merge.id) < header_.tokens ? std::optional(merge) : std::nullopt;
    }
    key < wanted ? void(begin = middle + 1) : void(end = middle);
  }
  return std::nullopt;
}

std::optional<TokenId> Tables::LongestPrefix(const IdList& list, std::string_view wanted) const {
  std::optional<TokenId> longest;
  ForEachPrefix(list, wanted, [&](TokenId id) { longest = id; });
  return longest;
}

}  // namespace linnet::tokenizer
