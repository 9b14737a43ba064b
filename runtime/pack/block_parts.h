#ifndef LINNET_RUNTIME_PACK_BLOCK_PARTS_H_
#define LINNET_RUNTIME_PACK_BLOCK_PARTS_H_

#include <cstdint>

#include "runtime/kernels/types.h"

namespace linnet::pack {

// What a block of any packed type consists of, taken apart; the type says which of it counts.
struct BlockParts {
  uint16_t halves[2] = {};  // d, then m or dmin
  int8_t scales[16] = {};   // of sub-blocks
  uint8_t mins[16] = {};
  uint8_t q[kernels::kBlock256] = {};  // the stored integers, in order of columns (Q8_0: their bytes)
};

BlockParts TakeApart(const kernels::BlockQ4_0& block);
BlockParts TakeApart(const kernels::BlockQ4_1& block);
BlockParts TakeApart(const kernels::BlockQ5_0& block);
BlockParts TakeApart(const kernels::BlockQ5_1& block);
BlockParts TakeApart(const kernels::BlockQ8_0& block);
BlockParts TakeApart(const kernels::BlockIQ4_NL& block);
BlockParts TakeApart(const kernels::BlockQ4_K& block);
BlockParts TakeApart(const kernels::BlockQ5_K& block);
BlockParts TakeApart(const kernels::BlockQ6_K& block);

// The inverse, byte for byte.
void PutTogether(const BlockParts& parts, kernels::BlockQ4_0& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ4_1& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ5_0& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ5_1& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ8_0& block);
void PutTogether(const BlockParts& parts, kernels::BlockIQ4_NL& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ4_K& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ5_K& block);
void PutTogether(const BlockParts& parts, kernels::BlockQ6_K& block);

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_BLOCK_PARTS_H_
