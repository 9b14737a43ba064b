#ifndef LINNET_RUNTIME_TOOLS_VOCABULARY_CUT_H_
#define LINNET_RUNTIME_TOOLS_VOCABULARY_CUT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::tools {

// A vocabulary without the tokens of writing systems that nobody will use.
//
// What stays: control, user-defined, byte and unknown tokens, whatever a key names by its id, the 256 single
// bytes of a byte-level vocabulary, and every token that can be part of a text in the scripts of the corpus.
// Parts of such a token are parts of such a text too, so every merge on the way to it stays: a text in those
// scripts has the same tokens as before, under new ids. Any other text still goes there and back through
// bytes, where the vocabulary has them.
struct VocabularyCut {
  std::vector<int32_t> kept;         // old ids, ascending; the index is the new id
  std::vector<int32_t> new_ids;      // by old id; -1: cut
  std::vector<std::string> scripts;  // names
};

// DataLoss for tables that contradict each other.
absl::StatusOr<VocabularyCut> CutVocabulary(const gguf::GgufFile& file, const tokenizer::Tokenizer& tokenizer,
                                            std::string_view corpus);

// Rewrites the tokenizer's tables, merges, and every key that is a token's id. `writer` holds the metadata of
// `file`.
absl::Status ApplyVocabularyCut(const gguf::GgufFile& file, const VocabularyCut& cut,
                                gguf::GgufWriter& writer);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_VOCABULARY_CUT_H_
