#include "runtime/tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/spm.h"
#include "runtime/tokenizer/table_tokenizer.h"
#include "runtime/tokenizer/tables_builder.h"
#include "runtime/tokenizer/unigram.h"
#include "runtime/tokenizer/wordpiece.h"

namespace linnet::tokenizer {

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Create(const gguf::ModelFile& file) {
  LINNET_ASSIGN_OR_RETURN(const Kind kind, KindOf(file));
  switch (kind) {
    case Kind::kSpm:
      return CreateSpm(file);
    case Kind::kBpe:
      return CreateBpe(file);
    case Kind::kWordPiece:
      return CreateWordPiece(file);
    case Kind::kUnigram:
      return CreateUnigram(file);
  }
  return absl::InternalError("a kind of tokenizer without a case");
}

std::string Tokenizer::Decode(const std::vector<TokenId>& ids) const {
  std::string text;
  bool strip = strip_first_space_;
  for (const TokenId id : ids) {
    if (id < 0 || id >= vocabulary_size_) continue;
    std::string_view piece = Piece(id);
    if (strip && !piece.empty()) {
      if (piece.front() == ' ') piece.remove_prefix(1);
      strip = false;
    }
    text.append(piece);
  }
  return text;
}

bool Tokenizer::IsEnd(TokenId id) const {
  return std::binary_search(end_tokens_.begin(), end_tokens_.end(), id);
}

TableTokenizer::TableTokenizer(std::unique_ptr<const Vocabulary> vocabulary, bool add_bos, bool add_eos)
    : vocabulary_(std::move(vocabulary)), splitter_(*vocabulary_), add_bos_(add_bos), add_eos_(add_eos) {
  vocabulary_size_ = vocabulary_->size();
  bos_ = vocabulary_->bos;
  eos_ = vocabulary_->eos;
  end_tokens_ = vocabulary_->end_tokens;
}

std::string_view TableTokenizer::Piece(TokenId id) const {
  return id < 0 || id >= vocabulary_size_ ? std::string_view() : vocabulary_->piece(id);
}

std::string_view TableTokenizer::Text(TokenId id) const {
  return id < 0 || id >= vocabulary_size_ ? std::string_view() : vocabulary_->text(id);
}

bool TableTokenizer::IsControl(TokenId id) const {
  return id >= 0 && id < vocabulary_size_ && vocabulary_->type(id) == TokenType::kControl;
}

std::optional<TokenId> TableTokenizer::FindControl(std::string_view text) const {
  const auto id = vocabulary_->Find(text);
  return id && IsControl(*id) ? id : std::nullopt;
}

}  // namespace linnet::tokenizer
