#ifndef LINNET_RUNTIME_TOOLS_OUTPUT_FILE_H_
#define LINNET_RUNTIME_TOOLS_OUTPUT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_writer.h"

namespace linnet::tools {

// The file that a tool makes.
struct OutputFile {
  std::string path;
  bool replace = false;  // an existing file of that name
};

// To be called before long work. InvalidArgument: it is one of `inputs` under this or another name, or a
// folder; AlreadyExists: it is there and may not be replaced.
absl::Status CheckOutput(base::FileSystem& fs, const OutputFile& output,
                         const std::vector<std::string>& inputs);

// Writes and publishes it: after any error, and after a kill, what was there before is there. Errors: those
// of GgufWriter; ResourceExhausted, before anything is written, when the disk has too little space.
absl::Status WriteModel(base::FileSystem& fs, const gguf::GgufWriter& writer, const OutputFile& output);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_OUTPUT_FILE_H_
