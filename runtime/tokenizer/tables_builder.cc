#include "runtime/tokenizer/tables_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/gguf/gguf_types.h"

namespace linnet::tokenizer {
namespace {

constexpr uint32_t kMostMerges = 1 << 26;

// Orders entries by bucket, inside of one by `less`; gives where each begins, and the end.
template <typename T, typename Hash, typename Less>
std::vector<uint32_t> SortIntoBuckets(std::vector<T>& entries, uint32_t bits, Hash hash, Less less) {
  std::vector<uint32_t> starts((size_t{1} << bits) + 1, 0);
  std::vector<uint32_t> buckets;
  buckets.reserve(entries.size());
  for (const T& entry : entries) {
    buckets.push_back(BucketOf(hash(entry), bits));
    ++starts[buckets.back() + 1];
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<T> sorted(entries.size());
  std::vector<uint32_t> next(starts.begin(), starts.end() - 1);
  for (size_t i = 0; i < entries.size(); ++i) sorted[next[buckets[i]]++] = entries[i];
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    if (starts[i + 1] - starts[i] > 1) {
      std::sort(sorted.begin() + starts[i], sorted.begin() + starts[i + 1], less);
    }
  }
  entries = std::move(sorted);
  return starts;
}

template <typename T>
Array<T> ViewOf(const std::vector<T>& entries) {
  return {reinterpret_cast<const std::byte*>(entries.data()), entries.size()};
}

template <typename T>
void AppendSection(std::string& image, const T& entries) {
  image.append(reinterpret_cast<const char*>(entries.data()), entries.size() * sizeof(entries[0]));
  image.resize((image.size() + 7) / 8 * 8);
}

class Builder {
 public:
  Builder(const gguf::ModelFile& file, Kind kind) : file_(file), kind_(kind) {}

  absl::StatusOr<std::string> Build() {
    LINNET_RETURN_IF_ERROR(ReadTexts());
    LINNET_RETURN_IF_ERROR(ReadTypes());
    LINNET_RETURN_IF_ERROR(ReadScores());
    LINNET_RETURN_IF_ERROR(IndexTexts());
    MarkTurnTokens();
    if (kind_ == Kind::kBpe) LINNET_RETURN_IF_ERROR(ReadMerges());
    return Image();
  }

 private:
  absl::Status Contradiction(const std::string& what) const {
    return absl::DataLossError(absl::StrCat(file_.path(), ": ", what));
  }
  size_t tokens() const { return texts_.size(); }
  TextIndex index() const {
    return {{ViewOf(starts_), arena_}, {ViewOf(bucket_starts_), bits_}, ViewOf(by_text_)};
  }

  absl::Status ReadTexts();
  absl::Status ReadTypes();
  absl::Status ReadScores();
  absl::Status IndexTexts();
  void MarkTurnTokens();
  absl::Status ReadMerges();
  void SortMerges();
  std::string Image();

  // Tokens with a text of which wanted(type) is true, by text.
  template <typename Wanted>
  std::vector<TokenId> ListOf(Wanted wanted) const;

  const gguf::ModelFile& file_;
  const Kind kind_;
  std::vector<std::string_view> texts_;
  std::vector<TokenType> types_;
  std::vector<float> scores_;
  std::vector<uint32_t> starts_ = {0};  // of texts_ in arena_
  std::string arena_;
  uint32_t bits_ = 1;
  std::vector<uint32_t> bucket_starts_;
  std::vector<TokenId> by_text_;
  uint32_t merge_bits_ = 1;
  std::vector<uint32_t> merge_bucket_starts_ = {0, 0, 0};
  std::vector<Merge> merges_;
};

absl::Status Builder::ReadTexts() {
  LINNET_ASSIGN_OR_RETURN(texts_, file_.GetStringArray("tokenizer.ggml.tokens"));
  if (texts_.empty() || tokens() > kMostTokens) {
    return Contradiction(
        absl::StrCat("tokenizer.ggml.tokens has ", tokens(), " entries, expected 1 to ", kMostTokens));
  }
  size_t total = 0;
  for (const std::string_view text : texts_) total += text.size();
  if (total > std::numeric_limits<uint32_t>::max()) {
    return Contradiction(
        absl::StrCat("tokenizer.ggml.tokens has ", total, " bytes, expected less than 2^32"));
  }
  arena_.reserve(total);
  starts_.reserve(tokens() + 1);
  for (const std::string_view text : texts_) {
    arena_.append(text);
    starts_.push_back(static_cast<uint32_t>(arena_.size()));
  }
  return absl::OkStatus();
}

absl::Status Builder::ReadTypes() {
  types_.assign(tokens(), TokenType::kNormal);
  if (!file_.Has("tokenizer.ggml.token_type")) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const auto types, file_.GetIntArray("tokenizer.ggml.token_type"));
  if (types.size() != tokens()) {
    return Contradiction(
        absl::StrCat("tokenizer.ggml.token_type has ", types.size(), " entries for ", tokens(), " tokens"));
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] < 0 || types[i] > static_cast<int64_t>(TokenType::kByte)) {
      return Contradiction(
          absl::StrCat("tokenizer.ggml.token_type of token ", i, " is ", types[i], ", expected 0 to 6"));
    }
    types_[i] = static_cast<TokenType>(types[i]);
  }
  return absl::OkStatus();
}

