#ifndef LINNET_RUNTIME_TOKENIZER_TABLES_BUILDER_H_
#define LINNET_RUNTIME_TOKENIZER_TABLES_BUILDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/tokenizer/tables.h"

namespace linnet::tokenizer {

// By tokenizer.ggml.model. NotFound without one, Unimplemented for one that is not known.
absl::StatusOr<Kind> KindOf(const gguf::ModelFile& file);

// The image of tables.h, of the metadata alone: the same bytes on every machine. DataLoss, naming the key:
// arrays of different lengths, a text that two tokens have, types that are none, scores that are not numbers,
// merges of texts that are no tokens. Missing types mean normal, missing scores 0. A token without text is
// there, but no text makes it.
absl::StatusOr<std::string> BuildTables(const gguf::ModelFile& file);

// The tables that the file brings (ModelFile::tokenizer_tables), where this program can use them, else those
// that BuildTables makes. Errors: those of BuildTables; DataLoss for tables that are damaged.
absl::StatusOr<Tables> LoadTables(const gguf::ModelFile& file);

// What the tables' header says of tables which the file brings: cheap. OK for those that LoadTables passes
// over. Errors: DataLoss.
absl::Status CheckTablesHeader(const gguf::ModelFile& file);
// That they are those of its metadata. OK as above. Errors: DataLoss; those of BuildTables.
absl::Status CheckTables(const gguf::ModelFile& file);

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_TABLES_BUILDER_H_
