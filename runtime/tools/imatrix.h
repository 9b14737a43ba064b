#ifndef LINNET_RUNTIME_TOOLS_IMATRIX_H_
#define LINNET_RUNTIME_TOOLS_IMATRIX_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/output_file.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

// How much each input column of each weight matrix matters: the mean of its squared activations over a text.
// Quantizers weigh their errors by it.
struct ImportanceMatrix {
  struct Entry {
    std::vector<double> sums;  // [cols], of squares
    uint64_t count = 0;        // rows summed
  };
  std::map<std::string, Entry, std::less<>> entries;  // by tensor name
  std::string dataset;                                // name of the text
  uint32_t chunks = 0, chunk_tokens = 0;

  // [cols] means, all finite and not negative; empty when nothing is known of that tensor or of none of its
  // columns. FailedPrecondition when it has other columns than `cols`.
  absl::StatusOr<std::vector<float>> Of(std::string_view tensor, uint64_t cols) const;

  // As llama-imatrix stores it (general.type imatrix; NAME.in_sum2 and NAME.counts), and its older binary
  // format (.dat). DataLoss, naming what is wrong, for everything else, and for numbers that no sum of
  // squares can be.
  static absl::StatusOr<ImportanceMatrix> Read(base::FileSystem& fs, const std::string& path);
  absl::Status Write(base::FileSystem& fs, const OutputFile& output) const;
};

struct ImatrixOptions {
  uint32_t context_tokens = 512;
  uint32_t most_chunks = 0;  // 0: the whole text
  int threads = 0;           // 0: choose
};

// Runs `text` through the model in pieces of context_tokens, each from an empty context. Matrices that no
// token went through (the output head is one) have no entry. Errors: those of loading a model;
// InvalidArgument for a text without tokens.
absl::StatusOr<ImportanceMatrix> CollectImatrix(base::FileSystem& fs, const std::string& model,
                                                std::string_view text, const ImatrixOptions& options,
                                                const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_IMATRIX_H_
