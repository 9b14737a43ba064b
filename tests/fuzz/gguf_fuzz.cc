// Any bytes as a GGUF file: refused, or every view is inside the file.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"

namespace {

using linnet::gguf::GgufFile;

// Touches every byte, so that a view outside the file is seen.
uint64_t Sum(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (const std::byte b : bytes) sum += std::to_integer<uint64_t>(b);
  return sum;
}

uint64_t Visit(const GgufFile& file) {
  uint64_t sum = 0;
  for (const auto& [key, shown] : file.DescribeMetadata()) {
    sum += shown.size();
    if (const auto v = file.GetUint(key); v.ok()) sum += *v;
    if (const auto v = file.GetInt(key); v.ok()) sum += static_cast<uint64_t>(*v);
    if (const auto v = file.GetFloat(key); v.ok()) sum += *v > 0 ? 1 : 0;
    if (const auto v = file.GetBool(key); v.ok()) sum += *v ? 1 : 0;
    if (const auto v = file.GetString(key); v.ok()) sum += Sum(linnet::base::AsBytes(*v));
    if (const auto v = file.GetFloatArray(key); v.ok()) sum += v->size();
    if (const auto v = file.GetIntArray(key); v.ok()) sum += v->size();
    if (const auto v = file.GetStringArray(key); v.ok()) {
      for (const std::string_view text : *v) sum += Sum(linnet::base::AsBytes(text));
    }
  }
  for (const auto& tensor : file.tensors()) {
    LINNET_CHECK(file.FindTensor(tensor.name) == &tensor);
    LINNET_CHECK(!tensor.data.empty() && !tensor.shape.empty() && tensor.shape.size() <= 4);
    LINNET_CHECK(file.RequireTensor(tensor.name).ok() == tensor.supported);
    sum += Sum(tensor.data);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = GgufFile::Parse("fuzz.gguf", std::as_bytes(std::span(data, size)));
  if (!file.ok()) {
    LINNET_CHECK(!file.status().message().empty());
    return 0;
  }
  volatile uint64_t sink = Visit(**file);
  static_cast<void>(sink);
  return 0;
}
