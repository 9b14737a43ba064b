#ifndef LINNET_RUNTIME_TOKENIZER_SPM_H_
#define LINNET_RUNTIME_TOKENIZER_SPM_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tokenizer {

// SentencePiece BPE (`tokenizer.ggml.model` llama): characters are joined into the token of the best score
// until none can be; what is no token becomes bytes ("<0x0A>"). Errors: Tokenizer::Create's.
absl::StatusOr<std::unique_ptr<Tokenizer>> CreateSpm(const gguf::ModelFile& file);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_SPM_H_
