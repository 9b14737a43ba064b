#include "runtime/tokenizer/wordpiece.h"

#include <utf8proc.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/tokenizer/table_tokenizer.h"
#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {
namespace {

// The first code point of the canonical decomposition: a letter without its accents.
uint32_t Base(uint32_t code) {
  std::array<utf8proc_int32_t, 8> parts{};
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts.data(), parts.size(),
                                             UTF8PROC_DECOMPOSE, &boundary);
  return count > 0 ? static_cast<uint32_t>(parts[0]) : code;
}

uint32_t Lower(uint32_t code) {
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
}

bool IsControlCode(uint32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
      return true;
    default:
      return false;
  }
}

bool IsAsciiSymbol(uint32_t code) {
  return code < 0x7f && std::string_view("$+<=>^`|~").find(static_cast<char>(code)) != std::string_view::npos;
}

// Source: llama.cpp, llm_tokenizer_wpm_session::is_chinese_char; 0x2b920 as in HF's tokenizers.
bool IsIdeograph(uint32_t code) {
  return (code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3400 && code <= 0x4dbf) ||
         (code >= 0x20000 && code <= 0x2a6df) || (code >= 0x2a700 && code <= 0x2b81f) ||
         (code >= 0x2b920 && code <= 0x2ceaf) || (code >= 0xf900 && code <= 0xfaff) ||
         (code >= 0x2f800 && code <= 0x2fa1f);
}

struct Normalization {
  bool lowercase = true;
  bool strip_accents = true;
};

// Words begin with the space mark: GGUF drops BERT's "##" of what continues one.
class WordPiece final : public TableTokenizer {
 public:
  WordPiece(std::unique_ptr<const Vocabulary> table, std::optional<TokenId> separator,
            const Normalization& normalization)
      : TableTokenizer(std::move(table), true, false), separator_(separator), normalization_(normalization) {}

  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    AppendBos(ids, options);
    for (const Fragment& fragment : splitter().Split(text, options.parse_special, options.trusted)) {
      if (fragment.token >= 0) {
        ids.push_back(fragment.token);
      } else {
        EncodeRaw(fragment.text, ids);
      }
    }
    if (options.add_special && separator_) ids.push_back(*separator_);
    return ids;
  }

 private:
  void EncodeRaw(std::string_view text, std::vector<TokenId>& ids) const {
    std::string word;
    const auto flush = [&] {
      if (!word.empty()) EncodeWord(std::string(kSpaceMark) + word, ids);
      word.clear();
    };
    for (size_t at = 0; at < text.size();) {
      const Decoded decoded = DecodeUtf8(text, at);
      at += decoded.size;
      const uint32_t code = normalization_.strip_accents ? Base(decoded.code) : decoded.code;
      const uint8_t classes = ClassOf(code);
      if ((classes & kSpace) != 0) {
        flush();
      } else if (code != 0 && code != kReplacement && !IsControlCode(code) &&
                 !(normalization_.strip_accents && (classes & kMark) != 0)) {
        const bool alone = (classes & kPunctuation) != 0 || IsAsciiSymbol(code) || IsIdeograph(code);
        if (alone) flush();
        AppendUtf8(word, normalization_.lowercase ? Lower(code) : code);
        if (alone) flush();
      }
    }
    flush();
  }

  void EncodeWord(std::string_view word, std::vector<TokenId>& ids) const {
    const size_t before = ids.size();
    for (size_t at = 0; at < word.size();) {
      const auto id = vocabulary().LongestPrefix(vocabulary().words(), word.substr(at));
      if (!id) {
        ids.resize(before);
        ids.push_back(*vocabulary().unknown);
        return;
      }
      ids.push_back(*id);
      at += vocabulary().text(*id).size();
    }
  }

  std::optional<TokenId> separator_;
  Normalization normalization_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateWordPiece(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(Vocabulary loaded, Vocabulary::Load(file));
  auto table = std::make_unique<Vocabulary>(std::move(loaded));
  // The key is misspelled in the format.
  LINNET_ASSIGN_OR_RETURN(auto separator, table->SpecialId(file, "seperator"));
  if (!table->bos) {
    LINNET_ASSIGN_OR_RETURN(table->bos, table->SpecialId(file, "cls"));
  }
  // BERT's own ids, where the metadata is silent.
  const auto or_default = [&](std::optional<TokenId>& id, std::string_view text) {
    if (!id) id = table->Find(text);
  };
  or_default(table->bos, "[CLS]");
  or_default(separator, "[SEP]");
  or_default(table->unknown, "[UNK]");
  if (!table->unknown) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": a WordPiece vocabulary needs tokenizer.ggml.unknown_token_id"));
  }
  Normalization normalization;
  LINNET_ASSIGN_OR_RETURN(normalization.lowercase,
                          Vocabulary::FlagOr(file, "tokenizer.ggml.normalizer.lowercase", true));
  LINNET_ASSIGN_OR_RETURN(
      normalization.strip_accents,
      Vocabulary::FlagOr(file, "tokenizer.ggml.normalizer.strip_accents", normalization.lowercase));
  return std::make_unique<WordPiece>(std::move(table), separator, normalization);
}

}  // namespace linnet::tokenizer
