#ifndef LINNET_RUNTIME_TOOLS_DIFFERENCE_H_
#define LINNET_RUNTIME_TOOLS_DIFFERENCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/tools/perplexity.h"
#include "runtime/tools/progress.h"

namespace linnet::tools {

struct MetadataDifference {
  std::string key;
  std::optional<std::string> a, b;  // as people read them; absent: the file does not have the key
};

struct TensorDifference {
  std::string name;
  std::optional<std::string> a, b;  // "Q4_0 [64, 512]"; absent: the file does not have the tensor
  // Of the dequantized values, where both shapes are the same and both types can be read.
  struct Values {
    double most = 0;          // largest |a - b|
    double rms = 0;           // of a - b
    double rms_of_a = 0;      // to compare with
    uint64_t not_finite = 0;  // pairs that cannot be compared
  };
  std::optional<Values> values;
};

struct FileDifference {
  std::vector<MetadataDifference> metadata;  // keys whose values differ in any byte
  std::vector<TensorDifference> tensors;     // those that differ in shape, type or any byte
  uint64_t same_metadata = 0, same_tensors = 0;
  bool none() const { return metadata.empty() && tensors.empty(); }
};

FileDifference CompareFiles(const gguf::GgufFile& a, const gguf::GgufFile& b, const Progress& progress);

// What two models say after the same beginnings. P are a's probabilities, Q are b's, over the whole
// vocabulary.
struct TextDifference {
  PerplexityResult a, b;
  double kl_mean = 0, kl_standard_error = 0;  // of sum P log(P / Q), in nats
  double kl_median = 0, kl_99 = 0, kl_most = 0;
  double same_top = 0;  // share of positions where both have the same highest logit
};

// Windows and scored positions as in Perplexity. Errors: those of Perplexity; FailedPrecondition when the two
// tokenizers do not cut the text alike: then there is nothing to compare position by position.
absl::StatusOr<TextDifference> CompareOnText(base::FileSystem& fs, const std::string& a, const std::string& b,
                                             std::string_view text, const WindowOptions& options,
                                             const Progress& progress);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_DIFFERENCE_H_