absl::Status Builder::ReadScores() {
  if (!file_.Has("tokenizer.ggml.scores")) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(scores_, file_.GetFloatArray("tokenizer.ggml.scores"));
  if (scores_.size() != tokens()) {
    return Contradiction(
        absl::StrCat("tokenizer.ggml.scores has ", scores_.size(), " entries for ", tokens(), " tokens"));
  }
  const auto bad = std::find_if(scores_.begin(), scores_.end(), [](float s) { return std::isnan(s); });
  if (bad != scores_.end()) {
    return Contradiction(
        absl::StrCat("tokenizer.ggml.scores of token ", bad - scores_.begin(), " is not a number"));
  }
  return absl::OkStatus();
}

absl::Status Builder::IndexTexts() {
  for (size_t i = 0; i < tokens(); ++i) {
    if (!texts_[i].empty()) by_text_.push_back(static_cast<TokenId>(i));
  }
  const auto text = [&](TokenId id) { return texts_[static_cast<size_t>(id)]; };
  bits_ = BucketBits(static_cast<uint32_t>(by_text_.size()));
  bucket_starts_ = SortIntoBuckets(
      by_text_, bits_, [&](TokenId id) { return HashText(text(id)); },
      [&](TokenId a, TokenId b) { return text(a) != text(b) ? text(a) < text(b) : a < b; });
  for (size_t i = 1; i < by_text_.size(); ++i) {
    if (text(by_text_[i - 1]) == text(by_text_[i])) {
      return Contradiction(absl::StrCat("tokenizer.ggml.tokens ", by_text_[i - 1], " and ", by_text_[i],
                                        " are both ", gguf::Shown(text(by_text_[i]))));
    }
  }
  return absl::OkStatus();
}

void Builder::MarkTurnTokens() {
  const bool gemma4 = index().Find("<|tool_response>").has_value();
  const auto mark = [&](std::string_view text) {
    if (const auto id = index().Find(text)) types_[static_cast<size_t>(*id)] = TokenType::kControl;
  };
  for (const std::string_view text : kEndTexts) {
    if (!gemma4 || text != "</s>") mark(text);
  }
  for (const std::string_view text : kMarkerTexts) mark(text);
}

absl::Status Builder::ReadMerges() {
  LINNET_ASSIGN_OR_RETURN(const auto merges, file_.GetStringArray("tokenizer.ggml.merges"));
  if (merges.size() > kMostMerges) {
    return Contradiction(absl::StrCat("tokenizer.ggml.merges has ", merges.size(),
                                      " entries, expected at most ", kMostMerges));
  }
  merges_.reserve(merges.size());
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const auto wrong = [&](const std::string& what) {
      return Contradiction(
          absl::StrCat("tokenizer.ggml.merges entry ", rank, " is ", gguf::Shown(merge), what));
    };
    // From 1: a text may begin with a space of its own.
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      return wrong(", expected two texts with a space between");
    }
    const std::string_view left = merge.substr(0, space);
    const std::string_view right = merge.substr(space + 1);
    joined.assign(left);
    joined.append(right);
    const auto left_id = index().Find(left);
    const auto right_id = index().Find(right);
    const auto id = index().Find(joined);
    if (!left_id || !right_id || !id) {
      const std::string_view missing = !left_id ? left : !right_id ? right : std::string_view(joined);
      return wrong(absl::StrCat(", but tokenizer.ggml.tokens has no ", gguf::Shown(missing)));
    }
    merges_.push_back({*left_id, *right_id, static_cast<int32_t>(rank), *id});
  }
  SortMerges();
  // Of equal pairs the first counts.
  const auto last = std::unique(merges_.begin(), merges_.end(), [](const Merge& a, const Merge& b) {
    return a.left == b.left && a.right == b.right;
  });
  if (last != merges_.end()) {
    merges_.erase(last, merges_.end());
    SortMerges();
  }
  return absl::OkStatus();
}

void Builder::SortMerges() {
  const auto key = [](const Merge& merge) { return PairKey(merge.left, merge.right); };
  merge_bits_ = BucketBits(static_cast<uint32_t>(merges_.size()));
  merge_bucket_starts_ = SortIntoBuckets(
      merges_, merge_bits_, [&](const Merge& merge) { return HashPair(key(merge)); },
      [&](const Merge& a, const Merge& b) { return key(a) != key(b) ? key(a) < key(b) : a.rank < b.rank; });
}

template <typename Wanted>
std::vector<TokenId> Builder::ListOf(Wanted wanted) const {
  std::vector<TokenId> ids;
  for (size_t i = 0; i < tokens(); ++i) {
    if (!texts_[i].empty() && wanted(types_[i])) ids.push_back(static_cast<TokenId>(i));
  }
  std::sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
    return texts_[static_cast<size_t>(a)] < texts_[static_cast<size_t>(b)];
  });
  return ids;
}

