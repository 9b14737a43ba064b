#ifndef LINNET_RUNTIME_TOOLS_PRUNE_H_
#define LINNET_RUNTIME_TOOLS_PRUNE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/tools/output_file.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct PruneOptions {
  std::vector<uint32_t> drop_layers;       // these, counted from 0
  uint32_t keep_layers = 0;                // or so many, those that change their input most; 0: all
  double ffn_percent = 0;                  // of the channels of every FFN to cut, those that matter least
  std::optional<std::string_view> corpus;  // cut the vocabulary to the scripts of this text
  std::string_view text;                   // what keep_layers and ffn_percent are measured on
  uint32_t context_tokens = 512;
  int threads = 0;  // 0: choose
};

struct PruneResult {
  uint32_t layers_before = 0, ffn_before = 0, vocabulary_before = 0;
  uint32_t layers_after = 0, ffn_after = 0, vocabulary_after = 0;
  std::vector<uint32_t> dropped_layers;
  // [layers], where measured: cosine of what goes into a layer and what leaves it, mean over the tokens.
  std::vector<double> similarity;
  std::vector<std::string> scripts;  // that the corpus needs
  uint64_t bytes_before = 0, bytes_after = 0;
  bool rounded_again = false;  // ffn_down is quantized, so its blocks were made anew
};

// Writes the model `in` without some of it.
//
// Layers: those whose output is most like their input (arXiv:2403.03853) add least. FFN channels: a channel
// matters by mean(a^2) * |w|^2, a its activation and w its column of ffn_down: the mean squared length of
// what it adds. Vocabulary: see VocabularyCut.
//
// Nothing is trained. Errors: those of loading a model and of WriteModel; InvalidArgument for layers that are
// not there, none or all of them, and a measurement without text; FailedPrecondition where a family's layers
// differ by their place, and dropping some would put others into the wrong one.
absl::StatusOr<PruneResult> Prune(base::FileSystem& fs, const std::string& in, const OutputFile& out,
                                  const PruneOptions& options, const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_PRUNE_H_
