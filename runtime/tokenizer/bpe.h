#ifndef LINNET_RUNTIME_TOKENIZER_BPE_H_
#define LINNET_RUNTIME_TOKENIZER_BPE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tokenizer {

// Byte-level BPE (`tokenizer.ggml.model` gpt2): words of the named pre-tokenizer, whose bytes are joined by
// tokenizer.ggml.merges, earliest first. Errors: Tokenizer::Create's.
absl::StatusOr<std::unique_ptr<Tokenizer>> CreateBpe(const gguf::ModelFile& file);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_BPE_H_
