#ifndef LINNET_TESTS_SUPPORT_TINY_TENSORS_H_
#define LINNET_TESTS_SUPPORT_TINY_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/gguf/gguf_writer.h"
#include "runtime/kernels/types.h"

namespace linnet::testing {

// splitmix64 (Steele, Lea, Flood 2014): the same numbers everywhere, unlike std distributions.
class TinyRandom {
 public:
  explicit TinyRandom(uint64_t seed) : state_(seed) {}
  // Uniform in [-1, 1).
  float Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return static_cast<float>(static_cast<double>(z >> 11) * 0x1p-52 - 1.0);
  }

 private:
  uint64_t state_;
};

// Adds tensors of random weights to a file.
class TinyTensors {
 public:
  // `writer` outlives it. type: of matrices; vectors are F32.
  TinyTensors(kernels::WeightType type, uint64_t seed, gguf::GgufWriter& writer)
      : type_(type), writer_(writer), random_(seed) {}

  // Of the matrices that follow.
  void SetType(kernels::WeightType type) { type_ = type; }
  // A matrix whose rows are not whole blocks of the type is F16, as llama-quantize does.
  void Matrix(const std::string& name, uint64_t cols, uint64_t rows);
  // Around 1.
  void Norm(const std::string& name, uint64_t n, float spread = 0.1F) { Vector(name, {n}, 1.0F, spread); }
  // Uniform in [middle - spread, middle + spread).
  void Vector(const std::string& name, std::vector<uint64_t> shape, float middle, float spread);

 private:
  kernels::WeightType type_;
  gguf::GgufWriter& writer_;
  TinyRandom random_;
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_SUPPORT_TINY_TENSORS_H_
