#include "runtime/tokenizer/bpe.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/tokenizer/byte_names.h"
#include "runtime/tokenizer/merge.h"
#include "runtime/tokenizer/pretokenizer.h"
#include "runtime/tokenizer/table_tokenizer.h"

namespace linnet::tokenizer {
namespace {

// Token of each byte's name. Vocabularies lack bytes that their makers never saw (0xff, odd controls): -1,
// which is in no pair.
using ByteTokens = std::array<TokenId, 256>;

// DataLoss unless there is something for every byte of ordinary text.
absl::StatusOr<ByteTokens> LoadBytes(const gguf::ModelFile& file, const Vocabulary& vocabulary) {
  ByteTokens bytes;
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto id = vocabulary.Find(ByteNames()[byte]);
    bytes[byte] = id.value_or(-1);
    const bool ordinary = (byte >= 0x20 && byte < 0x7f) || byte == '\n';
    if (!id && ordinary && !vocabulary.Fallback()) {
      return absl::DataLossError(absl::StrFormat(
          "%s: tokenizer.ggml.tokens has no token for the byte 0x%02X (%s), and there is no unknown token",
          file.path(), byte, gguf::Shown(ByteNames()[byte])));
    }
  }
  return bytes;
}

class Bpe final : public TableTokenizer {
 public:
  Bpe(std::unique_ptr<const Vocabulary> table, Pretokenizer pretokenizer, const ByteTokens& bytes,
      bool add_bos, bool add_eos)
      : TableTokenizer(std::move(table), add_bos, add_eos),
        pretokenizer_(std::move(pretokenizer)),
        bytes_(bytes) {}

  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    AppendBos(ids, options);
    std::vector<Symbol> symbols;
    for (const Fragment& fragment : splitter().Split(text, options.parse_special, options.trusted)) {
      if (fragment.token >= 0) {
        ids.push_back(fragment.token);
        continue;
      }
      for (const std::string_view word : pretokenizer_.Split(fragment.text)) EncodeWord(word, symbols, ids);
    }
    AppendEos(ids, options);
    return ids;
  }

 private:
  // No text makes a special token, even where the merges would spell one out.
  bool IsToken(TokenId id) const { return id >= 0 && !vocabulary().IsSpecial(id); }

  // `symbols` is scratch space.
  void EncodeWord(std::string_view word, std::vector<Symbol>& symbols, std::vector<TokenId>& ids) const {
    if (pretokenizer_.ignore_merges()) {
      if (const auto id = FindWord(word)) {
        ids.push_back(*id);
        return;
      }
    }
    symbols.clear();
    for (size_t i = 0; i < word.size(); ++i) {
      const int32_t id = bytes_[static_cast<uint8_t>(word[i])];
      symbols.push_back({i, 1, id, i == 0 ? kNone : i - 1, i + 1 == word.size() ? kNone : i + 1});
    }
    MergeAll<int32_t>(symbols, [&](const Symbol& left, const Symbol& right) {
      const std::optional<Merge> merge = vocabulary().FindMerge(left.id, right.id);
      return merge ? std::optional(Merged<int32_t>{merge->rank, merge->id}) : std::nullopt;
    });
    for (const Symbol& symbol : symbols) {
      if (symbol.size == 0) continue;
      if (IsToken(symbol.id)) {
        ids.push_back(symbol.id);
        continue;
      }
      for (const char c : word.substr(symbol.begin, symbol.size)) {
        const int32_t byte = bytes_[static_cast<uint8_t>(c)];
        if (IsToken(byte)) {
          ids.push_back(byte);
        } else if (const auto fallback = vocabulary().Fallback()) {
          ids.push_back(*fallback);
        }
      }
    }
  }

  std::optional<TokenId> FindWord(std::string_view word) const {
    if (word.size() > vocabulary().longest_text_bytes()) return std::nullopt;
    std::string name;
    for (const char c : word) name += ByteNames()[static_cast<uint8_t>(c)];
    const auto id = vocabulary().Find(name);
    return id && !vocabulary().IsSpecial(*id) ? id : std::nullopt;
  }

  Pretokenizer pretokenizer_;
  ByteTokens bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateBpe(const gguf::ModelFile& file) {
  std::string_view pre = "default";
  if (file.Has("tokenizer.ggml.pre")) {
    LINNET_ASSIGN_OR_RETURN(pre, file.GetString("tokenizer.ggml.pre"));
  }
  auto pretokenizer = Pretokenizer::Create(pre);
  if (!pretokenizer.ok()) {
    return absl::Status(pretokenizer.status().code(),
                        absl::StrCat(file.path(), ": ", base::Message(pretokenizer.status())));
  }
  LINNET_ASSIGN_OR_RETURN(Vocabulary loaded, Vocabulary::Load(file));
  auto table = std::make_unique<Vocabulary>(std::move(loaded));
  LINNET_ASSIGN_OR_RETURN(const ByteTokens bytes, LoadBytes(file, *table));
  LINNET_RETURN_IF_ERROR(table->CheckAdded(file));
  const bool add_bos = table->add_bos.value_or(pretokenizer->add_bos());
  const bool add_eos = table->add_eos.value_or(false);
  return std::make_unique<Bpe>(std::move(table), *std::move(pretokenizer), bytes, add_bos, add_eos);
}

}  // namespace linnet::tokenizer
