#ifndef LINNET_TESTS_GGUF_GGUF_BYTES_H_
#define LINNET_TESTS_GGUF_GGUF_BYTES_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/base/file_system.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_types.h"

namespace linnet::gguf {

// GGUF by hand, number by number: for files that no writer would make.
struct Bytes {
  std::string text;

  template <typename T>
  Bytes& Put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    text.append(raw, sizeof(T));
    return *this;
  }
  Bytes& U32(uint32_t v) { return Put(v); }
  Bytes& U64(uint64_t v) { return Put(v); }
  Bytes& Text(std::string_view v) {
    U64(v.size());
    text.append(v);
    return *this;
  }
  Bytes& Head(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    text += "GGUF";
    return U32(version).U64(tensors).U64(keys);
  }
  Bytes& Key(std::string_view name, ValueType type) { return Text(name).U32(static_cast<uint32_t>(type)); }
  Bytes& Array(ValueType element, uint64_t count) { return U32(static_cast<uint32_t>(element)).U64(count); }
  // A 1-dimensional tensor.
  Bytes& Tensor(std::string_view name, uint64_t n, uint32_t type, uint64_t offset) {
    return Text(name).U32(1).U64(n).U32(type).U64(offset);
  }
  Bytes& Pad(size_t alignment = 32) {
    text.resize((text.size() + alignment - 1) / alignment * alignment, '\0');
    return *this;
  }
  Bytes& Zeros(size_t n) {
    text.append(n, '\0');
    return *this;
  }
  absl::StatusOr<std::unique_ptr<GgufFile>> Parse() const {
    return GgufFile::Parse("bad.gguf", base::AsBytes(text));
  }
};

}  // namespace linnet::gguf

#endif  // LINNET_TESTS_GGUF_GGUF_BYTES_H_
