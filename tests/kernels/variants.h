#ifndef LINNET_TESTS_KERNELS_VARIANTS_H_
#define LINNET_TESTS_KERNELS_VARIANTS_H_

#include <gtest/gtest.h>

#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "runtime/kernels/kernel_table.h"
#include "tests/support/guarded_buffer.h"

namespace linnet::kernels {

using ::linnet::testing::GuardedBuffer;

inline constexpr uint32_t kSeed = 20260101;
enum class Values { kPlain, kExtreme };
inline constexpr Values kValues[] = {Values::kPlain, Values::kExtreme};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t Bits() { return engine_(); }
  float Float(Values values) {
    const float plain = static_cast<float>(static_cast<int32_t>(Bits()) >> 8) * 0x1p-22f;  // [-2, 2)
    if (values == Values::kPlain) return plain;
    switch (Bits() % 8) {
      case 0:
        return 0.0f;
      case 1:
        return -0.0f;
      case 2:
        return plain * 1e15f;
      case 3:
        return plain * 1e-30f;
      case 4:
        return plain * 1e-39f;  // denormal
      case 5:
        return 0x1p-126f;
      default:
        return plain;
    }
  }
  uint16_t Half(Values values) {
    const uint16_t bits = static_cast<uint16_t>(Bits());
    if (values == Values::kPlain) return static_cast<uint16_t>(bits & 0xBFFF);       // below 2 in magnitude
    return (bits & 0x7C00) == 0x7C00 ? static_cast<uint16_t>(bits & 0x83FF) : bits;  // finite, with denormals
  }
  int8_t Quant(Values values) {
    if (values == Values::kExtreme) return Bits() % 2 == 0 ? int8_t{-128} : int8_t{127};
    return static_cast<int8_t>(Bits());
  }

 private:
  std::mt19937 engine_;
};

// The sets under test; the scalar set is the oracle.
inline std::vector<const Variant*> Tested() {
  std::vector<const Variant*> tested;
  for (const Variant& variant : Variants()) {
    if (Supported(variant) && std::string(variant.name) != "scalar") tested.push_back(&variant);
  }
  return tested;
}

// Every operation of every set this CPU can run equals the scalar set bit for bit: random and extreme values,
// buffers that end at a guarded page.
class VariantsFixture : public ::testing::Test {
 protected:
  static const Ops& Oracle() { return Variants().data[0].ops; }

  static void SetUpTestSuite() {
    std::cout << "seed " << kSeed << "; variants executed: scalar";
    for (const Variant* variant : Tested()) std::cout << " " << variant->name;
    std::cout << "\nvariants not executed:";
    for (const Variant& variant : Variants()) {
      if (!Supported(variant)) std::cout << " " << variant.name;
    }
    std::cout << "\n";
  }

  // run(ops, y) fills y; both results must have the same bits.
  template <typename Run>
  void Compare(size_t n, const std::string& what, Run run) {
    GuardedBuffer<float> expected(n);
    Fill(expected);
    run(Oracle(), expected.data());
    for (const Variant* variant : Tested()) {
      GuardedBuffer<float> found(n);
      Fill(found);
      run(variant->ops, found.data());
      ASSERT_TRUE(found.Intact()) << variant->name << " wrote before the buffer: " << what;
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(std::memcmp(&found[i], &expected[i], sizeof(float)), 0)
            << variant->name << " " << what << " element " << i << ": " << found[i] << ", scalar "
            << expected[i];
      }
    }
  }

  static void Fill(GuardedBuffer<float>& buffer) {
    for (float& f : buffer.span()) f = -7.5f;
  }
  static void Fill(GuardedBuffer<float>& buffer, Random& random, Values values) {
    for (float& f : buffer.span()) f = random.Float(values);
  }
};

}  // namespace linnet::kernels

#endif  // LINNET_TESTS_KERNELS_VARIANTS_H_
