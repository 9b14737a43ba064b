#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "runtime/kernels/cpu_features.h"

namespace linnet::kernels {

uint32_t CpuFeatures() {
  const unsigned long caps = getauxval(AT_HWCAP);
  uint32_t features = kNone;
  if ((caps & HWCAP_ASIMD) != 0) features |= kNeon;
  if ((caps & HWCAP_ASIMDDP) != 0) features |= kDotProd;
  if ((getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0) features |= kI8mm;
  return features;
}

}  // namespace linnet::kernels
