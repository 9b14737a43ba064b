#include "runtime/tokenizer/spm.h"

#include <array>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"
#include "runtime/tokenizer/merge.h"
#include "runtime/tokenizer/table_tokenizer.h"

namespace linnet::tokenizer {
namespace {

// Bytes of a character by its first byte alone: what is not UTF-8 ends up as bytes anyway.
size_t CharacterSize(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

std::string ByteToken(size_t byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'};
}

class Spm final : public TableTokenizer {
 public:
  Spm(std::unique_ptr<const Vocabulary> table, bool add_bos, bool add_eos, bool space_prefix)
      : TableTokenizer(std::move(table), add_bos, add_eos), space_prefix_(space_prefix) {
    strip_first_space_ = space_prefix;
    for (size_t byte = 0; byte < bytes_.size(); ++byte) {
      auto id = vocabulary().Find(ByteToken(byte));
      if (!id || vocabulary().IsSpecial(*id)) id = vocabulary().Find(std::string(1, static_cast<char>(byte)));
      if (!id || vocabulary().IsSpecial(*id)) id = vocabulary().Fallback();
      bytes_[byte] = id;
    }
  }

  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    AppendBos(ids, options);
    bool after_special = true;  // so is the beginning
    for (const Fragment& fragment : splitter().Split(text, options.parse_special, options.trusted)) {
      if (fragment.token >= 0) {
        ids.push_back(fragment.token);
        after_special = true;
      } else {
        EncodeRaw(Escaped(fragment.text, space_prefix_ && after_special), ids);
        after_special = false;
      }
    }
    AppendEos(ids, options);
    return ids;
  }

 private:
  static std::string Escaped(std::string_view text, bool prefix) {
    std::string out(prefix ? kSpaceMark : "");
    out.reserve(out.size() + text.size() * 5 / 4);
    for (const char c : text) c == ' ' ? void(out.append(kSpaceMark)) : out.push_back(c);
    return out;
  }

  void EncodeRaw(std::string_view text, std::vector<TokenId>& ids) const {
    std::vector<Symbol> symbols;
    symbols.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const size_t size = std::min(CharacterSize(text[at]), text.size() - at);
      const size_t i = symbols.size();
      at += size;
      symbols.push_back({at - size, size, -1, i == 0 ? kNone : i - 1, at == text.size() ? kNone : i + 1});
    }
    MergeAll<float>(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merged<float>> {
      const size_t size = left.size + right.size;
      if (size > vocabulary().longest_text_bytes()) return std::nullopt;
      const auto id = vocabulary().Find(text.substr(left.begin, size));
      // Control tokens are never spelled out by user text.
      if (!id || vocabulary().IsSpecial(*id)) return std::nullopt;
      return Merged<float>{-vocabulary().score(*id), *id};
    });
    for (const Symbol& symbol : symbols) {
      if (symbol.size == 0) continue;
      const std::string_view part = text.substr(symbol.begin, symbol.size);
      const auto id = symbol.id >= 0 ? symbol.id : vocabulary().Find(part);
      if (id && !vocabulary().IsSpecial(*id)) {
        ids.push_back(*id);
        continue;
      }
      for (const char c : part) {
        if (const auto byte = bytes_[static_cast<uint8_t>(c)]) ids.push_back(*byte);
      }
    }
  }

  bool space_prefix_;
  std::array<std::optional<TokenId>, 256> bytes_;
};

// All bytes have tokens, or none has and the unknown token stands for them.
absl::Status CheckByteTokens(const gguf::ModelFile& file, const Vocabulary& table) {
  int missing = 0;
  int first = -1;
  for (int byte = 0; byte < 256; ++byte) {
    if (table.Find(ByteToken(static_cast<size_t>(byte)))) continue;
    if (first < 0) first = byte;
    ++missing;
  }
  if (missing == 0 || (missing == 256 && table.Fallback())) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "%s: tokenizer.ggml.tokens lacks %d of the 256 byte tokens, the first of them <0x%02X>%s", file.path(),
      missing, first, missing == 256 ? ", and there is no unknown token" : ""));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateSpm(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(Vocabulary loaded, Vocabulary::Load(file));
  auto table = std::make_unique<Vocabulary>(std::move(loaded));
  // SentencePiece's own ids, where the metadata is silent.
  const auto or_default = [&](std::optional<TokenId>& id, TokenId value, TokenType type) {
    if (!id && value < table->size() && table->type(value) == type) id = value;
  };
  or_default(table->unknown, 0, TokenType::kUnknown);
  or_default(table->bos, 1, TokenType::kControl);
  if (!table->eos) {
    or_default(table->eos, 2, TokenType::kControl);
    if (table->eos) table->AddEnd(*table->eos);
  }
  LINNET_RETURN_IF_ERROR(CheckByteTokens(file, *table));
  LINNET_RETURN_IF_ERROR(table->CheckAdded(file));
  LINNET_ASSIGN_OR_RETURN(const bool space_prefix,
                          Vocabulary::FlagOr(file, "tokenizer.ggml.add_space_prefix", true));
  const bool add_bos = table->add_bos.value_or(true);
  const bool add_eos = table->add_eos.value_or(false);
  return std::make_unique<Spm>(std::move(table), add_bos, add_eos, space_prefix);
}

}  // namespace linnet::tokenizer
