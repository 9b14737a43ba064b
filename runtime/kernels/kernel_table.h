#ifndef LINNET_RUNTIME_KERNELS_KERNEL_TABLE_H_
#define LINNET_RUNTIME_KERNELS_KERNEL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/kernels/ops.h"

namespace linnet::kernels {

struct Variant {
  const char* name;
  uint32_t required;  // CpuFeature bits
  Ops ops;
};

struct VariantList {
  const Variant* data;
  size_t size;
  const Variant* begin() const { return data; }
  const Variant* end() const { return data + size; }
};

// Every set built into this program for this architecture: "scalar" first, the best last. Constant.
VariantList Variants();

bool Supported(const Variant& variant);

// The last supported set, or the one that `forced` names; nullptr and a sentence in `error` when there is no
// set of that name (it lists those there are), when this CPU cannot run it, or when the set fails its
// self-test. Empty `forced`: choose.
const Variant* Select(std::string_view forced, std::string* error);

// Select with the environment's LINNET_KERNEL.
const Variant* SelectFromEnvironment(std::string* error);

// Runs every operation on fixed vectors and compares with the scalar set. Empty: equal; else the name of the
// first operation that differs.
std::string SelfTest(const Variant& variant);

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_KERNEL_TABLE_H_
