#ifndef LINNET_RUNTIME_GGUF_GGUF_IMPL_H_
#define LINNET_RUNTIME_GGUF_GGUF_IMPL_H_

// Inside of ModelFile, shared by the .cc files here; nobody else includes it.

#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/gguf/model_file.h"

namespace linnet::gguf {

// A metadata value that was walked once, so that its bytes may be read again without checks.
struct Value {
  ValueType type;
  ValueType element;                 // of an array; nested arrays keep their own heads inside `bytes`
  uint64_t count;                    // of an array
  std::span<const std::byte> bytes;  // scalar: the value; string: its text; array: the elements as stored
};

struct ModelFile::Impl {
  std::shared_ptr<base::MappedFile> mapping;  // null for Parse, or Parts without one
  std::string path;
  std::span<const std::byte> bytes;
  uint32_t version = 0;  // GGUF's
  std::vector<std::pair<std::string_view, Value>> metadata;
  absl::flat_hash_map<std::string_view, size_t> keys;  // -> index in metadata
  std::span<const std::byte> tokenizer_tables;
  std::vector<TensorInfo> tensors;
  absl::flat_hash_map<std::string_view, size_t> names;  // -> index in tensors; views of TensorInfo::name
};

// GGUF is little-endian and so are all machines this is built for (checked in gguf_reader.cc).
template <typename T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

}  // namespace linnet::gguf

#endif  // LINNET_RUNTIME_GGUF_GGUF_IMPL_H_
