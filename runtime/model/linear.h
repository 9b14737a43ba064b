#ifndef LINNET_RUNTIME_MODEL_LINEAR_H_
#define LINNET_RUNTIME_MODEL_LINEAR_H_

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "runtime/base/thread_pool.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/tiles.h"
#include "runtime/kernels/types.h"
#include "runtime/model/lora.h"
#include "runtime/model/observer.h"
#include "runtime/model/weights.h"

namespace linnet::model {

// Products of one input with one or more matrices, shared out by output rows.
class Linear {
 public:
  // `ops` and `pool` outlive it; inputs have at most `max_values` elements in all.
  Linear(const kernels::Ops& ops, base::ThreadPool& pool, size_t max_values);

  struct Output {
    const Matrix& matrix;
    float* y;  // [tokens, matrix.rows]
  };
  // y[t] = matrix * x[t]. x: [tokens, cols], the same cols for all. The matrices may be of different types:
  // each sees x in the form that its type takes (kernels/weight_types.h).
  void Multiply(const float* x, size_t tokens, std::initializer_list<Output> outputs);
  // The same, and then finish(begin, end) once for all rows, in pieces, each in the thread that has just
  // computed these rows of all outputs for all tokens: so the next step needs no barrier of its own. The
  // outputs have the same number of rows.
  template <typename Finish>
  void MultiplyThen(const float* x, size_t tokens, std::initializer_list<Output> outputs,
                    const Finish& finish) {
    const size_t rows = outputs.begin()->matrix.rows;
    // An adapter's part is added after the products, and rows that begin inside a tile are no pieces of it.
    if (adapter_ != nullptr || !BeginWithTiles(outputs)) {
      Multiply(x, tokens, outputs);
      pool_.Run(rows, kRowStep, finish);
      return;
    }
    Observe(x, tokens, outputs);
    const bool alone = Prepare(x, tokens, outputs);
    Share(rows, alone, [&](size_t begin, size_t end) {
      for (const Output& output : outputs) Part(output, begin, end, x, tokens);
      finish(begin, end);
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

  void Observe(const float* x, size_t tokens, std::initializer_list<Output> outputs);
  // Quantizes x as the matrices need it. True when the products are so small that the caller had better do
  // them alone.
  bool Prepare(const float* x, size_t tokens, std::initializer_list<Output> outputs);
  template <typename Piece>
  void Share(size_t rows, bool alone, const Piece& piece) {
    if (alone) {
      piece(0, rows);
    } else {
      pool_.Run(rows, step_, piece);
    }
  }
  void Products(const float* x, size_t tokens, std::initializer_list<Output> outputs);
  void AddLora(const float* x, size_t tokens, const Output& output);
  // Runs work(begin, end) over pieces of [0, blocks).
  template <typename Work>
  void ForBlocks(size_t blocks, bool alone, Work work);
  static bool BeginWithTiles(std::initializer_list<Output> outputs) {
    for (const Output& output : outputs) {
      if (output.matrix.first_row != 0) return false;
    }
    return true;
  }
  // Of rows begin to end of the output's matrix, counted from where its first tile begins; begin is a
  // multiple of kRowStep.
  void Part(const Output& output, size_t begin, size_t end, const float* x, size_t tokens) const;
  void Tiles(const Output& output, size_t begin, size_t end, const float* x, size_t tokens) const;
  // The same of a matrix in planes, which are put together tile by tile.
  void JoinedTiles(const Output& output, size_t begin, size_t end, const float* x, size_t tokens) const;
  const void* Input(kernels::WeightType type, const float* x) const;

  const kernels::Ops& ops_;
  base::ThreadPool& pool_;
  size_t step_ = kRowStep;  // of the products that are under way
  Observer* observer_ = nullptr;
  const LoraAdapter* adapter_ = nullptr;
  std::vector<float> low_, change_;              // [tokens, rank], [tokens, rows] of an adapter
  std::vector<kernels::ActBlock> blocks_;        // [tokens, cols / 32]
  std::vector<kernels::ActBlock256> blocks256_;  // [tokens, cols / 256]
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_LINEAR_H_
