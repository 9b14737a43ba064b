#ifndef LINNET_RUNTIME_TOKENIZER_WORDPIECE_H_
#define LINNET_RUNTIME_TOKENIZER_WORDPIECE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tokenizer {

// WordPiece (`tokenizer.ggml.model` bert): lower case, accents off, words cut into the longest tokens from
// the left; a word that cannot be is unknown as a whole. Decode does not give the text back: case, accents
// and spaces are gone. Errors: Tokenizer::Create's.
absl::StatusOr<std::unique_ptr<Tokenizer>> CreateWordPiece(const gguf::ModelFile& file);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_WORDPIECE_H_
