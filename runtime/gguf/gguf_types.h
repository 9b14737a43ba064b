#ifndef LINNET_RUNTIME_GGUF_GGUF_TYPES_H_
#define LINNET_RUNTIME_GGUF_GGUF_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace linnet::gguf {

// Numbers of the GGUF specification (ggml docs/gguf.md, gguf_metadata_value_type).
enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};
inline constexpr uint32_t kValueTypeCount = 13;

// "uint32", "array", ...; "unknown type" for numbers outside the enumeration.
std::string_view ValueTypeName(ValueType type);
// Bytes of a value of fixed size; 0 for strings and arrays, whose size is in the file.
size_t FixedSizeBytes(ValueType type);

// One of ggml's tensor types: `block` elements of a row are stored in `block_bytes` bytes.
struct GgmlType {
  uint32_t id;
  std::string_view name;  // as ggml prints it: "F16", "Q4_K", ...
  uint32_t block;
  uint32_t block_bytes;
};

// nullptr for an id that ggml never had, has dropped (Q4_2, Q4_0_4_4), or gained after b10573.
const GgmlType* FindGgmlType(uint32_t id);
// By ggml's name, exactly.
const GgmlType* FindGgmlTypeByName(std::string_view name);

// Bytes of a tensor of that shape ([ne0, ne1, ...]), or nullopt when ne0 is no whole number of blocks, an
// entry is 0, or the size does not fit 63 bits.
std::optional<uint64_t> TensorSizeBytes(const GgmlType& type, std::span<const uint64_t> shape);

// A key or name as a message may show it: quoted, control bytes escaped, at most 64 bytes of it.
std::string Shown(std::string_view text);

}  // namespace linnet::gguf

#endif  // LINNET_RUNTIME_GGUF_GGUF_TYPES_H_
