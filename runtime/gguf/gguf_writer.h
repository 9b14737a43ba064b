#ifndef LINNET_RUNTIME_GGUF_GGUF_WRITER_H_
#define LINNET_RUNTIME_GGUF_GGUF_WRITER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/gguf/model_file.h"
#include "runtime/kernels/types.h"

namespace linnet::gguf {

// Builds a GGUF file: metadata and tensors in the order in which they were added. Not thread-safe.
//
//   GgufWriter writer;
//   writer.SetString("general.architecture", "llama");
//   writer.SetStringArray("tokenizer.ggml.tokens", tokens);
//   writer.AddTensor("output_norm.weight", kernels::WeightType::kF32, {64}, bytes);
//   LINNET_RETURN_IF_ERROR(writer.WriteTo(fs, path));
class GgufWriter {
 public:
  // version: 2 or 3; both have the same layout.
  explicit GgufWriter(uint32_t version = 3) : version_(version) {}

  // Setting a key again replaces its value.
  void SetUint8(std::string_view key, uint8_t value);
  void SetInt8(std::string_view key, int8_t value);
  void SetUint16(std::string_view key, uint16_t value);
  void SetInt16(std::string_view key, int16_t value);
  void SetUint32(std::string_view key, uint32_t value);
  void SetInt32(std::string_view key, int32_t value);
  void SetUint64(std::string_view key, uint64_t value);
  void SetInt64(std::string_view key, int64_t value);
  void SetFloat32(std::string_view key, float value);
  void SetFloat64(std::string_view key, double value);
  void SetBool(std::string_view key, bool value);
  void SetString(std::string_view key, std::string_view value);
  void SetStringArray(std::string_view key, const std::vector<std::string>& values);
  void SetInt32Array(std::string_view key, const std::vector<int32_t>& values);
  void SetUint32Array(std::string_view key, const std::vector<uint32_t>& values);
  void SetFloat32Array(std::string_view key, const std::vector<float>& values);
  void SetBoolArray(std::string_view key, const std::vector<bool>& values);
  // The bytes of a value of that type, as GGUF stores it (arrays: with their head). Nothing is checked: for
  // types without a method above, and for tests that want a bad file.
  void SetRaw(std::string_view key, ValueType type, std::string bytes);

  // Every key of `from`, in its order, and its alignment.
  void CopyMetadata(const ModelFile& from);
  // Nothing happens when there is none.
  void RemoveKey(std::string_view key);

  // Also sets general.alignment. Default 32. A power of two from 8.
  void SetAlignment(uint32_t alignment);

  // shape: [ne0, ne1, ...]. `bytes` are kept by the writer.
  void AddTensor(std::string name, kernels::WeightType type, std::vector<uint64_t> shape, std::string bytes);
  // The same of any ggml type; `bytes` are borrowed until the last call of Serialize or WriteTo.
  void AddTensorView(std::string name, uint32_t ggml_type, std::vector<uint64_t> shape,
                     std::span<const std::byte> bytes);

  // Takes the next part of a tensor's bytes, in order.
  using Sink = std::function<absl::Status(std::span<const std::byte>)>;
  // The same, made when the file is written, part by part, so that no whole tensor need be in memory. Parts
  // that are more or fewer than the shape needs are an error of Serialize and WriteTo.
  using Produce = std::function<absl::Status(const Sink&)>;
  void AddTensorProduced(std::string name, uint32_t ggml_type, std::vector<uint64_t> shape, Produce produce);

  // Bytes of the file that Serialize and WriteTo make. Errors: theirs.
  absl::StatusOr<uint64_t> SizeBytes() const;
  // The whole file. InvalidArgument, naming the tensor: a name that is taken, empty or longer than 64 bytes,
  // an unknown type, a shape that does not fit the type, bytes that do not fit the shape.
  absl::StatusOr<std::string> Serialize() const;
  // The same, tensor by tensor into a new file; an old one of that name is replaced. Errors also of
  // FileSystem.
  absl::Status WriteTo(base::FileSystem& fs, const std::string& path) const;
  // The same into a file that is empty; neither synced nor published.
  absl::Status WriteTo(base::WritableFile& file) const;

 private:
  struct Entry {
    std::string key;
    ValueType type;
    std::string bytes;
  };
  struct Tensor {
    std::string name;
    uint32_t ggml_type;
    std::vector<uint64_t> shape;
    std::unique_ptr<std::string> owned;
    std::span<const std::byte> bytes;
    Produce produce;  // instead of bytes
  };
  static std::optional<uint64_t> SizeOf(const Tensor& tensor);
  // Everything before the tensor data, padded; offsets: of each tensor, from there.
  absl::StatusOr<std::string> Head(std::vector<uint64_t>& offsets) const;
  // Every byte of the file, in order.
  absl::Status Write(
      const std::function<absl::Status(uint64_t offset, std::span<const std::byte>)>& put) const;

  uint32_t version_;
  uint32_t alignment_ = 32;
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> keys_;
  std::vector<Tensor> tensors_;
};

}  // namespace linnet::gguf

#endif  // LINNET_RUNTIME_GGUF_GGUF_WRITER_H_
