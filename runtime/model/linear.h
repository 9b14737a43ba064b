#ifndef LINNET_RUNTIME_MODEL_LINEAR_H_
#define LINNET_RUNTIME_MODEL_LINEAR_H_

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include "runtime/base/thread_pool.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/types.h"
#include "runtime/model/lora.h"
#include "runtime/model/observer.h"
#include "runtime/model/product_input.h"
#include "runtime/model/progress.h"
#include "runtime/model/weights.h"

namespace linnet::model {

// Products of one input with one or more matrices, shared out by output rows.
class Linear {
 public:
  // `ops` and `pool` outlive it; inputs have at most `max_values` elements in all, and `max_tokens` rows.
  Linear(const kernels::Ops& ops, base::ThreadPool& pool, size_t max_values, size_t max_tokens);

  struct Output {
    const Matrix& matrix;
    float* y;  // [tokens, matrix.rows]
  };
  using Outputs = std::initializer_list<Output>;

  // The forms that an input of these matrices must have: floats too where somebody sees or changes products.
  Forms FormsOf(std::initializer_list<const Matrix*> matrices) const;
  // x: [tokens, cols], in the forms that these products take. Valid until it is called again.
  ProductInput Prepare(const float* x, size_t tokens, Outputs outputs);

  // y[t] = matrix * x[t]. x: [tokens, cols], the same cols for all. The matrices may be of different types:
  // each sees x in the form that its type takes.
  void Multiply(const ProductInput& x, size_t tokens, Outputs outputs);
  void Multiply(const float* x, size_t tokens, Outputs outputs) {
    Multiply(Prepare(x, tokens, outputs), tokens, outputs);
  }
  // The same, and then finish(begin, end) once for all rows, in pieces, each in the thread that has just
  // computed these rows of all outputs for all tokens: so the next step needs no barrier of its own. The
  // outputs have the same number of rows.
  template <typename Finish>
  void MultiplyThen(const ProductInput& x, size_t tokens, Outputs outputs, const Finish& finish) {
    const size_t rows = outputs.begin()->matrix.rows;
    // An adapter's part is added after the products, and rows that begin inside a tile are no pieces of it.
    if (adapter_ != nullptr || !BeginWithTiles(outputs)) {
      Multiply(x, tokens, outputs);
      pool_.Run(rows, kRowStep, finish);
      return;
    }
    Observe(x, tokens, outputs);
    Share(rows, StepOf(tokens), IsSmall(tokens, outputs), Order::kStretches, [&](size_t begin, size_t end) {
      for (const Output& output : outputs) Part(output, begin, end, x, 0, tokens);
      finish(begin, end);
    });
  }
  template <typename Finish>
  void MultiplyThen(const float* x, size_t tokens, Outputs outputs, const Finish& finish) {
    MultiplyThen(Prepare(x, tokens, outputs), tokens, outputs, finish);
  }
  // The same, and then finish(begin, end) once for all tokens, in groups, each in the thread that computed
  // the last of these tokens' rows. The last rows are shared out by groups of tokens, so that groups become
  // whole one after the other, and threads finish some while others compute.
  template <typename Finish>
  void MultiplyThenTokens(const ProductInput& x, size_t tokens, Outputs outputs, const Finish& finish) {
    const size_t rows = Places(outputs);
    if (adapter_ != nullptr) {
      Multiply(x, tokens, outputs);
      Share(tokens, kRowStep, IsSmall(tokens, outputs), Order::kOneAfterTheOther, finish);
      return;
    }
    Observe(x, tokens, outputs);
    // As many groups as there are pieces of rows left for them: all pieces are the same work. The last group
    // takes the tokens that are left.
    const size_t groups =
        std::clamp<size_t>(tokens / kTokenGroup, 1, std::max<size_t>(1, rows / kRowStep / 2));
    const size_t tail = groups * kRowStep, bulk = rows - tail;
    const auto last = [&](size_t group) { return group + 1 < groups ? (group + 1) * kTokenGroup : tokens; };
    const auto count = [&](size_t group, size_t done) {
      if (groups_done_.Completes(group, done, rows)) finish(group * kTokenGroup, last(group));
    };
    Share(rows, kRowStep, IsSmall(tokens, outputs), OrderOf(tokens), [&](size_t begin, size_t end) {
      if (begin < bulk) {
        const size_t to = std::min(end, bulk);
        Rows(outputs, begin, to, x, 0, tokens);
        for (size_t g = 0; g < groups; ++g) count(g, to - begin);
        begin = to;
      }
      for (; begin < end; begin += kRowStep) {
        const size_t group = (begin - bulk) / kRowStep, first = group * kTokenGroup;
        Rows(outputs, bulk, rows, x, first, last(group) - first);
        count(group, tail);
      }
    });
  }
  // Changes every product of a matrix that it knows, until another is set; may be null.
  void SetAdapter(const LoraAdapter* adapter) { adapter_ = adapter; }
  // Sees every product; may be null.
  void SetObserver(Observer* observer) { observer_ = observer; }
  // Whether somebody changes or sees products of the matrix.
  bool IsPlain(const Matrix& matrix) const {
    return observer_ == nullptr && (adapter_ == nullptr || adapter_->Of(matrix).pair == nullptr);
  }

