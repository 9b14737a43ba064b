#ifndef LINNET_RUNTIME_TOKENIZER_UNIGRAM_H_
#define LINNET_RUNTIME_TOKENIZER_UNIGRAM_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tokenizer {

// SentencePiece unigram (`tokenizer.ggml.model` t5; T5, XLM-RoBERTa): the text is normalized by
// tokenizer.ggml.precompiled_charsmap, and of all ways to write it in tokens the one with the greatest sum of
// scores is taken. What no token covers is the unknown token, once a stretch, so texts do not always come
// back. Errors: Tokenizer::Create's.
absl::StatusOr<std::unique_ptr<Tokenizer>> CreateUnigram(const gguf::ModelFile& file);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_UNIGRAM_H_
