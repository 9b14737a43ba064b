#ifndef LINNET_RUNTIME_MODEL_OBSERVER_H_
#define LINNET_RUNTIME_MODEL_OBSERVER_H_

#include <cstddef>
#include <cstdint>

namespace linnet::model {

struct Matrix;

// Sees what flows through a forward pass, for tools that measure a model (importance matrices, pruning). The
// spans are valid for the call; nothing of the result depends on it. Called on the caller's thread.
class Observer {
 public:
  virtual ~Observer() = default;
  // Before y = matrix * x. x: [tokens, matrix.cols]. A matrix is known by its `data`, its place in the file.
  virtual void OnProduct(const Matrix& /*matrix*/, const float* /*x*/, size_t /*tokens*/) {}
  // The residual stream before layer `layer`; after the last one, `layer` is their number. x: [tokens, dim].
  virtual void OnResidual(uint32_t /*layer*/, const float* /*x*/, size_t /*tokens*/) {}
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_OBSERVER_H_