std::string Builder::Image() {
  std::vector<uint32_t> piece_starts = {0};
  std::string pieces;
  size_t longest = 0;
  float least = std::numeric_limits<float>::max();
  for (size_t i = 0; i < tokens(); ++i) {
    AppendPiece(kind_, types_[i], texts_[i], pieces);
    piece_starts.push_back(static_cast<uint32_t>(pieces.size()));
    longest = std::max(longest, texts_[i].size());
    if (types_[i] == TokenType::kNormal) least = std::min(least, scores_.empty() ? 0.0F : scores_[i]);
  }
  const auto user_defined = [](TokenType type) { return type == TokenType::kUserDefined; };
  const std::vector<TokenId> always = ListOf(user_defined);
  const std::vector<TokenId> when_parsing =
      ListOf([&](TokenType type) { return user_defined(type) || IsSpecialType(type); });
  std::vector<TokenId> words;
  if (kind_ == Kind::kWordPiece) words = ListOf([](TokenType type) { return !IsSpecialType(type); });
  if (kind_ == Kind::kUnigram) {
    words = ListOf([&](TokenType type) {
      return type == TokenType::kNormal || user_defined(type) || type == TokenType::kUnused;
    });
  }

  const auto count = [](const auto& entries) { return static_cast<uint32_t>(entries.size()); };
  const TablesHeader header = {.version = kTablesVersion,
                               .kind = static_cast<uint32_t>(kind_),
                               .rules = TurnTextsDigest(),
                               .tokens = count(texts_),
                               .text_bytes = count(arena_),
                               .named = count(by_text_),
                               .longest_text_bytes = static_cast<uint32_t>(longest),
                               .scores = count(scores_),
                               .piece_bytes = count(pieces),
                               .always = count(always),
                               .when_parsing = count(when_parsing),
                               .words = count(words),
                               .merges = count(merges_),
                               .text_bucket_bits = bits_,
                               .merge_bucket_bits = merge_bits_,
                               .least_score = least,
                               .reserved = 0};
  std::string image(reinterpret_cast<const char*>(&header), sizeof(header));
  AppendSection(image, starts_);
  AppendSection(image, arena_);
  AppendSection(image, types_);
  AppendSection(image, scores_);
  AppendSection(image, piece_starts);
  AppendSection(image, pieces);
  AppendSection(image, bucket_starts_);
  AppendSection(image, by_text_);
  AppendSection(image, always);
  AppendSection(image, when_parsing);
  AppendSection(image, words);
  AppendSection(image, merge_bucket_starts_);
  AppendSection(image, merges_);
  return image;
}

}  // namespace

absl::StatusOr<Kind> KindOf(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(const std::string_view model, file.GetString("tokenizer.ggml.model"));
  if (model == "llama") return Kind::kSpm;
  if (model == "gpt2") return Kind::kBpe;
  if (model == "bert") return Kind::kWordPiece;
  if (model == "t5") return Kind::kUnigram;
  return absl::UnimplementedError(
      absl::StrCat(file.path(), ": tokenizer.ggml.model is ", gguf::Shown(model),
                   "; supported are 'llama' (SPM), 'gpt2' (byte-level BPE), 'bert' "
                   "(WordPiece) and 't5' (unigram)"));
}

namespace {

// nullopt: to be passed over.
absl::StatusOr<std::optional<Tables>> StoredTables(const gguf::ModelFile& file) {
  const gguf::ModelFile::Tables stored = file.tokenizer_tables();
  const absl::StatusOr<Kind> kind = KindOf(file);
  if (stored.bytes.empty() || !kind.ok()) return std::optional<Tables>();
  absl::StatusOr<Tables> tables = Tables::Open(stored.bytes, *kind, stored.owner);
  if (absl::IsUnimplemented(tables.status())) return std::optional<Tables>();
  if (!tables.ok()) {
    return absl::DataLossError(absl::StrCat(file.path(), ": its tokenizer tables ",
                                            base::Message(tables.status()),
                                            "; pack the GGUF again, or fetch the file again"));
  }
  return std::optional<Tables>(*std::move(tables));
}

}  // namespace

absl::StatusOr<std::string> BuildTables(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(const Kind kind, KindOf(file));
  return Builder(file, kind).Build();
}

absl::StatusOr<Tables> LoadTables(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(std::optional<Tables> stored, StoredTables(file));
  if (stored) return *std::move(stored);
  LINNET_ASSIGN_OR_RETURN(const Kind kind, KindOf(file));
  LINNET_ASSIGN_OR_RETURN(std::string image, Builder(file, kind).Build());
  const auto held = std::make_shared<const std::string>(std::move(image));
  return Tables::Open(base::AsBytes(*held), kind, held);
}

absl::Status CheckTablesHeader(const gguf::ModelFile& file) { return StoredTables(file).status(); }

absl::Status CheckTables(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(const std::optional<Tables> stored, StoredTables(file));
  if (!stored) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const std::string image, BuildTables(file));
  if (base::AsText(file.tokenizer_tables().bytes) == image) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      file.path(),
      ": its tokenizer tables are not those of its metadata: damaged; pack the GGUF again, or fetch "
      "the file again"));
}

}  // namespace linnet::tokenizer
