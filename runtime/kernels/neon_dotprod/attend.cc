#include <arm_neon.h>

#include "runtime/kernels/attend_tiles.h"
#include "runtime/kernels/neon/attend_q8.h"
#include "runtime/kernels/ops.h"

// Only keys in 8 bits have products that are another instruction here.
namespace linnet::kernels::neon_dotprod {
namespace {

struct DotProducts {
  // Four sums that are together that of the 32 products.
  static int32x4_t Dot(neon::Bytes32 k, neon::Bytes32 q) {
    return vdotq_s32(vdotq_s32(vdupq_n_s32(0), k.low, q.low), k.high, q.high);
  }
};

struct Unit : neon::InBytes<DotProducts> {};

}  // namespace

void Attend(const AttendArgs& args) {
  if (args.type != KvType::kQ8) return neon::Attend(args);
  AttendBlocks<Unit, int8_t>(args);
}

}  // namespace linnet::kernels::neon_dotprod