 private:
  // Borders of pieces: tiles, which also are as much as the widest row kernel does at once, or twice that.
  static constexpr size_t kRowStep = kernels::kTileRows;
  // The largest group of tokens that packed products take at once.
  static constexpr size_t kTokenGroup = 12;

  void Observe(const ProductInput& x, size_t tokens, Outputs outputs);
  // Whether the products are so small that the caller had better do them alone.
  static bool IsSmall(size_t tokens, Outputs outputs);
  // Products of many tokens arrange these anew for each piece, so there pieces are of several tiles.
  static constexpr size_t StepOf(size_t tokens) { return tokens < kTokenGroup ? kRowStep : 4 * kRowStep; }
  // Each thread goes through rows of its own; but where the last rows are groups of many tokens, whoever
  // comes takes the next ones, so that all others are done then.
  using Order = base::ThreadPool::Order;
  static constexpr Order OrderOf(size_t tokens) {
    return tokens < kTokenGroup ? Order::kStretches : Order::kOneAfterTheOther;
  }
  template <typename Piece>
  void Share(size_t n, size_t step, bool alone, Order order, const Piece& piece) {
    if (alone) {
      piece(0, n);
    } else {
      pool_.Run(n, step, piece, order);
    }
  }
  void Products(const ProductInput& x, size_t tokens, Outputs outputs);
  void AddLora(const float* x, size_t tokens, const Output& output);
  static bool BeginWithTiles(Outputs outputs) {
    for (const Output& output : outputs) {
      if (output.matrix.first_row != 0) return false;
    }
    return true;
  }
  // The matrices stand one below the other, each from a multiple of kRowStep on: so many rows in all.
  static size_t Places(Outputs outputs);
  // Rows begin to end of these, of tokens first to first + count; begin is a multiple of kRowStep.
  void Rows(Outputs outputs, size_t begin, size_t end, const ProductInput& x, size_t first,
            size_t count) const;
  // The same of one output, counted from where its matrix' first tile begins.
  void Part(const Output& output, size_t begin, size_t end, const ProductInput& x, size_t first,
            size_t count) const;
  void Tiles(const Matrix& matrix, float* y, size_t begin, size_t end, const void* x, size_t tokens) const;
  // The same of a matrix in planes, which are put together tile by tile.
  void JoinedTiles(const Matrix& matrix, float* y, size_t begin, size_t end, const void* x,
                   size_t tokens) const;

  const kernels::Ops& ops_;
  base::ThreadPool& pool_;
  Observer* observer_ = nullptr;
  const LoraAdapter* adapter_ = nullptr;
  std::vector<float> low_, change_;  // [tokens, rank], [tokens, rows] of an adapter
  QuantizedInput own_;               // of inputs that come as floats alone
  Progress groups_done_;             // rows of the groups of tokens
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_LINEAR_H_
