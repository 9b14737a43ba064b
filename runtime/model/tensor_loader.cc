#include "runtime/model/tensor_loader.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"
#include "runtime/quant/quant.h"

namespace linnet::model {

absl::StatusOr<const gguf::TensorInfo*> TensorLoader::Find(const std::string& name,
                                                           const std::vector<uint64_t>& shape) {
  if (!Has(name)) return absl::DataLossError(absl::StrCat(file_.path(), ": tensor ", name, " is missing"));
  // Refuses types that no kernel computes with: their bytes are fewer than `type` would make us read.
  LINNET_ASSIGN_OR_RETURN(const gguf::TensorInfo* tensor, file_.RequireTensor(name));
  used_.insert(name);
  std::vector<uint64_t> found = tensor->shape;
  while (found.size() > shape.size() && found.back() == 1) found.pop_back();
  while (found.size() < shape.size()) found.push_back(1);
  if (found != shape) {
    return absl::DataLossError(absl::StrCat(file_.path(), ": tensor ", name, " is [",
                                            absl::StrJoin(found, ", "), "], expected [",
                                            absl::StrJoin(shape, ", "), "]"));
  }
  // Who packs a file looks at its scales (runtime/pack/pack_writer.h): here it would page every tile in.
  if (tensor->tiled) return tensor;
  if (const auto block = quant::FindNonFinite(tensor->type, tensor->data)) {
    return absl::DataLossError(absl::StrCat(file_.path(), ": tensor ", name, ": block ", *block, " of type ",
                                            std::string(tensor->type_name),
                                            " has a scale that is infinite or not a number: damaged"));
  }
  return tensor;
}

absl::Status TensorLoader::LoadMatrix(const std::string& name, uint64_t rows, uint64_t cols, Matrix& out) {
  LINNET_ASSIGN_OR_RETURN(const gguf::TensorInfo* tensor, Find(name, {cols, rows}));
  out = {tensor->type, tensor->data.data(), rows, cols, quant::SizeBytes(tensor->type, cols), tensor->tiled};
  out.planes = tensor->planes;
  return absl::OkStatus();
}

absl::Status TensorLoader::LoadVector(const std::string& name, uint64_t n, std::vector<float>& out) {
  return LoadVector(name, std::vector<uint64_t>{n}, out);
}

absl::Status TensorLoader::LoadVector(const std::string& name, const std::vector<uint64_t>& shape,
                                      std::vector<float>& out) {
  LINNET_ASSIGN_OR_RETURN(const gguf::TensorInfo* tensor, Find(name, shape));
  std::vector<std::byte> unpacked;
  out = quant::Dequantize(tensor->type, pack::RowsOf(*tensor, unpacked));
  return absl::OkStatus();
}

absl::Status TensorLoader::LoadVectorIf(Part part, const std::string& name, uint64_t n,
                                        std::vector<float>& out) {
  return Wanted(name, part) ? LoadVector(name, n, out) : absl::OkStatus();
}

absl::Status TensorLoader::RefuseUnused(std::string_view family) const {
  for (const gguf::TensorInfo& tensor : file_.tensors()) {
    if (!used_.contains(tensor.name)) {
      return absl::UnimplementedError(absl::StrCat(file_.path(), ": tensor ", tensor.name,
                                                   " is not part of the supported family \"",
                                                   std::string(family), "\""));
    }
  }
  return absl::OkStatus();
}

uint64_t TensorLoader::Parameters() const {
  uint64_t sum = 0;
  for (const gguf::TensorInfo& tensor : file_.tensors()) {
    uint64_t elements = 1;
    for (const uint64_t n : tensor.shape) elements *= n;
    sum += elements;
  }
  return sum;
}

}  // namespace linnet::model
