#ifndef LINNET_RUNTIME_TOOLS_TENSOR_VALUES_H_
#define LINNET_RUNTIME_TOOLS_TENSOR_VALUES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/gguf/model_file.h"

namespace linnet::tools {

uint64_t ElementsOf(const gguf::TensorInfo& tensor);

// A tensor's values piece by piece, so that a file needs no memory of its size. Pieces of two tensors with as
// many elements have the same sizes, whatever their types.
class TensorValues {
 public:
  // `tensor` is supported, and outlives this.
  explicit TensorValues(const gguf::TensorInfo& tensor);
  // Empty at the end. Valid until the next call.
  std::span<const float> Next();

 private:
  const gguf::TensorInfo& tensor_;
  uint64_t left_;
  size_t at_ = 0;
  uint64_t next_row_ = 0;            // of a packed tensor
  std::vector<std::byte> unpacked_;  // rows before it that are not given yet
  std::vector<float> values_;
};

struct TensorStats {
  float least = 0, most = 0;  // of those that are finite
  double rms = 0;
  uint64_t not_finite = 0;
};
TensorStats StatsOf(const gguf::TensorInfo& tensor);  // which is supported

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_TENSOR_VALUES_H_
