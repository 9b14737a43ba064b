#ifndef LINNET_RUNTIME_MODEL_ROPE_H_
#define LINNET_RUNTIME_MODEL_ROPE_H_

#include <cstdint>
#include <vector>

#include "runtime/model/config.h"

namespace linnet::model {

// Angles of rotary positions, in double by base/exact_math: the same bits on every machine. Immutable.
class Rope {
 public:
  // dims: elements of a head that are turned, even. factors: [dims / 2] divisors of the frequencies, or
  // empty.
  Rope(const RopeConfig& config, uint32_t dims, uint32_t original_context, const std::vector<float>& factors);

  size_t pairs() const { return frequencies_.size(); }
  // cos_sin: [2, pairs], cosines first, of the angles position * base^(-2i / dims), scaled as the config
  // says.
  void Angles(uint32_t position, float* cos_sin) const;

 private:
  double magnitude_;
  std::vector<double> frequencies_;
};

}  // namespace linnet::model

#endif  // LINNET_RUNTIME_MODEL_ROPE_H_
