#ifndef LINNET_RUNTIME_TOOLS_QUANTIZE_H_
#define LINNET_RUNTIME_TOOLS_QUANTIZE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/output_file.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct QuantizeOptions {
  std::string type;         // a kind of QuantizeRule
  std::string imatrix;      // file, or empty
  std::string output_type;  // of the output head (and of an embedding that is it); empty: the rule's
  // Tensors whose name contains the pattern ('*' stands for anything) get this type; the first that fits
  // counts, before the rule.
  std::vector<std::pair<std::string, std::string>> tensor_types;
  bool pure = false;              // every matrix the base type
  bool allow_requantize = false;  // from weights that have lost bits already
  bool dry_run = false;           // only say what would be done
  bool measure = false;           // QuantizedTensor::rmse
  int threads = 0;                // 0: choose
};

struct QuantizedTensor {
  std::string name;
  std::string_view from, to;  // ggml's names
  std::string_view wanted;    // what the rule asked for; another than `to` where rows are no whole blocks
  uint64_t elements = 0, bytes_before = 0, bytes_after = 0;
  std::optional<double> rmse, rms;  // of the error, of the values; where it was changed and measured
};

struct QuantizeResult {
  std::string kind;
  std::vector<QuantizedTensor> tensors;
  uint64_t parameters = 0;
  uint64_t bytes_before = 0, bytes_after = 0;  // of the files
  uint64_t tensor_bytes_before = 0, tensor_bytes_after = 0;
  size_t without_importance = 0;  // matrices of blocks that the importance matrix says nothing of
};

// Writes the model `in` with smaller weights. Tensors are changed a few rows at a time, the rest of the file
// is copied as it is. Errors: those of GgufFile::Open, QuantizeRule::Create, ImportanceMatrix and WriteModel;
// FailedPrecondition for a model that is quantized already; DataLoss, naming the tensor, for weights that are
// not finite.
absl::StatusOr<QuantizeResult> Quantize(base::FileSystem& fs, const std::string& in, const OutputFile& out,
                                        const QuantizeOptions& options, const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_QUANTIZE_H_
