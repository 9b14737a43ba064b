#ifndef LINNET_RUNTIME_TOKENIZER_VOCABULARY_H_
#define LINNET_RUNTIME_TOKENIZER_VOCABULARY_H_

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/tokenizer/tables.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tokenizer {

// The token table of a model, and what the metadata says about its tokens. Immutable after Load.
class Vocabulary : public Tables {
 public:
  // Errors: those of LoadTables (tables_builder.h); DataLoss for special ids outside the table, naming the
  // key.
  static absl::StatusOr<Vocabulary> Load(const gguf::ModelFile& file);

  // tokenizer.ggml.NAME_token_id; nullopt when it is absent or says "none" (-1). DataLoss outside the table.
  absl::StatusOr<std::optional<TokenId>> SpecialId(const gguf::ModelFile& file, const char* name) const;
  // A boolean key, or `value` where the file has none.
  static absl::StatusOr<bool> FlagOr(const gguf::ModelFile& file, const char* key, bool value);
  // DataLoss when the metadata asks for BOS or EOS around texts and says of none which token it is.
  absl::Status CheckAdded(const gguf::ModelFile& file) const;

  // What stands for bytes that no token covers: the unknown token, unless the file names a control token as
  // such (SmolLM2: <|endoftext|>), which text must not make. nullopt: they are dropped.
  std::optional<TokenId> Fallback() const {
    return unknown && type(*unknown) != TokenType::kControl ? unknown : std::nullopt;
  }

  // White space before or after the token, where it is written out in a text, goes with it.
  bool strips_left(TokenId id) const { return left_strip_ == id; }
  bool strips_right(TokenId id) const {
    return std::binary_search(right_strips_.begin(), right_strips_.end(), id);
  }
  bool any_strips() const { return left_strip_ || !right_strips_.empty(); }

  std::optional<TokenId> bos, eos, unknown;
  // As the metadata says; the tokenizer's kind decides otherwise.
  std::optional<bool> add_bos, add_eos;
  std::vector<TokenId> end_tokens;  // sorted; see AddEnd
  void AddEnd(TokenId id);

 private:
  explicit Vocabulary(Tables tables) : Tables(std::move(tables)) {}
  absl::Status LoadSpecialIds(const gguf::ModelFile& file);
  void AddTurnEnds();
  absl::Status LoadStrips(const gguf::ModelFile& file);

  std::optional<TokenId> left_strip_;
  std::vector<TokenId> right_strips_;  // ascending
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_VOCABULARY_H_
