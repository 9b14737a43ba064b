#ifndef LINNET_RUNTIME_TOKENIZER_TOKENIZER_H_
#define LINNET_RUNTIME_TOKENIZER_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"

namespace linnet::tokenizer {

using TokenId = int32_t;

// Bytes [begin, end) of a text.
struct TextRange {
  size_t begin, end;
};

struct EncodeOptions {
  // Add BOS (and EOS) where the model's metadata asks for them.
  bool add_special = true;
  // Recognise control tokens written in the text ("<|im_start|>"). Only for text that the program wrote (a
  // rendered chat template); never for user text, which could otherwise forge turns.
  bool parse_special = false;
  // With parse_special: only control tokens that lie wholly in one of these, ascending and disjoint, count;
  // the rest of the text is encoded as if it had none. Null: all count. For a prompt whose template wrote
  // some bytes and whose messages brought the others.
  const std::vector<TextRange>* trusted = nullptr;
};

// Text <-> ids as the model's GGUF metadata defines it: `tokenizer.ggml.model` llama (SPM), gpt2
// (byte-level BPE with a named pre-tokenizer), bert (WordPiece) or t5 (unigram). Immutable after Create, so
// thread-safe. Create: Unimplemented names an unknown model or pre-tokenizer; DataLoss for tables that
// contradict each other. The file may go away; of a packed one the mapping is kept, whose tables are used as
// they lie.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(const gguf::ModelFile& file);

  // Never fails: bytes that are not UTF-8 are encoded by byte tokens or, where the vocabulary has none, as
  // unknown.
  virtual std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const = 0;
  // The bytes that this token adds to a text; empty for control tokens. Pieces may split a UTF-8 sequence:
  // see Utf8Stream. For SPM "▁" is a space; the first-token space prefix is Decode's business.
  virtual std::string_view Piece(TokenId id) const = 0;
  // Its entry in the vocabulary's table, as templates write control tokens; empty outside the table.
  virtual std::string_view Text(TokenId id) const = 0;
  virtual bool IsControl(TokenId id) const = 0;

  // The text of a whole sequence; control tokens vanish.
  std::string Decode(const std::vector<TokenId>& ids) const;
  // Ids that end a generation: eos, eot, and turn ends that the metadata names.
  const std::vector<TokenId>& end_tokens() const { return end_tokens_; }
  bool IsEnd(TokenId id) const;
  int32_t vocabulary_size() const { return vocabulary_size_; }
  std::optional<TokenId> bos() const { return bos_; }
  std::optional<TokenId> eos() const { return eos_; }
  // Id of a control token by its exact text.
  virtual std::optional<TokenId> FindControl(std::string_view text) const = 0;

 protected:
  int32_t vocabulary_size_ = 0;
  std::optional<TokenId> bos_, eos_;
  std::vector<TokenId> end_tokens_;
  bool strip_first_space_ = false;  // SPM with a space prefix
};

// Turns pieces into whole UTF-8: holds back an incomplete sequence until it is complete; invalid bytes become
// U+FFFD.
class Utf8Stream {
 public:
  // Returns what may be shown now, or adds it to `shown`, which takes no memory where that has room.
  std::string Push(std::string_view piece);
  void Push(std::string_view piece, std::string& shown);
  // Returns the rest: U+FFFD if something incomplete was held.
  std::string Finish();

 private:
  std::string held_;
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_TOKENIZER_H_
