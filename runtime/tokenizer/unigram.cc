#include "runtime/tokenizer/unigram.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/tokenizer/charsmap.h"
#include "runtime/tokenizer/table_tokenizer.h"
#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {
namespace {

constexpr float kUnknownPenalty = 10.0F;  // SentencePiece, kUnkPenalty

struct Options {
  bool add_bos = false;
  bool add_eos = true;
  bool space_prefix = false;
  bool merge_spaces = false;
};

class Unigram final : public TableTokenizer {
 public:
  Unigram(std::unique_ptr<const Vocabulary> table, Charsmap charsmap, const Options& options)
      : TableTokenizer(std::move(table), options.add_bos, options.add_eos),
        charsmap_(std::move(charsmap)),
        space_prefix_(options.space_prefix),
        merge_spaces_(options.merge_spaces) {
    strip_first_space_ = space_prefix_;
    unknown_score_ = vocabulary().least_score() - kUnknownPenalty;
  }

  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    AppendBos(ids, options);
    for (const Fragment& fragment : splitter().Split(text, options.parse_special, options.trusted)) {
      if (fragment.token >= 0) {
        ids.push_back(fragment.token);
      } else {
        EncodeNormalized(Normalized(fragment.text), ids);
      }
    }
    AppendEos(ids, options);
    return ids;
  }

 private:
  // User-defined tokens, which SentencePiece leaves as they are, are cut out before.
  std::string Normalized(std::string_view text) const {
    std::string out;
    out.reserve(text.size() * 3 / 2);
    bool prefixed = false;
    bool in_word = false;
    const auto append = [&](std::string_view part) {
      for (const char c : part) {
        if (c == ' ') {
          in_word = false;
          if (!merge_spaces_) out.append(kSpaceMark);
          continue;
        }
        // A run of spaces is one, and a word has one before it, be there any or not.
        if (!in_word && (merge_spaces_ || (space_prefix_ && !prefixed))) {
          out.append(kSpaceMark);
          prefixed = true;
        }
        in_word = true;
        out.push_back(c);
      }
    };
    for (size_t at = 0; at < text.size();) {
      if (const auto match = charsmap_.Longest(text.substr(at))) {
        append(match->replacement);
        at += match->size;
        continue;
      }
      const Decoded decoded = DecodeUtf8(text, at);
      const size_t size = decoded.valid ? decoded.size : 1;
      append(decoded.valid ? text.substr(at, size) : std::string_view("\xef\xbf\xbd"));
      at += size;
    }
    return out;
  }

  // Viterbi, a character at a time. Sums are doubles, as in SentencePiece, so that ties fall alike.
  void EncodeNormalized(std::string_view text, std::vector<TokenId>& ids) const {
    struct Best {
      double score = -std::numeric_limits<double>::max();
      TokenId id = -1;
      uint32_t size = 0;
    };
    const TokenId unknown = *vocabulary().unknown;
    std::vector<Best> best(text.size() + 1);  // of the text before each place
    best[0].score = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t character = DecodeUtf8(text, at).valid ? DecodeUtf8(text, at).size : 1;
      bool covered = false;
      const auto challenge = [&](TokenId id, size_t size, double score) {
        Best& champion = best[at + size];
        const double sum = best[at].score + score;
        if (sum > champion.score) champion = {sum, id, static_cast<uint32_t>(size)};
      };
      vocabulary().ForEachPrefix(vocabulary().words(), text.substr(at), [&](TokenId id) {
        const size_t size = vocabulary().text(id).size();
        covered |= size == character;
        // Scores are logarithms of probabilities: 0 is certain.
        challenge(id, size,
                  vocabulary().type(id) == TokenType::kUserDefined ? 0.0 : double{vocabulary().score(id)});
      });
      if (!covered) challenge(unknown, character, double{unknown_score_});
      at += character;
    }
    const size_t before = ids.size();
    for (size_t at = text.size(); at > 0;) {
      // What no sum has reached, as with scores that are infinite, is unknown.
      const Best step = best[at].size > 0 ? best[at] : Best{0, unknown, 1};
      if (ids.size() == before || step.id != unknown || ids.back() != unknown) ids.push_back(step.id);
      at -= step.size;
    }
    std::reverse(ids.begin() + static_cast<ptrdiff_t>(before), ids.end());
  }

  Charsmap charsmap_;
  bool space_prefix_, merge_spaces_;
  float unknown_score_ = 0;
};

absl::StatusOr<Charsmap> LoadCharsmap(const gguf::ModelFile& file) {
  constexpr char kKey[] = "tokenizer.ggml.precompiled_charsmap";
  if (!file.Has(kKey)) return Charsmap();
  LINNET_ASSIGN_OR_RETURN(const auto blob, file.GetByteArray(kKey));
  auto charsmap = Charsmap::Parse(blob);
  if (!charsmap.ok()) {
    return absl::DataLossError(absl::StrCat(file.path(), ": ", kKey, " ", base::Message(charsmap.status())));
  }
  return charsmap;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateUnigram(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(Vocabulary loaded, Vocabulary::Load(file));
  auto table = std::make_unique<Vocabulary>(std::move(loaded));
  // llama.cpp's ids, where the metadata is silent: T5's.
  if (!table->eos && table->size() > 1) {
    table->eos = 1;
    table->AddEnd(1);
  }
  if (!table->unknown && table->size() > 2) table->unknown = 2;
  if (!table->unknown) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": a unigram vocabulary needs tokenizer.ggml.unknown_token_id"));
  }
  if (!file.Has("tokenizer.ggml.scores")) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": a unigram vocabulary needs tokenizer.ggml.scores"));
  }
  Options options;
  options.add_bos = table->add_bos.value_or(false);
  options.add_eos = table->add_eos.value_or(true);
  LINNET_RETURN_IF_ERROR(table->CheckAdded(file));
  LINNET_ASSIGN_OR_RETURN(options.space_prefix,
                          Vocabulary::FlagOr(file, "tokenizer.ggml.add_space_prefix", false));
  LINNET_ASSIGN_OR_RETURN(options.merge_spaces,
                          Vocabulary::FlagOr(file, "tokenizer.ggml.remove_extra_whitespaces", false));
  LINNET_ASSIGN_OR_RETURN(Charsmap charsmap, LoadCharsmap(file));
  return std::make_unique<Unigram>(std::move(table), std::move(charsmap), options);
}

}  // namespace linnet::tokenizer
