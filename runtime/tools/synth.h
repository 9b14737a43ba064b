#ifndef LINNET_RUNTIME_TOOLS_SYNTH_H_
#define LINNET_RUNTIME_TOOLS_SYNTH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/output_file.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct SynthOptions {
  std::string shape;  // of KnownShapes
  std::string type;   // a kind of QuantizeRule
  uint64_t seed = 1;
  uint32_t layers = 0;      // 0: the shape's
  uint32_t vocabulary = 0;  // 0: the shape's
  bool dry_run = false;     // only say what would be made
  int threads = 0;          // 0: choose
};

struct SynthTensor {
  std::string name;
  std::vector<uint64_t> shape;
  std::string_view type;  // ggml's name
  uint64_t bytes = 0;
};

struct SynthResult {
  std::string_view shape, kind;
  uint64_t parameters = 0;  // elements of all tensors
  uint64_t bytes = 0;       // of the file
  std::vector<SynthTensor> tensors;
};

// Writes a model of a known shape with random weights, for measuring where the real file is not at hand: the
// work and the bytes are the same, the text has no meaning. Each matrix gets the type that Quantize would
// give it. Weights are normally distributed, such that activations stay near 1 through the layers; the same
// seed gives the same file on every machine and with any number of threads. A few rows are in memory at a
// time. Errors: InvalidArgument for a shape (listing those there are), a kind or a size that makes no sense;
// those of CheckOutput and WriteModel.
absl::StatusOr<SynthResult> Synth(base::FileSystem& fs, const OutputFile& out, const SynthOptions& options,
                                  const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_SYNTH_H_
