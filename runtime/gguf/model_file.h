#ifndef LINNET_RUNTIME_GGUF_MODEL_FILE_H_
#define LINNET_RUNTIME_GGUF_MODEL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/kernels/types.h"

namespace linnet::gguf {

// One tensor of a file. shape: [ne0, ne1, ...], ne0 (row length, contiguous) first, as GGUF stores it.
struct TensorInfo {
  std::string name;
  // What kernels can compute with. A file may hold types that no kernel knows (IQ2_XXS, I32, ...): they are
  // listed, `supported` is false, and `type` means nothing. Whoever computes takes ModelFile::RequireTensor,
  // which refuses them by name.
  kernels::WeightType type = kernels::WeightType::kF32;
  bool supported = false;
  uint32_t ggml_type = 0;           // the file's number
  std::string_view type_name;       // ggml's name of it: "Q4_K"
  std::vector<uint64_t> shape;      // 1 to 4 entries, each >= 1; shape[0] is a whole number of blocks
  std::span<const std::byte> data;  // exactly the tensor's bytes, inside the mapping
  // `data` is a packed matrix (runtime/kernels/tiles.h), 64-byte aligned; else rows, as GGUF has them. Never
  // in a GgufFile.
  bool tiled = false;
  bool planes = false;        // of those, in planes (runtime/kernels/planes.h)
  uint64_t offset_bytes = 0;  // of `data` in the file
};

// A metadata value as the file stores it: strings with their length, arrays with their head. For copying.
struct StoredValue {
  ValueType type;
  ValueType element;   // of an array
  uint64_t count = 0;  // of an array
  std::string bytes;
};

// What a model file says, whatever its container: metadata as GGUF has it, and tensors. Every view is inside
// the file, and valid for the object's life, as names are. Immutable, so thread-safe.
class ModelFile {
 public:
  // What another container (runtime/pack) has read and checked of itself.
  struct Parts {
    std::string path;
    std::shared_ptr<base::MappedFile> mapping;  // kept as long as the object; null: the bytes outlive it
    std::span<const std::byte> bytes;           // the whole file
    std::span<const std::byte> metadata;        // `key_count` keys with their values, encoded as GGUF does
    uint64_t key_count = 0;
    std::span<const std::byte> tokenizer_tables;  // may be empty
    std::vector<TensorInfo>
        tensors;  // name, shape, ggml_type, data, tiled, planes, offset_bytes; the rest is set here
  };
  // Errors: those of GgufFile::Open that concern metadata, types and names.
  static absl::StatusOr<std::unique_ptr<ModelFile>> FromParts(Parts parts);
  virtual ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  const std::string& path() const;
  uint64_t size_bytes() const;

  // Metadata. NotFound when the key is absent, InvalidArgument when its type does not fit; integers of every
  // GGUF width and signedness convert when the value fits, float64 narrows to float. The string views stay
  // valid for the object's life.
  bool Has(std::string_view key) const;
  absl::StatusOr<uint64_t> GetUint(std::string_view key) const;
  absl::StatusOr<int64_t> GetInt(std::string_view key) const;
  absl::StatusOr<float> GetFloat(std::string_view key) const;
  absl::StatusOr<bool> GetBool(std::string_view key) const;
  absl::StatusOr<std::string_view> GetString(std::string_view key) const;
  absl::StatusOr<std::vector<std::string_view>> GetStringArray(std::string_view key) const;
  absl::StatusOr<std::vector<float>> GetFloatArray(std::string_view key) const;
  absl::StatusOr<std::vector<int64_t>> GetIntArray(std::string_view key) const;
  absl::StatusOr<std::vector<bool>> GetBoolArray(std::string_view key) const;
  // Of int8 or uint8.
  absl::StatusOr<std::span<const std::byte>> GetByteArray(std::string_view key) const;
  // In file order.
  std::vector<std::string_view> Keys() const;
  // Where each key with its value begins in the file, in file order, where the last ends, and where the
  // tokenizer's tables begin.
  std::vector<uint64_t> MetadataBorders() const;
  absl::StatusOr<StoredValue> GetStored(std::string_view key) const;
  // For people: every key in file order with a short rendering of its value.
  std::vector<std::pair<std::string, std::string>> DescribeMetadata() const;

  // What runtime/tokenizer/tables.h keeps in a packed file, unchecked; empty where there is none.
  struct Tables {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;  // keeps them; null: they outlive the object
  };
  Tables tokenizer_tables() const;

  const std::vector<TensorInfo>& tensors() const;
  // nullptr when there is none of that name.
  const TensorInfo* FindTensor(std::string_view name) const;
  // Never nullptr, and `supported`. NotFound when there is none of that name; Unimplemented, naming the ggml
  // type, when kernels cannot compute with it.
  absl::StatusOr<const TensorInfo*> RequireTensor(std::string_view name) const;

 protected:
  struct Impl;
  explicit ModelFile(std::unique_ptr<Impl> impl);
  const Impl& impl() const { return *impl_; }

 private:
  friend class Reader;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace linnet::gguf

#endif  // LINNET_RUNTIME_GGUF_MODEL_FILE_H_
