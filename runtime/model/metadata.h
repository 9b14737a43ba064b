#ifndef LINNET_RUNTIME_MODEL_METADATA_H_
#define LINNET_RUNTIME_MODEL_METADATA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/gguf/model_file.h"

namespace linnet::model {

// A family's keys, "ARCHITECTURE.KEY" in the file, read with their range. Every error names the file and the
// whole key: DataLoss when a key is missing or out of range, InvalidArgument when its type does not fit.
class Metadata {
 public:
  // `file` outlives it.
  Metadata(const gguf::ModelFile& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  bool Has(std::string_view key) const { return file_.Has(Name(key)); }
  std::string Name(std::string_view key) const { return prefix_ + std::string(key); }

  // 1 to `max`.
  absl::StatusOr<uint32_t> Uint(std::string_view key, uint64_t max) const;
  absl::StatusOr<uint32_t> UintOr(std::string_view key, uint64_t max, uint32_t otherwise) const;
  // One value for all layers, or a list of one for each; 0 to `max`. Empty when the key is absent.
  absl::StatusOr<std::vector<uint32_t>> PerLayer(std::string_view key, uint64_t max, uint32_t layers) const;
  // `low` to `high`.
  absl::StatusOr<float> Float(std::string_view key, float low, float high) const;
  absl::StatusOr<float> FloatOr(std::string_view key, float low, float high, float otherwise) const;
  absl::StatusOr<std::string> StringOr(std::string_view key, std::string_view otherwise) const;
  absl::StatusOr<bool> BoolOr(std::string_view key, bool otherwise) const;

  absl::Status Missing(std::string_view key) const;
  absl::Status Wrong(std::string_view key, std::string_view found_and_expected) const;
  absl::Status Unsupported(std::string_view key, std::string_view what) const;
  // Unimplemented when the key is there and says something else than false, 0 or an empty list.
  absl::Status Refuse(std::string_view key) const;

 private:
  const gguf::ModelFile& file_;
  const std::string prefix_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_METADATA_H_
