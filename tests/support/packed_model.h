#ifndef LINNET_TESTS_SUPPORT_PACKED_MODEL_H_
#define LINNET_TESTS_SUPPORT_PACKED_MODEL_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "runtime/gguf/model_file.h"

namespace linnet::testing {

// The packed file of a GGUF's bytes; the test program ends if that fails.
std::string PackedBytes(const std::string& gguf_bytes);

// Bytes at a multiple of 64, as a mapping has them.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::string_view bytes);
  std::span<const std::byte> span() const { return {data_, size_}; }

 private:
  std::unique_ptr<std::byte[]> storage_;
  std::byte* data_;
  size_t size_;
};

// A model that was packed.
class PackedModel {
 public:
  explicit PackedModel(const std::string& gguf_bytes);
  const gguf::ModelFile& file() const { return *file_; }

 private:
  AlignedBytes bytes_;
  std::unique_ptr<gguf::ModelFile> file_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_PACKED_MODEL_H_
