#include "runtime/model/product_input.h"

#include "runtime/kernels/weight_types.h"

namespace linnet::model {

using kernels::Activation;
using kernels::kBlock;
using kernels::kBlock256;

void Forms::Add(kernels::WeightType type) {
  switch (kernels::InfoOf(type).activation) {
    case Activation::kFloats:
      floats = true;
      break;
    case Activation::kBlocksOf32:
      blocks = true;
      break;
    case Activation::kBlocksOf256:
      blocks256 = true;
      break;
  }
}

const void* ProductInput::For(kernels::WeightType type, size_t begin) const {
  switch (kernels::InfoOf(type).activation) {
    case Activation::kFloats:
      break;
    case Activation::kBlocksOf32:
      return blocks + begin / kBlock;
    case Activation::kBlocksOf256:
      return blocks256 + begin / kBlock256;
  }
  return floats + begin;
}

QuantizedInput::QuantizedInput(size_t max_values)
    : max_values_(max_values),
      blocks_(new kernels::ActBlock[max_values / kBlock]),
      blocks256_(new kernels::ActBlock256[max_values / kBlock256]) {}

void QuantizedInput::Make(const kernels::Ops& ops, Forms forms, const float* x, size_t begin, size_t end) {
  if (forms.blocks) ops.quantize(x + begin, blocks(begin), (end - begin) / kBlock);
  if (forms.blocks256) ops.quantize_256(x + begin, blocks256(begin), (end - begin) / kBlock256);
}

}  // namespace linnet::model
