#ifndef LINNET_RUNTIME_TOOLS_SYNTH_VOCABULARY_H_
#define LINNET_RUNTIME_TOOLS_SYNTH_VOCABULARY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/tools/known_shapes.h"

namespace linnet::tools {

// Sets the tokenizer's keys: `size` tokens of the family's kind, with its control tokens in their places.
// Every byte has a token; the rest are runs of letters, each made of a shorter one and a letter, so that the
// table of merges is as long as a real one's. InvalidArgument when `size` is too small for controls and
// bytes, or too large for the runs there are.
absl::Status SetVocabulary(const KnownVocabulary& vocabulary, uint32_t size, gguf::GgufWriter& writer);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_SYNTH_VOCABULARY_H_
