#include "tests/support/packed_model.h"

#include <cstring>

#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/kernels/tiles.h"
#include "runtime/pack/pack_writer.h"
#include "runtime/pack/packed_file.h"
#include "tests/support/temp_dir.h"

namespace linnet::testing {

std::string PackedBytes(const std::string& gguf_bytes) {
  const TempDir dir(/*in_memory=*/true);
  base::FileSystem& fs = base::FileSystem::Real();
  LINNET_CHECK(fs.WriteFileAtomic(dir / "model.gguf", gguf_bytes).ok());
  LINNET_CHECK(pack::Pack(fs, dir / "model.gguf", dir / "model.linnet", {}).ok());
  auto bytes = fs.ReadFile(dir / "model.linnet", uint64_t{1} << 32);
  LINNET_CHECK(bytes.ok());
  return *std::move(bytes);
}

AlignedBytes::AlignedBytes(std::string_view bytes)
    : storage_(std::make_unique<std::byte[]>(bytes.size() + kernels::kTileAlign)), size_(bytes.size()) {
  const auto address = reinterpret_cast<uintptr_t>(storage_.get());
  data_ = storage_.get() + (kernels::kTileAlign - address % kernels::kTileAlign) % kernels::kTileAlign;
  std::memcpy(data_, bytes.data(), bytes.size());
}

PackedModel::PackedModel(const std::string& gguf_bytes) : bytes_(PackedBytes(gguf_bytes)) {
  auto packed = pack::ParsePacked("packed", bytes_.span());
  LINNET_CHECK(packed.ok());
  file_ = std::move(packed->model);
}

}  // namespace linnet::testing
