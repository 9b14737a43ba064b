#ifndef LINNET_TESTS_SUPPORT_LORA_ADAPTER_H_
#define LINNET_TESTS_SUPPORT_LORA_ADAPTER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gguf/gguf_file.h"

namespace linnet::testing {

struct AdapterContents {
  float alpha = 0;                                      // 0: the file has none
  std::vector<std::pair<std::string, size_t>> tensors;  // name of the model's tensor, rank
  uint64_t seed = 1;
};

// A LoRA adapter for `base` as llama.cpp's converter writes it. What a tensor gets depends on its name, rank
// and the seed alone.
std::string AdapterBytes(const AdapterContents& contents, const gguf::GgufFile& base);

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_LORA_ADAPTER_H_
