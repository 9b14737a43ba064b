#ifndef LINNET_TESTS_SUPPORT_TINY_FAMILIES_H_
#define LINNET_TESTS_SUPPORT_TINY_FAMILIES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/types.h"

namespace linnet::testing {

// A whole model of random weights of one architecture, written from the format's conventions (not from the
// runtime's table): norms and biases are random, shapes are odd where the family allows it.
struct TinyFamily {
  std::string name;  // of the case: "gemma3", "phi3-longrope"
  std::string architecture;
  uint32_t layers = 3;
  uint32_t dim = 64;
  uint32_t heads = 4;
  uint32_t kv_heads = 2;
  uint32_t head_dim = 16;  // dim / heads, or attention.key_length says it
  uint32_t ffn = 96;
  uint32_t context_tokens = 256;
  bool tied = true;
  std::map<std::string, uint32_t> uints;  // further keys, without "ARCHITECTURE."
  std::map<std::string, float> floats;
  std::map<std::string, std::string> strings;
  std::map<std::string, bool> bools;
  std::map<std::string, std::vector<bool>> bool_lists;
  std::vector<std::string> options;  // "window", "parallel", ...: what the name says

  bool Has(const std::string& option) const;
};

// Every case, each another feature.
std::vector<TinyFamily> TinyFamilies();
TinyFamily TinyFamilyNamed(const std::string& name);

struct TinyFamilyOptions {
  kernels::WeightType type = kernels::WeightType::kF32;
  uint64_t seed = 1;
};
std::string TinyFamilyBytes(const TinyFamily& family, const TinyFamilyOptions& options = {});

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_TINY_FAMILIES_H_
