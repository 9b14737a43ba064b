#ifndef LINNET_RUNTIME_KERNELS_CPU_FEATURES_H_
#define LINNET_RUNTIME_KERNELS_CPU_FEATURES_H_

#include <cstdint>

namespace linnet::kernels {

// What this CPU, and the operating system under us, can run. Bits of a mask.
enum CpuFeature : uint32_t {
  kNone = 0,
  kAvx2 = 1u << 0,
  kFma = 1u << 1,
  kF16c = 1u << 2,
  kNeon = 1u << 3,
  kDotProd = 1u << 4,
  kAvxVnni = 1u << 5,
  kAvx512Vnni = 1u << 6,  // and F, BW, VL, DQ
  kI8mm = 1u << 7,
};

uint32_t CpuFeatures();

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_CPU_FEATURES_H_
