#ifndef LINNET_RUNTIME_TOOLS_ROOFLINE_H_
#define LINNET_RUNTIME_TOOLS_ROOFLINE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/model/kv_cache.h"

namespace linnet::tools {

// What this machine can do at most, and what a model asks of it: the two bounds of every speed.

struct MachinePeak {
  int threads = 1;
  double read_bytes_per_second = 0;
  double int8_operations_per_second = 0;  // a product and its addition are two
};

struct Machine {
  std::string_view int8_instructions;
  std::vector<MachinePeak> peaks;  // of 1, 2, ... threads
  uint64_t buffer_bytes = 0;       // that were read; more than caches hold, where memory allows
};

// Measures for 1 to `threads` threads; the best of a few passes, for others use the machine too. Takes some
// tenths of a second a thread, and at most half of the free memory. ResourceExhausted when there is too
// little for a buffer that means something.
absl::StatusOr<Machine> MeasureMachine(int threads);

// What a token costs that is decoded alone, and one of a long prompt.
struct ModelCost {
  uint64_t weight_bytes = 0;        // each weight once; of an embedding that is not the head one row
  uint64_t head_bytes = 0;          // of those, the output head's, of which a token may read less
  uint64_t kv_bytes = 0;            // keys and values that are read, and the state of layers that have one
  uint64_t prefill_operations = 0;  // of the blocks' matrices; without attention and without the head,
                                    // which a prompt needs once
};

// Of a decode at positions [first, first + tokens), on average. Errors: those of GgufFile::Open and
// ReadConfig.
absl::StatusOr<ModelCost> CostOf(base::FileSystem& fs, const std::string& path, model::KvType kv,
                                 uint32_t first, uint32_t tokens);

}  // namespace linnet::tools

#endif  // LINNET_RUNTIME_TOOLS_ROOFLINE_H_
