#ifndef LINNET_RUNTIME_TOKENIZER_TABLE_TOKENIZER_H_
#define LINNET_RUNTIME_TOKENIZER_TABLE_TOKENIZER_H_

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/tokenizer/special_splitter.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/vocabulary.h"

namespace linnet::tokenizer {

// What tokenizers with a vocabulary table share: texts, pieces, control tokens, BOS and EOS.
class TableTokenizer : public Tokenizer {
 public:
  std::string_view Piece(TokenId id) const override;
  std::string_view Text(TokenId id) const override;
  bool IsControl(TokenId id) const override;
  std::optional<TokenId> FindControl(std::string_view text) const override;

 protected:
  // add_bos, add_eos: after metadata and the kind's default were weighed.
  TableTokenizer(std::unique_ptr<const Vocabulary> vocabulary, bool add_bos, bool add_eos);

  const Vocabulary& vocabulary() const { return *vocabulary_; }
  const SpecialSplitter& splitter() const { return splitter_; }
  void AppendBos(std::vector<TokenId>& ids, const EncodeOptions& options) const {
    if (options.add_special && add_bos_ && bos_) ids.push_back(*bos_);
  }
  void AppendEos(std::vector<TokenId>& ids, const EncodeOptions& options) const {
    if (options.add_special && add_eos_ && eos_) ids.push_back(*eos_);
  }

 private:
  std::unique_ptr<const Vocabulary> vocabulary_;
  SpecialSplitter splitter_;
  bool add_bos_, add_eos_;
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_TABLE_TOKENIZER_H_
