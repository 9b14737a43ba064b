#ifndef LINNET_RUNTIME_MODEL_PRODUCT_INPUT_H_
#define LINNET_RUNTIME_MODEL_PRODUCT_INPUT_H_

#include <cstddef>
#include <memory>

#include "runtime/kernels/ops.h"
#include "runtime/kernels/types.h"

namespace linnet::model {

// The forms of their input that some products take (kernels/weight_types.h).
struct Forms {
  bool floats = false, blocks = false, blocks256 = false;

  void Add(kernels::WeightType type);
  bool quantized() const { return blocks || blocks256; }
  // Values that are quantized together, or 1.
  size_t block() const { return blocks256 ? kernels::kBlock256 : blocks ? kernels::kBlock : 1; }
};

// A view of an input: [tokens, cols], in one or more forms.
struct ProductInput {
  const float* floats = nullptr;
  const kernels::ActBlock* blocks = nullptr;
  const kernels::ActBlock256* blocks256 = nullptr;

  // What a product with weights of the type takes, from value `begin` on.
  const void* For(kernels::WeightType type, size_t begin) const;
};

// Blocks of an input. Memory that is not needed is not touched.
class QuantizedInput {
 public:
  explicit QuantizedInput(size_t max_values);

  size_t max_values() const { return max_values_; }
  ProductInput With(const float* floats) const { return {floats, blocks_.get(), blocks256_.get()}; }
  // The blocks from value `begin` on.
  kernels::ActBlock* blocks(size_t begin) { return blocks_.get() + begin / kernels::kBlock; }
  kernels::ActBlock256* blocks256(size_t begin) { return blocks256_.get() + begin / kernels::kBlock256; }
  // Makes those of the values begin to end, whole blocks, of x, where `forms` has them.
  void Make(const kernels::Ops& ops, Forms forms, const float* x, size_t begin, size_t end);

 private:
  size_t max_values_;
  std::unique_ptr<kernels::ActBlock[]> blocks_;
  std::unique_ptr<kernels::ActBlock256[]> blocks256_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_PRODUCT_INPUT_H_
