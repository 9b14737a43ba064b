#ifndef LINNET_RUNTIME_MODEL_HEAD_SCREEN_H_
#define LINNET_RUNTIME_MODEL_HEAD_SCREEN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/thread_pool.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/planes.h"
#include "runtime/model/head_use.h"
#include "runtime/model/linear.h"
#include "runtime/model/matrix.h"

namespace linnet::model {

// The highest logits of a head in planes (kernels/planes.h), exact, without reading all of it:
//
//   1. The product of the upper plane gives every row a bound that its logit cannot exceed.
//   2. The rows of the highest bounds, a few more than are wanted, are computed as the whole head would: of
//      as many of them as are wanted the lowest is a logit that the others have to reach.
//   3. Rows whose bound reaches it are candidates. With its lower half, a candidate's bound is as near as
//      float products are; those that still reach it are computed.
//
// So every row that is left out is below as many others as are wanted. That is a proof, not a guess: a bound
// holds for any activations (pack/planes.cc), and logits that are computed are the bits of the whole product
// (a row's product is that of its tile: NUMERICS.md). Where so many candidates are left that the whole
// product is cheaper, the caller is told to do that.
class HeadScreen {
 public:
  // Tokens that are screened together at most.
  static constexpr size_t kMostTokens = 8;
  // Of Wanted::highest.
  static constexpr uint32_t kMostHighest = 256;

  // `ops` and `pool` outlive it. `head`: in planes, or nothing is ever screened.
  HeadScreen(const kernels::Ops& ops, base::ThreadPool& pool, const Matrix& head);

  // Whether these tokens are worth a try: after one that needed the whole product, some are not (up to 64, as
  // often as that happens), for a product too many costs half of it more.
  bool Takes(std::span<const Wanted> wanted);
  // Takes said yes. x: [tokens, cols]; logits: [tokens, rows], every one times `factor`, which is above 0.
  // `linear` neither changes nor shows products of the head. False: the whole product is needed, and logits
  // hold nothing.
  bool Multiply(Linear& linear, const float* x, std::span<const Wanted> wanted, float factor, float* logits,
                HeadUse& use);

 private:
  // Of a token.
  struct Input {
    const kernels::ActBlock* blocks;
    const Wanted* wanted;
    float* logits;  // products of the upper plane, until all bounds are known
    float* bounds;  // [rows]
    float* tops;    // [tiles], the highest bounds of their rows
    float norm;     // of the activations, not below it
    float sum;      // of the activations
    float least;    // the logit that others have to reach
  };
  struct Row {
    uint32_t id;
    float value;  // a bound, then the logit; minus infinity: not among the highest
  };

  Input Begin(size_t token, const float* x, const Wanted& wanted, float* logits);
  // The only few ids that are allowed, in rows_; false when they are not few.
  bool TakeFew(const Wanted& wanted);
  void Bound(const Input& input, size_t begin, size_t end) const;
  void TakeHighest(const Input& input);
  bool TakeCandidates(const Input& input);
  void Compute(const Input& input, std::span<Row> rows) const;
  void Decide(const Input& input, std::span<Row> rows) const;
  void Answer(const Input& input) const;
  bool MultiplyAll(Linear& linear, const float* x, std::span<const Wanted> wanted, float* logits,
                   HeadUse& use);
  bool MultiplyOne(Input input, HeadUse& use);

  float Exact(const Input& input, uint32_t row) const;
  float CloseBound(const Input& input, uint32_t row, const kernels::LowerSums& lower) const;
  const kernels::PlaneRow* PlaneRows() const;

  const kernels::Ops& ops_;
  base::ThreadPool& pool_;
  const Matrix head_;
  Matrix upper_;  // the upper plane as a matrix of Q4_0
  float factor_ = 1.0f;
  uint32_t rest_ = 0;                      // tokens that are no try next
  uint32_t last_rest_ = 0;                 // how many it were the last time
  std::vector<kernels::ActBlock> blocks_;  // [tokens, cols / 32]
  std::vector<float> bounds_, tops_;       // [tokens, rows], [tokens, tiles]
  std::vector<Input> inputs_;
  std::vector<Row> highest_;  // computed: a heap while it is filled, the least bound first
  std::vector<Row> rows_;     // candidates
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_HEAD_SCREEN_H_
