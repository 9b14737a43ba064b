#include "runtime/pack/pack_borders.h"

#include "runtime/base/status_macros.h"
#include "runtime/pack/packed_file.h"

namespace linnet::pack {

absl::StatusOr<std::vector<uint64_t>> BordersOf(base::FileSystem& fs, const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const PackedFile file, OpenPacked(fs, path));
  std::vector<uint64_t> borders = file.model->MetadataBorders();
  for (const gguf::TensorInfo& tensor : file.model->tensors()) borders.push_back(tensor.offset_bytes);
  return borders;
}

}  // namespace linnet::pack
