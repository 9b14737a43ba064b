#ifndef LINNET_TESTS_STORAGE_SHAPED_MODEL_H_
#define LINNET_TESTS_STORAGE_SHAPED_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace linnet::testing {

// What a release says otherwise than the first.
struct ShapedChanges {
  std::map<std::string, uint32_t> tensors;  // name -> which other bytes it has
  uint32_t head_type = 8;                   // ggml type of token_embd.weight: Q8_0; or Q4_0 (2)
  std::string chat_template = "{{ messages }}";
  std::string name = "shaped";
};

// A model of SmolLM2-135M's shape: its tensors and its 30 layers in the order of its file, a third of its
// width, a twelfth of its vocabulary; 13 MiB, too wide in nothing to be of this shape. Random weights. The
// same changes give the same bytes.
class ShapedModel {
 public:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type;
    uint64_t bytes;
  };
  static std::vector<Tensor> Tensors(uint32_t head_type = 8);
  // Writes it packed.
  static void Write(const std::string& path, const ShapedChanges& changes);
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_STORAGE_SHAPED_MODEL_H_
