#include "tests/support/tiny_tensors.h"

#include <cmath>
#include <utility>

#include "runtime/quant/quant.h"

namespace linnet::testing {

using kernels::WeightType;

void TinyTensors::Matrix(const std::string& name, uint64_t cols, uint64_t rows) {
  const WeightType type = cols % quant::BlockValues(type_) == 0 ? type_ : WeightType::kF16;
  // Keeps activations near 1 through the layers, so that logits differ clearly.
  const float scale = std::sqrt(3.0F / static_cast<float>(cols));
  std::vector<float> values(cols * rows);
  for (float& v : values) v = random_.Next() * scale;
  writer_.AddTensor(name, type, {cols, rows}, quant::Quantize(type, values));
}

void TinyTensors::Vector(const std::string& name, std::vector<uint64_t> shape, float middle, float spread) {
  uint64_t n = 1;
  for (const uint64_t length : shape) n *= length;
  std::vector<float> values(n);
  for (float& v : values) v = middle + spread * random_.Next();
  writer_.AddTensor(name, WeightType::kF32, std::move(shape), quant::Quantize(WeightType::kF32, values));
}

}  // namespace linnet::testing
