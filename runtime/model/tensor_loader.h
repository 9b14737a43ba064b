#ifndef LINNET_RUNTIME_MODEL_TENSOR_LOADER_H_
#define LINNET_RUNTIME_MODEL_TENSOR_LOADER_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"
#include "runtime/model/family.h"
#include "runtime/model/weights.h"

namespace linnet::model {

// Takes tensors out of a file by name and shape, and remembers which were taken. Errors name the tensor:
// DataLoss when it is missing, misshapen, or holds a scale (a value, of the float types) that is infinite or
// not a number; Unimplemented when kernels cannot compute with its type.
class TensorLoader {
 public:
  // `file` outlives it, and the matrices that it gives.
  explicit TensorLoader(const gguf::ModelFile& file) : file_(file) {}

  bool Has(std::string_view name) const { return file_.FindTensor(name) != nullptr; }
  // Whether to take it: as the family says, or as the file has it.
  bool Wanted(std::string_view name, Part part) const {
    return part == Part::kAlways || (part == Part::kMaybe && Has(name));
  }

  absl::Status LoadMatrix(const std::string& name, uint64_t rows, uint64_t cols, Matrix& out);
  absl::Status LoadVector(const std::string& name, uint64_t n, std::vector<float>& out);
  // A vector stored in any shape of these elements.
  absl::Status LoadVector(const std::string& name, const std::vector<uint64_t>& shape,
                          std::vector<float>& out);
  // Leaves `out` alone where the tensor is not Wanted.
  absl::Status LoadVectorIf(Part part, const std::string& name, uint64_t n, std::vector<float>& out);

  // Unimplemented: a tensor that nobody took. Leaving it out would compute something else.
  absl::Status RefuseUnused(std::string_view family) const;
  uint64_t Parameters() const;  // elements of all tensors

 private:
  absl::StatusOr<const gguf::TensorInfo*> Find(const std::string& name, const std::vector<uint64_t>& shape);

  const gguf::ModelFile& file_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_TENSOR_LOADER_H_
