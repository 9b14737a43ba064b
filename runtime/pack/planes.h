#ifndef LINNET_RUNTIME_PACK_PLANES_H_
#define LINNET_RUNTIME_PACK_PLANES_H_

#include <cstddef>
#include <functional>
#include <span>

#include "absl/status/status.h"
#include "runtime/kernels/planes.h"
#include "runtime/kernels/types.h"

namespace linnet::pack {

// The planes of a head (runtime/kernels/planes.h), in order and in pieces. rows: [row_count, cols] Q8_0
// blocks as GGUF has them; cols is a whole number of blocks. Errors are those of `sink`.
using PlanesSink = std::function<absl::Status(std::span<const std::byte>)>;
absl::Status WritePlanes(std::span<const std::byte> rows, size_t row_count, size_t cols,
                         const PlanesSink& sink);

// What the lower half of a row may add.
kernels::PlaneRow PlaneRowOf(std::span<const kernels::BlockQ8_0> row);

// A matrix in planes.
struct PlanesView {
  const std::byte* data;
  size_t rows, cols;
};

// Row `row` as GGUF has it: out is [cols / 32]. The bytes that were packed.
void JoinRow(const PlanesView& planes, size_t row, std::span<kernels::BlockQ8_0> out);

// A row that does not say of itself what PlaneRowOf says of it, or whose scales are not finite: row_count
// when there is none.
size_t FindWrongPlaneRow(const PlanesView& planes);

}  // namespace linnet::pack

#endif  // LINNET_RUNTIME_PACK_PLANES_H_
