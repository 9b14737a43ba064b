#include "runtime/kernels/cpu_features.h"

namespace linnet::kernels {

uint32_t CpuFeatures() {
  // The builtin also asks the operating system whether it saves the wide registers.
  __builtin_cpu_init();
  uint32_t features = kNone;
  if (__builtin_cpu_supports("avx2")) features |= kAvx2;
  if (__builtin_cpu_supports("fma")) features |= kFma;
  if (__builtin_cpu_supports("f16c")) features |= kF16c;
  if (__builtin_cpu_supports("avxvnni")) features |= kAvxVnni;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vnni")) {
    features |= kAvx512Vnni;
  }
  return features;
}

}  // namespace linnet::kernels
