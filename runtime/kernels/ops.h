#ifndef LINNET_RUNTIME_KERNELS_OPS_H_
#define LINNET_RUNTIME_KERNELS_OPS_H_

#include "runtime/kernels/types.h"

// The contract of every operation, once. The scalar version is the specification; each other set equals it
// bit for bit (runtime/NUMERICS.md has the order of every float step). For all of them: pointers need no
// alignment beyond what `float` and the block types state for `x` and `y`; weights (`w`) need none at all;
// nothing is read or written past the last element; y never overlaps an input unless "in place" is said; a
// size of zero touches nothing. Values are finite: with NaN or infinity the result is unspecified, but
// nothing else happens.
namespace linnet::kernels {

// y[t * y_stride + r] = dot(w[r], x[t]), for one weight type. y_stride >= rows.
// w: [rows, cols] of the type, row-major as GGUF stores it; cols is a whole number of its blocks.
// x: [tokens, cols] in the form that weight_types.h names for the type: floats (F32, F16, BF16: the 16-lane
// rule), ActBlock (types of 32-weight blocks: the block rule) or ActBlock256 (of 256).
using MatMulFn = void(const void* w, const void* x, float* y, size_t rows, size_t cols, size_t tokens,
                      size_t y_stride);

// The same product of a packed matrix: w: the tiles of [rows, cols] as tiles.h lays them out, 64-byte
// aligned, from a tile's border on; rows need not fill the last tile, and y is written for `rows` only. The
// bits are those of the type's MatMulFn.
using TileMatMulFn = MatMulFn;

// Puts the planes of `tiles` whole tiles together (planes.h): upper: the tiles of the upper halves, 64-byte
// aligned, lower: the lower halves of their rows. out: the tiles of type Q8_0 that hold the same weights,
// 64-byte aligned; every byte of them is written. Memory is asked for the tile that follows the last.
using JoinPlanesFn = void(const void* upper, const void* lower, void* out, size_t tiles, size_t cols);

// What the lower halves of some rows in planes add: sums[i] is that of row rows[i]. With d the scales of the
// row's blocks, l its lower halves (0 to 15), dx and q those of x, and s the exact sum of a block's l q:
//   product = sum of s * (d * dx), squares = sum of d * d
// in eight lanes: lane j sums blocks b = j mod 8 in ascending order by fma, then the tree 4, 2, 1.
// upper, lower: as JoinPlanes takes them, of the whole matrix; x: [cols / 32].
struct LowerSums {
  float product, squares;
};
using SumLowerFn = void(const void* upper, const void* lower, const uint32_t* rows, size_t count, size_t cols,
                        const ActBlock* x, LowerSums* sums);

// A kernel a type.
struct MatMulEntry {
  WeightType type;
  MatMulFn* run;
};

// By the type's id; null where there is no such type.
struct MatMulTable {
  MatMulFn* of[kWeightTypeIds];
  constexpr MatMulFn* operator[](WeightType type) const { return of[static_cast<size_t>(type)]; }
};

// y[b] = the quantization of the b-th block of x.
using QuantizeFn = void(const float* x, ActBlock* y, size_t blocks);
using Quantize256Fn = void(const float* x, ActBlock256* y, size_t blocks);

// y[i] = (x[i] * r) * weight[i], r = 1 / sqrt(sum16(x * x) / n + epsilon). y may be x.
using RmsNormFn = void(const float* x, const float* weight, float* y, size_t n, float epsilon);

// y[b] = the quantization of the b-th block of what RmsNorm or SwiGlu gives, without the floats. n is a whole
// number of blocks.
using RmsNormQuantizeFn = void(const float* x, const float* weight, ActBlock* y, size_t n, float epsilon);
using RmsNormQuantize256Fn = void(const float* x, const float* weight, ActBlock256* y, size_t n,
                                  float epsilon);
using SwiGluQuantizeFn = void(const float* gate, const float* up, ActBlock* y, size_t n);
using SwiGluQuantize256Fn = void(const float* gate, const float* up, ActBlock256* y, size_t n);

// The queries of some tokens that read the same KV head. Query i is the i % heads-th of token i / heads; it
// stands at q + i / heads * stride + i % heads * head_dim, and what it finds goes to the same place of `out`.
struct AttendArgs {
  KvType type = KvType::kF32;  // of keys and values
  const void* k = nullptr;     // rows of the type (types.h), up to the last that one of the queries sees
  const void* v = nullptr;     // the same
  const float* q = nullptr;    // but for kQ8, which takes q8
  // Where keys and values are kQ8: the queries, quantized, KvBlocks(head_dim) blocks each, one after the
  // other (query 0's first), zeros behind the last element. Else not read.
  const ActBlock* q8 = nullptr;
  float* out = nullptr;
  size_t begin = 0, end = 0;  // the queries that are wanted
  size_t heads = 1;           // at least 1
  size_t stride = 0, head_dim = 0;
  size_t positions = 0;  // token 0 sees those below it; 0 leaves its part of `out` as zeros
  size_t growth = 0;     // each token sees so many more than the one before
  size_t window = 0;     // each sees the last so many of its own; 0: all
  float scale = 1.0f;
  float cap = 0.0f;  // scores are cap * tanh(score / cap) where it is not 0 (Gemma 2, arXiv:2408.00118)
};

// Attention, softmax in tiles of 64 absolute positions. A query's bits do not depend on the others.
using AttendFn = void(const AttendArgs& args);

// y[i] = x[i] as an IEEE half, half to even; what is larger than the largest half becomes that.
using ToHalfFn = void(const float* x, uint16_t* y, size_t n);

// Rotates x: [heads, head_dim] in place; the first 2 * pairs elements of each head are rotated.
// cos_sin: [2, pairs], cosines first. Interleaved pairs (2i, 2i+1), as GGUF "llama" stores them; half pairs
// (i, i + pairs) as "qwen2" needs. Source: RoFormer (arXiv:2104.09864) eq. 34.
using RopeFn = void(float* x, const float* cos_sin, size_t heads, size_t head_dim, size_t pairs);

// y[i] = (gate[i] / (1 + exp(-gate[i]))) * up[i]. y may be gate or up.
using SwiGluFn = void(const float* gate, const float* up, float* y, size_t n);

// y[i] = y[i] + x[i].
using AddFn = void(float* y, const float* x, size_t n);

// y[i] = exp(x[i]); at most 2 ulp off for x in [-87, 88]; 0 below, exp(88) above. y may be x.
using ExpFn = void(const float* x, float* y, size_t n);

// y[i] = ((x[i] - mean) * r) * weight[i] + bias[i], mean = sum16(x) / n, r as in RmsNorm but of x - mean.
// bias may be null. y may be x.
using LayerNormFn = void(const float* x, const float* weight, const float* bias, float* y, size_t n,
                         float epsilon);

// GELU (arXiv:1606.08415): y = x / 2 * (1 + erf(x / sqrt 2)), or its tanh form,
// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). y may be x.
using GeluFn = void(const float* x, float* y, size_t n);

// y[i] = cap * tanh(y[i] / cap).
using SoftCapFn = void(float* y, float cap, size_t n);

// y[i] = y[i] * factor.
using ScaleFn = void(float* y, float factor, size_t n);

// y[i] = y[i] * x[i].
using MulFn = void(float* y, const float* x, size_t n);

// y[i] = fma(a[i], b[i], y[i]).
using MulAddFn = void(float* y, const float* a, const float* b, size_t n);

// One token of one head of Mamba-2 (arXiv:2405.21060): state[p] = state[p] * decay + (x[p] * step) * b, by
// fma; y[p] = dot16(state[p], c) + skip * x[p], by fma. state: [channels, n]; x, y: [channels]; b, c: [n].
using SsmStepFn = void(float* state, const float* x, const float* b, const float* c, float decay, float step,
                       float skip, float* y, size_t channels, size_t n);

// One complete set. Names say what is inside; tables are constants.
struct Ops {
  MatMulTable matmul;
  MatMulTable tile_matmul;  // null for types without a tile format
  QuantizeFn* quantize;
  Quantize256Fn* quantize_256;
  RmsNormFn* rms_norm;
  AttendFn* attend;
  RopeFn* rope_interleaved;
  RopeFn* rope_half;
  SwiGluFn* swiglu;
  AddFn* add;
  ExpFn* exp;
  LayerNormFn* layer_norm;
  GeluFn* gelu_tanh;
  GeluFn* gelu_erf;
  SoftCapFn* soft_cap;
  ScaleFn* scale;
  MulFn* mul;
  MulAddFn* mul_add;
  SsmStepFn* ssm_step;
  ToHalfFn* to_half;
  JoinPlanesFn* join_planes;
  SumLowerFn* sum_lower;
  RmsNormQuantizeFn* rms_norm_quantize;
  RmsNormQuantize256Fn* rms_norm_quantize_256;
  SwiGluQuantizeFn* swiglu_quantize;
  SwiGluQuantize256Fn* swiglu_quantize_256;
};

namespace scalar {
MatMulFn MatMulF32, MatMulF16, MatMulBF16;
MatMulFn MatMulQ4_0, MatMulQ4_1, MatMulQ5_0, MatMulQ5_1, MatMulQ8_0, MatMulIQ4_NL, MatMulMXFP4;
MatMulFn MatMulQ2_K, MatMulQ3_K, MatMulQ4_K, MatMulQ5_K, MatMulQ6_K, MatMulIQ4_XS, MatMulTQ1_0, MatMulTQ2_0;
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
QuantizeFn Quantize;
Quantize256Fn Quantize256;
RmsNormFn RmsNorm;
AttendFn Attend;
RopeFn RopeInterleaved, RopeHalf;
SwiGluFn SwiGlu;
AddFn Add;
ExpFn Exp;
LayerNormFn LayerNorm;
GeluFn GeluTanh, GeluErf;
SoftCapFn SoftCap;
ScaleFn Scale;
MulFn Mul;
MulAddFn MulAdd;
SsmStepFn SsmStep;
ToHalfFn ToHalf;
JoinPlanesFn JoinPlanes;
SumLowerFn SumLower;
RmsNormQuantizeFn RmsNormQuantize;
RmsNormQuantize256Fn RmsNormQuantize256;
SwiGluQuantizeFn SwiGluQuantize;
SwiGluQuantize256Fn SwiGluQuantize256;
}  // namespace scalar

namespace avx2 {
MatMulFn MatMulF32, MatMulF16, MatMulBF16;
MatMulFn MatMulQ4_0, MatMulQ4_1, MatMulQ5_0, MatMulQ5_1, MatMulQ8_0, MatMulIQ4_NL, MatMulMXFP4;
MatMulFn MatMulQ2_K, MatMulQ3_K, MatMulQ4_K, MatMulQ5_K, MatMulQ6_K, MatMulIQ4_XS, MatMulTQ2_0;
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
QuantizeFn Quantize;
Quantize256Fn Quantize256;
RmsNormFn RmsNorm;
AttendFn Attend;
RopeFn RopeInterleaved, RopeHalf;
SwiGluFn SwiGlu;
AddFn Add;
ExpFn Exp;
LayerNormFn LayerNorm;
GeluFn GeluTanh, GeluErf;
SoftCapFn SoftCap;
ScaleFn Scale;
MulFn Mul;
MulAddFn MulAdd;
SsmStepFn SsmStep;
ToHalfFn ToHalf;
JoinPlanesFn JoinPlanes;
SumLowerFn SumLower;
RmsNormQuantizeFn RmsNormQuantize;
RmsNormQuantize256Fn RmsNormQuantize256;
SwiGluQuantizeFn SwiGluQuantize;
SwiGluQuantize256Fn SwiGluQuantize256;
}  // namespace avx2

namespace avxvnni {
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
}  // namespace avxvnni

namespace avx512vnni {
MatMulFn MatMulF32, MatMulF16, MatMulBF16;
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
QuantizeFn Quantize;
Quantize256Fn Quantize256;
RmsNormFn RmsNorm;
SwiGluFn SwiGlu;
GeluFn GeluTanh;
MulFn Mul;
AddFn Add;
ExpFn Exp;
AttendFn Attend;
JoinPlanesFn JoinPlanes;
RmsNormQuantizeFn RmsNormQuantize;
RmsNormQuantize256Fn RmsNormQuantize256;
SwiGluQuantizeFn SwiGluQuantize;
SwiGluQuantize256Fn SwiGluQuantize256;
}  // namespace avx512vnni

namespace neon {
MatMulFn MatMulF32, MatMulF16, MatMulBF16;
MatMulFn MatMulQ4_0, MatMulQ4_1, MatMulQ5_0, MatMulQ5_1, MatMulQ8_0, MatMulIQ4_NL, MatMulMXFP4;
MatMulFn MatMulQ2_K, MatMulQ3_K, MatMulQ4_K, MatMulQ5_K, MatMulQ6_K, MatMulIQ4_XS, MatMulTQ2_0;
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
QuantizeFn Quantize;
Quantize256Fn Quantize256;
RmsNormFn RmsNorm;
AttendFn Attend;
RopeFn RopeInterleaved, RopeHalf;
SwiGluFn SwiGlu;
AddFn Add;
ExpFn Exp;
LayerNormFn LayerNorm;
GeluFn GeluTanh, GeluErf;
SoftCapFn SoftCap;
ScaleFn Scale;
MulFn Mul;
MulAddFn MulAdd;
SsmStepFn SsmStep;
ToHalfFn ToHalf;
JoinPlanesFn JoinPlanes;
SumLowerFn SumLower;
RmsNormQuantizeFn RmsNormQuantize;
RmsNormQuantize256Fn RmsNormQuantize256;
SwiGluQuantizeFn SwiGluQuantize;
SwiGluQuantize256Fn SwiGluQuantize256;
}  // namespace neon

namespace neon_dotprod {
AttendFn Attend;
MatMulFn MatMulQ4_0, MatMulQ4_1, MatMulQ5_0, MatMulQ5_1, MatMulQ8_0, MatMulIQ4_NL, MatMulMXFP4;
MatMulFn MatMulQ2_K, MatMulQ3_K, MatMulQ4_K, MatMulQ5_K, MatMulQ6_K, MatMulIQ4_XS, MatMulTQ2_0;
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
}  // namespace neon_dotprod

namespace neon_i8mm {
TileMatMulFn TilesQ4_0, TilesQ4_1, TilesQ5_0, TilesQ5_1, TilesQ8_0, TilesIQ4_NL;
TileMatMulFn TilesQ4_K, TilesQ5_K, TilesQ6_K;
}  // namespace neon_i8mm

}  // namespace linnet::kernels

#endif  // LINNET_RUNTIME_KERNELS_OPS_H_
