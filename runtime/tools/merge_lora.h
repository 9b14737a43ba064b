#ifndef LINNET_RUNTIME_TOOLS_MERGE_LORA_H_
#define LINNET_RUNTIME_TOOLS_MERGE_LORA_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/output_file.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct MergeLoraResult {
  size_t changed = 0;  // tensors
  size_t to_f16 = 0;   // of them, those that were quantized and are F16 now
  uint64_t bytes_before = 0, bytes_after = 0;
};

// Writes `model` with the adapter's changes added to its weights, in double: W + scale * B A. A changed
// tensor keeps its type when it is F32, F16 or BF16; a quantized one becomes F16, so that it is rounded once
// only (quantize the result again if it is too large). Errors: those of LoraAdapter::Load and WriteModel.
absl::StatusOr<MergeLoraResult> MergeLora(base::FileSystem& fs, const std::string& model,
                                          const std::string& adapter, const OutputFile& out, float scale,
                                          const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_MERGE_LORA_H_
